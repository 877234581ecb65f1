import Testing

/// A short run, the same each time, of what `make fuzz` does for as long as one likes.
@Suite struct ParserTests {
    @Test(arguments: Parser.allCases)
    func `What is valid comes through`(parser: Parser) throws {
        for seed in try parser.seeds() { try parser.eat(seed) }
    }

    @Test(arguments: Parser.allCases)
    func `What is spoiled traps nowhere, and what a parser makes of it holds`(parser: Parser) throws {
        let seed: UInt64 = 1
        var mutator = Mutator(seed: seed, samples: try parser.seeds())
        for number in 0..<400 {
            let input = mutator.input()
            #expect(throws: Never.self, "\(parser), seed \(seed), input \(number): \(input)") { try parser.eat(input) }
        }
    }
}
