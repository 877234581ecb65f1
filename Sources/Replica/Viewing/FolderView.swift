package import Disk
package import Index
import Tree

/// A replica's folder for a process that does not hold it: beside the one that does, or after it has ended.
///
/// It reads the index without a lock and without changing anything. What it says was true when it was opened; what the
/// index says is kept stays as long as this lives.
package struct FolderView {
    /// Why a folder can't be looked at.
    package enum Failure: Error, Hashable, Sendable {
        /// It is not there, or is no replica.
        case noReplica
        case index(IndexError)
        case failed(DiskError)
    }

    package let root: Root
    let state: Descriptor
    let staging: Descriptor
    let history: HistoryContent
    /// What commands had handed over just before the index was read.
    let handedOver: [RemovedItem]

    package var index: Index { history.index }

    package init(at path: [UInt8]) throws(Failure) {
        do {
            root = try Root(at: path)
            state = try StatePlace(of: root).open()
            staging = try Place(directory: state, name: Array("staging".utf8)).openDirectory()
            let folder = try Place(directory: state, name: Array("history".utf8)).openDirectory()
            handedOver = (try? AsideFolder(in: state, making: false))?.items ?? []
            // Before the index is read: nothing of what that tells of goes from here on. Where there are no locks, what went
            // meanwhile is told of as lost.
            try? folder.hold(.shared)
            history = HistoryContent(index: try Self.index(in: state), folder: folder)
        } catch let error as DiskError {
            throw error.isMissing ? .noReplica : .failed(error)
        } catch let error as IndexError {
            throw .index(error)
        } catch {
            throw .noReplica
        }
    }

    /// How often a log is read that began anew meanwhile: it takes thousands of changes for that.
    private static let attempts = 20

    /// - Parameter meanwhile: what a test does between a look at the one file and at the other.
    static func index(in state: Descriptor, meanwhile: () throws -> Void = {}) throws -> Index {
        let database = Place(directory: state, name: Array("index.sqlite".utf8))
        let log = Place(directory: state, name: Array("index.sqlite-wal".utf8))
        for _ in 0..<attempts {
            let before = try generation(log)
            // The log last: whatever was moved from it into the file meanwhile is still in it.
            let pages = try whole(database)
            try meanwhile()
            let frames = try log.statusIfPresent() == nil ? [] : whole(log)
            guard try generation(log) == before else { continue }
            guard let image = IndexImage.make(database: pages, log: frames) else { continue }
            return try Index(image: image)
        }
        throw IndexError(.failed, operation: "read", message: "it is empty, or changes all the time")
    }

    private static func generation(_ log: Place) throws -> [UInt8] {
        guard try log.statusIfPresent() != nil else { return [] }
        return try log.openForReading().read(IndexImage.headerSize, at: 0)
    }

    private static func whole(_ place: Place) throws(DiskError) -> [UInt8] {
        let file = try place.openForReading()
        return try file.read(Int(clamping: try file.status().size), at: 0)
    }
}
