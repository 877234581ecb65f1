/// The index's files as another process has them, put together to one image without asking SQLite, which would want to
/// lock the one and make a third: whoever only looks changes nothing, whether a process runs or died.
package enum IndexImage {
    /// Applies to the pages of `database` what the write-ahead log has of committed transactions (SQLite's file format,
    /// sections 4.1 and 4.2), and gives an image of a file that has no such log; nil where `database` is none at all.
    package static func make(database: [UInt8], log: [UInt8]) -> [UInt8]? {
        guard database.count >= 100 || log.count > headerSize else { return nil }
        var image = database
        if let frames = Frames(log) { frames.apply(to: &image) }
        guard image.count >= 100 else { return nil }
        // Read and write version: legacy, without a log.
        image[18] = 1
        image[19] = 1
        return image
    }

    /// What tells one generation of a log from the next: where it is the same before and after all was read, all that
    /// was read belongs together.
    package static func generation(ofLog start: [UInt8]) -> [UInt8] { Array(start.prefix(headerSize)) }

    /// Bytes of a log's header.
    package static let headerSize = 32

    /// The committed frames of a log.
    private struct Frames {
        private let log: [UInt8]
        private let pageSize: Int
        /// How many frames there are up to the last commit.
        private let count: Int
        /// Of the database after the last commit.
        private let pages: Int

        private static let headerSize = 24

        init?(_ log: [UInt8]) {
            self.log = log
            guard log.count > IndexImage.headerSize else { return nil }
            let magic = log.bigEndian(at: 0)
            pageSize = Int(log.bigEndian(at: 8))
            guard magic & ~1 == 0x377f_0682, (512...65_536).contains(pageSize), pageSize.nonzeroBitCount == 1 else {
                return nil
            }
            var sum = Checksum(isBigEndian: magic & 1 == 1)
            sum.add(log[0..<24])
            guard sum.isEqual(log, at: 24) else { return nil }
            var frames = 0
            var committed = 0
            var pages = 0
            var start = IndexImage.headerSize
            while start + Self.headerSize + pageSize <= log.count {
                // A frame of an earlier generation, or one that was not written to its end, ends it.
                guard log[(start + 8)..<(start + 16)].elementsEqual(log[16..<24]) else { break }
                sum.add(log[start..<(start + 8)])
                sum.add(log[(start + Self.headerSize)..<(start + Self.headerSize + pageSize)])
                guard sum.isEqual(log, at: start + 16) else { break }
                frames += 1
                let size = Int(log.bigEndian(at: start + 4))
                if size > 0 {
                    committed = frames
                    pages = size
                }
                start += Self.headerSize + pageSize
            }
            guard committed > 0 else { return nil }
            count = committed
            self.pages = pages
        }

        func apply(to image: inout [UInt8]) {
            let size = pages * pageSize
            if image.count > size { image.removeLast(image.count - size) }
            image.reserveCapacity(size)
            if image.count < size { image.append(contentsOf: repeatElement(0, count: size - image.count)) }
            for frame in 0..<count {
                let start = IndexImage.headerSize + frame * (Self.headerSize + pageSize)
                let page = Int(log.bigEndian(at: start))
                guard page >= 1, page <= pages else { continue }
                let bytes = log[(start + Self.headerSize)..<(start + Self.headerSize + pageSize)]
                image.replaceSubrange(((page - 1) * pageSize)..<(page * pageSize), with: bytes)
            }
        }
    }

    /// The checksum of a log's frames, each of which goes on from the one before.
    private struct Checksum {
        private let isBigEndian: Bool
        private var first: UInt32 = 0
        private var second: UInt32 = 0

        init(isBigEndian: Bool) {
            self.isBigEndian = isBigEndian
        }

        /// Adds a multiple of eight bytes.
        mutating func add(_ bytes: ArraySlice<UInt8>) {
            bytes.withUnsafeBytes { raw in
                for offset in stride(from: 0, to: raw.count - 7, by: 8) {
                    first &+= word(raw, offset) &+ second
                    second &+= word(raw, offset + 4) &+ first
                }
            }
        }

        private func word(_ raw: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
            let word = raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
            return isBigEndian ? UInt32(bigEndian: word) : UInt32(littleEndian: word)
        }

        func isEqual(_ bytes: [UInt8], at offset: Int) -> Bool {
            bytes.bigEndian(at: offset) == first && bytes.bigEndian(at: offset + 4) == second
        }
    }
}

extension [UInt8] {
    fileprivate func bigEndian(at offset: Int) -> UInt32 {
        withUnsafeBytes { UInt32(bigEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
    }
}
