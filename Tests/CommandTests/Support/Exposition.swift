/// Prometheus' text format, version 0.0.4, read as strictly as can be: by the grammar of the format, and by what
/// `promtool check metrics` finds fault with.
struct Exposition {
    struct Fault: Error, CustomStringConvertible {
        let description: String
    }

    struct Sample {
        let name: String
        let labels: [String: String]
        let value: Double
    }

    struct Family {
        let name: String
        let type: String
        var samples: [Sample] = []
    }

    private(set) var families: [Family] = []
    private var seen: Set<String> = []

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Fault(description: "the last line does not end") }
        var help: String?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if let match = line.wholeMatch(of: /# HELP ([a-z_:][a-z0-9_:]*) ([^\\]+)/) {
                guard help == nil else { throw Fault(description: "HELP after HELP: \(line)") }
                help = String(match.1)
            } else if let match = line.wholeMatch(of: /# TYPE ([a-z_:][a-z0-9_:]*) (counter|gauge|histogram)/) {
                guard help == String(match.1) else { throw Fault(description: "TYPE without its HELP: \(line)") }
                help = nil
                try begin(Family(name: String(match.1), type: String(match.2)))
            } else {
                guard help == nil else { throw Fault(description: "HELP without TYPE before: \(line)") }
                try add(Self.sample(line))
            }
        }
        for family in families where family.type == "histogram" { try Self.check(family) }
    }

    private mutating func begin(_ family: Family) throws {
        let name = family.name
        guard !families.contains(where: { $0.name == name }) else { throw Fault(description: "\(name) comes twice") }
        guard (family.type == "counter") == name.hasSuffix("_total") else {
            throw Fault(description: "\(name) is a \(family.type)")
        }
        let foreign = ["_milliseconds", "_ms", "_kilobytes", "_percent", "_minutes", "_count", "_sum", "_bucket"]
        for unit in foreign where name.hasSuffix(unit) { throw Fault(description: "\(name) ends in \(unit)") }
        families.append(family)
    }

    private mutating func add(_ sample: Sample) throws {
        guard let family = families.last else { throw Fault(description: "\(sample.name) before any TYPE") }
        let suffixes = family.type == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
        guard suffixes.contains(where: { sample.name == family.name + $0 }) else {
            throw Fault(description: "\(sample.name) stands under \(family.name)")
        }
        guard family.type == "gauge" || sample.value >= 0 else {
            throw Fault(description: "\(sample.name) is negative")
        }
        let key = sample.name + sample.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined()
        guard seen.insert(key).inserted else { throw Fault(description: "\(key) comes twice") }
        families[families.count - 1].samples.append(sample)
    }

    private static func sample(_ line: Substring) throws -> Sample {
        let value = /-?(?:[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?|\+?Inf|NaN)/
        let label = /([a-z_][a-z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)",?/
        guard let name = line.prefixMatch(of: /[a-z_:][a-z0-9_:]*/)?.output else {
            throw Fault(description: "no name: \(line)")
        }
        var rest = line[name.endIndex...]
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest = rest.dropFirst()
            while let match = rest.prefixMatch(of: label) {
                guard labels.updateValue(String(match.2), forKey: String(match.1)) == nil else {
                    throw Fault(description: "\(match.1) twice: \(line)")
                }
                rest = rest[match.range.upperBound...]
            }
            guard rest.first == "}", !labels.isEmpty else { throw Fault(description: "labels: \(line)") }
            rest = rest.dropFirst()
        }
        guard rest.first == " ", rest.dropFirst().wholeMatch(of: value) != nil, let number = Double(rest.dropFirst())
        else { throw Fault(description: "no value: \(line)") }
        return Sample(name: String(name), labels: labels, value: number)
    }

    private static func check(_ family: Family) throws {
        let buckets = family.samples.filter { $0.name.hasSuffix("_bucket") }
        let bounds = try buckets.map { bucket in
            guard let bound = bucket.labels["le"].flatMap({ $0 == "+Inf" ? .infinity : Double($0) }) else {
                throw Fault(description: "\(family.name) has a bucket without a bound")
            }
            return bound
        }
        let counts = buckets.map(\.value)
        guard bounds == Set(bounds).sorted(), bounds.last == .infinity, counts == counts.sorted() else {
            throw Fault(description: "\(family.name)'s buckets are in no order: \(buckets)")
        }
        guard family.samples.first(where: { $0.name == "\(family.name)_count" })?.value == counts.last,
            family.samples.contains(where: { $0.name == "\(family.name)_sum" })
        else { throw Fault(description: "\(family.name)'s count or sum is wrong or missing") }
    }

    /// A sample's value; nil where there is none.
    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        families.flatMap(\.samples).first { sample in
            sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
        }?.value
    }
}
