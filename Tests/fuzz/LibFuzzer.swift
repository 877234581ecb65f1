import FoundationEssentials

/// The parser that the environment names.
private let parser: Parser = {
    let name = ProcessInfo.processInfo.environment["NOSOCKS_FUZZ_PARSER"] ?? ""
    guard let parser = Parser(rawValue: name) else {
        fatalError("NOSOCKS_FUZZ_PARSER is one of \(Parser.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return parser
}()

/// libFuzzer's entry point. A trap is what it notices and keeps the input of.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        try parser.eat(Array(UnsafeBufferPointer(start: bytes, count: count)))
    } catch {
        fatalError("\(parser): \(error)")
    }
    return 0
}

/// Called once, before anything else: writes the seeds where NOSOCKS_FUZZ_SEEDS says.
@_cdecl("LLVMFuzzerInitialize")
func fuzzInitialize(
    _ count: UnsafeMutablePointer<CInt>?,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>?
) -> CInt {
    guard let folder = ProcessInfo.processInfo.environment["NOSOCKS_FUZZ_SEEDS"] else { return 0 }
    do {
        for (number, seed) in try parser.seeds().enumerated() {
            try Data(seed).write(to: URL(filePath: "\(folder)/seed-\(number)"))
        }
    } catch {
        fatalError("\(folder): \(error)")
    }
    return 0
}
