#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// One entry of a listing, or of an event line, as far as tests look at it.
struct Listed: Decodable {
    var path: String
    // As it is named there.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    var path_b64: String?
    var kind: String
    var by: String
    var size: Int?
    var revision: Int

    static func all(_ bytes: [UInt8]) throws -> [Listed] {
        try JSONDecoder().decode([Listed].self, from: Data(bytes))
    }
}
