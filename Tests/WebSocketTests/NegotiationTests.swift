import Testing

@testable import WebSocket

@Suite struct NegotiationTests {
    struct Row: CustomTestStringConvertible {
        let offers: [String]
        /// `nil`: declined.
        let answer: String?
        var agreement: DeflateAgreement?
        var testDescription: String { offers.joined(separator: " | ") }

        init(_ offers: String..., answer: String?, agreement: DeflateAgreement? = nil) {
            self.offers = offers
            self.answer = answer
            self.agreement = agreement
        }
    }

    static let plain = "permessage-deflate; server_no_context_takeover"

    static let rows: [Row] = [
        Row(answer: nil),
        Row("", answer: nil),
        Row("permessage-deflate", answer: plain, agreement: DeflateAgreement(serverNoContextTakeover: true)),
        Row(
            "permessage-deflate; client_max_window_bits", answer: plain + "; client_max_window_bits=12",
            agreement: DeflateAgreement(serverNoContextTakeover: true, clientMaxWindowBits: 12)),
        Row(
            "permessage-deflate; client_max_window_bits=10", answer: plain + "; client_max_window_bits=10",
            agreement: DeflateAgreement(serverNoContextTakeover: true, clientMaxWindowBits: 10)),
        Row("permessage-deflate; client_max_window_bits=15", answer: plain + "; client_max_window_bits=12"),
        Row("permessage-deflate; client_max_window_bits=8", answer: plain + "; client_max_window_bits=8"),
        Row(
            "permessage-deflate; server_max_window_bits=9", answer: plain + "; server_max_window_bits=9",
            agreement: DeflateAgreement(serverNoContextTakeover: true, serverMaxWindowBits: 9)),
        Row(
            "permessage-deflate; client_no_context_takeover",
            answer: "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            agreement: DeflateAgreement(serverNoContextTakeover: true, clientNoContextTakeover: true)),
        // zlib cannot deflate with a window of 8 bits; the next offer may do.
        Row("permessage-deflate; server_max_window_bits=8", answer: nil),
        Row("permessage-deflate; server_max_window_bits=8, permessage-deflate", answer: plain),
        Row("permessage-deflate; server_max_window_bits=8", "permessage-deflate", answer: plain),
        // The grammar.
        Row("permessage-deflate; server_max_window_bits=\"10\"", answer: plain + "; server_max_window_bits=10"),
        Row("permessage-deflate; server_max_window_bits=\"1\\0\"", answer: plain + "; server_max_window_bits=10"),
        Row("permessage-deflate ;\tserver_max_window_bits = 10", answer: plain + "; server_max_window_bits=10"),
        Row(", , permessage-deflate,", answer: plain),
        Row("permessage-deflate; server_max_window_bits=010", answer: nil),
        Row("permessage-deflate; server_max_window_bits=+10", answer: nil),
        Row("permessage-deflate; server_max_window_bits=16", answer: nil),
        Row("permessage-deflate; server_max_window_bits=7", answer: nil),
        Row("permessage-deflate; server_max_window_bits=1e1", answer: nil),
        Row("permessage-deflate; server_max_window_bits=", answer: nil),
        Row("permessage-deflate; server_max_window_bits=\"\"", answer: nil),
        Row("permessage-deflate; server_max_window_bits=\"10", answer: nil),
        Row("permessage-deflate; server_max_window_bits", answer: nil),
        Row("permessage-deflate; client_max_window_bits=09", answer: nil),
        Row("permessage-deflate; server_no_context_takeover=1", answer: nil),
        Row("permessage-deflate; client_no_context_takeover=\"true\"", answer: nil),
        Row("permessage-deflate; server_no_context_takeover; server_no_context_takeover", answer: nil),
        Row("permessage-deflate; client_max_window_bits; client_max_window_bits=9", answer: nil),
        Row("permessage-deflate; unknown", answer: nil),
        Row("permessage-deflate;", answer: nil),
        Row("permessage-deflate; ; client_max_window_bits", answer: nil),
        Row("permessage deflate", answer: nil),
        Row("x-webkit-deflate-frame", answer: nil),
        Row("x-webkit-deflate-frame, permessage-deflate", answer: plain),
        Row("permessage-deflate; a=\"b,permessage-deflate\", permessage-deflate", answer: plain),
        Row("@@@", "permessage-deflate; server_max_window_bits=03, permessage-deflate", answer: plain),
    ]

    @Test("The first offer that can be kept is taken, the others passed over", arguments: rows)
    func server(_ row: Row) {
        let settings = DeflateSettings(clientMaxWindowBits: 12)
        let accepted = settings.accept(offers: row.offers)
        #expect(accepted?.headerValue == row.answer)
        if let agreement = row.agreement { #expect(accepted?.agreement == agreement) }
    }

    @Test("Settings beyond the default are imposed where the client lets them")
    func imposed() {
        let settings = DeflateSettings(
            serverNoContextTakeover: false, clientNoContextTakeover: true, serverMaxWindowBits: 10,
            clientMaxWindowBits: 9)
        #expect(
            settings.accept(offers: ["permessage-deflate; client_max_window_bits"])?.headerValue
                == "permessage-deflate; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=9"
        )
    }

    @Test("The client offers what its settings say")
    func offers() {
        #expect(
            DeflateSettings().offerHeaderValue
                == "permessage-deflate; server_no_context_takeover; client_max_window_bits")
        #expect(
            DeflateSettings(
                serverNoContextTakeover: false, clientNoContextTakeover: true, serverMaxWindowBits: 11,
                clientMaxWindowBits: 10
            ).offerHeaderValue
                == "permessage-deflate; client_no_context_takeover; server_max_window_bits=11; client_max_window_bits=10"
        )
    }

    @Test("The client takes an answer that keeps to its offer")
    func answers() throws {
        let settings = DeflateSettings(serverMaxWindowBits: 12, clientMaxWindowBits: 13)
        #expect(try settings.confirm(answers: [String]()) == nil)
        let agreement = try settings.confirm(answers: [
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=11; client_max_window_bits=9"
        ])
        #expect(
            agreement
                == DeflateAgreement(serverNoContextTakeover: true, serverMaxWindowBits: 11, clientMaxWindowBits: 9))
        let wider = try settings.confirm(answers: [
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=12; client_max_window_bits=15"
        ])
        #expect(wider?.clientMaxWindowBits == 13, "a client may use less than it is allowed")
    }

    @Test(
        "The client fails on an answer that it did not ask for",
        arguments: [
            "permessage-deflate", "permessage-deflate; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=13",
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=12; client_max_window_bits",
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=012",
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=12; server_max_window_bits=12",
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=12; mystery",
            "x-webkit-deflate-frame", "@@@",
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=12, permessage-deflate",
        ])
    func badAnswers(answer: String) {
        let settings = DeflateSettings(serverMaxWindowBits: 12)
        #expect {
            try settings.confirm(answers: [answer])
        } throws: { error in
            (error as? ProtocolError)?.closeCode == .mandatoryExtension
        }
    }
}
