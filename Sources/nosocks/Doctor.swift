import ArgumentParser
import Mirror
import Replica

/// `nosocks doctor [DIR]`
struct Doctor: DocumentedCommand {
    static let help = CommandHelp(
        abstract: "Find out what stands in a replica's way on this machine, and what to do about it.",
        examples: [
            .init("nosocks doctor ~/notes"),
            .init("nosocks doctor --json | jq 'select(.fine | not)'"),
        ],
        text: ["Ends with 0 if all is well, else with 1."],
        endings: [(.done, "All is well."), (.failed, "Something is not well; each finding says what to do about it.")])

    @Argument(help: ArgumentHelp("The folder.", valueName: "dir"), completion: .directory)
    var directory = "."

    @Flag(help: "One JSON object a line.")
    var json = false

    @OptionGroup var talking: TalkOptions

    func validate() throws {
        if directory.isEmpty { throw ValidationError("the name of the folder is empty") }
    }

    private struct Line: Encodable {
        let subject: String
        let fine: Bool
        let text: String
        let remedy: String?
    }

    func run() async throws {
        let doctor: FolderDoctor
        do {
            doctor = try FolderDoctor(at: Array(directory.utf8))
        } catch {
            talking.talk.fail("\(directory): \(error)", ["path": directory])
            throw ExitStatus.failed
        }
        var findings = doctor.examine()
        findings += await connection()
        for finding in findings { tell(finding) }
        throw findings.allSatisfy(\.isFine) ? ExitStatus.done : .failed
    }

    /// What the process that holds the folder says of its hub, if one does.
    private func connection() async -> [FolderDoctor.Finding] {
        let reply = try? await ControlClient.ask(.status, of: directory, within: .seconds(10))
        guard case .status(let status)? = reply else {
            return [FolderDoctor.Finding("process", "none keeps this folder in step now")]
        }
        guard status.role == .peer else {
            return [FolderDoctor.Finding("hub", "this is one, with \(status.peers.count) peers")]
        }
        let url = status.url.first ?? ""
        guard status.connected else {
            return [
                FolderDoctor.Finding(
                    "hub", isFine: false, "there is no connection to \(url)",
                    remedy: "see whether the hub runs and listens there, and what join says")
            ]
        }
        return [FolderDoctor.Finding("hub", "connected to \(status.hub ?? url)")]
    }

    private func tell(_ finding: FolderDoctor.Finding) {
        if json {
            let line = Line(
                subject: finding.subject, fine: finding.isFine, text: finding.text, remedy: finding.remedy)
            StandardStream.output.write(JSONLine.bytes(line))
            return
        }
        let mark = finding.isFine ? "ok  " : "BAD "
        let remedy = finding.remedy.map { "\n      \($0)" } ?? ""
        StandardStream.output.write("\(mark)\(finding.subject): \(finding.text)\(remedy)\n".utf8)
    }
}
