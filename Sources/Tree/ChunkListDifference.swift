/// What a file's chunk list has that the list of another file, as a rule its former version, has not.
///
/// The list of a large file is longer than most edits of it: of 512 MiB about 295 KB. The difference is a list of runs,
/// each some chunks of the other list and then some of its own.
package enum ChunkListDifference {
    /// The bytes of an encoded list before its chunks, and of each chunk (``ChunkList/encoded()``).
    private static let header = 12
    private static let entry = 36

    /// The difference of `list` from `base`, both ``ChunkList/encoded()``; nil where it would not be much smaller than the
    /// list.
    ///
    /// Encoded: how many runs there are, then of each run where in `base` its chunks begin, how many they are, and how many
    /// of its own follow, all of these 4 bytes, little-endian; then the runs' own chunks as they are in the list.
    package static func encode(_ list: [UInt8], from base: [UInt8]) -> [UInt8]? {
        guard list.count >= header, base.count >= header, list[..<4] == base[..<4] else { return nil }
        let places = places(in: base)
        let count = (list.count - header) / entry
        var runs: [Run] = []
        var fresh: [UInt8] = []
        var next = 0
        while next < count {
            var run = Run(start: 0, copied: 0, fresh: 0)
            if let start = places[key(of: list, next)], isSame(list, next, base, start) {
                run.start = start
                while next < count, isSame(list, next, base, start + run.copied) {
                    run.copied += 1
                    next += 1
                }
            }
            while next < count {
                if let place = places[key(of: list, next)], isSame(list, next, base, place) { break }
                fresh += list[(header + entry * next)..<(header + entry * (next + 1))]
                run.fresh += 1
                next += 1
            }
            runs.append(run)
            guard 12 * runs.count + fresh.count < list.count / 2 else { return nil }
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 + 12 * runs.count + fresh.count)
        append(runs.count, to: &bytes)
        for run in runs {
            append(run.start, to: &bytes)
            append(run.copied, to: &bytes)
            append(run.fresh, to: &bytes)
        }
        return bytes + fresh
    }

    /// The list of a file of `size` bytes, from that of the other; nil where that is not what the difference is from. It
    /// is not checked that it is a list, which its digest tells.
    package static func apply(_ difference: [UInt8], to base: [UInt8], fileSize size: UInt64) -> [UInt8]? {
        let parameters = ChunkingParameters(fileSize: size)
        let most = header + entry * Int(clamping: size / UInt64(parameters.minimum) + 1)
        let baseCount = (base.count - header) / entry
        guard base.count >= header, let count = integer(difference, at: 0), count <= (difference.count - 4) / 12 else {
            return nil
        }
        var own = 4 + 12 * count
        var list: [UInt8] = []
        withUnsafeBytes(of: parameters.average.littleEndian) { list += $0 }
        withUnsafeBytes(of: size.littleEndian) { list += $0 }
        for run in 0..<count {
            guard let start = integer(difference, at: 4 + 12 * run), let copied = integer(difference, at: 8 + 12 * run),
                let fresh = integer(difference, at: 12 + 12 * run), start <= baseCount, copied <= baseCount - start,
                fresh <= (difference.count - own) / entry, list.count + entry * (copied + fresh) <= most
            else { return nil }
            list += base[(header + entry * start)..<(header + entry * (start + copied))]
            list += difference[own..<(own + entry * fresh)]
            own += entry * fresh
        }
        return own == difference.count ? list : nil
    }

    private struct Run {
        var start: Int
        var copied: Int
        var fresh: Int
    }

    /// Where each chunk of a list is first, by the first bytes of its digest.
    private static func places(in list: [UInt8]) -> [UInt64: Int] {
        var places: [UInt64: Int] = [:]
        let count = (list.count - header) / entry
        places.reserveCapacity(count)
        for index in (0..<count).reversed() { places[key(of: list, index)] = index }
        return places
    }

    private static func key(of list: [UInt8], _ index: Int) -> UInt64 {
        list.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: header + entry * index + 4, as: UInt64.self) }
    }

    private static func isSame(_ list: [UInt8], _ index: Int, _ base: [UInt8], _ place: Int) -> Bool {
        let start = header + entry * index
        let other = header + entry * place
        return other + entry <= base.count && list[start..<(start + entry)] == base[other..<(other + entry)]
    }

    private static func append(_ value: Int, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: UInt32(clamping: value).littleEndian) { bytes += $0 }
    }

    private static func integer(_ bytes: [UInt8], at offset: Int) -> Int? {
        guard offset >= 0, offset + 4 <= bytes.count else { return nil }
        return bytes.withUnsafeBytes {
            Int(UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        }
    }
}
