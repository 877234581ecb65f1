import NIOCore

/// What does the deflating. Whichever it is, any inflater reads what it makes.
package enum DeflateEngine: CaseIterable, Sendable {
    /// The reference, and always there.
    case zlib
    #if ISAL
    /// Intel's ISA-L, in builds with the package's trait of that name: three to four times as fast as zlib at level 1.
    ///
    /// Its levels 1 to 3 stand for zlib's 1 to 3. It has none that makes as little as zlib's higher ones, which are for
    /// links where that is what counts: they stay zlib's.
    case isal
    #endif

    /// The fastest one of this build.
    package static var preferred: Self {
        #if ISAL
        .isal
        #else
        .zlib
        #endif
    }

    /// Whether it deflates at this level, 1–9.
    package func serves(_ level: Int) -> Bool {
        switch self {
        case .zlib: true
        #if ISAL
        case .isal: ISALStream.levels.contains(level)
        #endif
        }
    }

    /// The engine that deflates at this level for those who prefer this one.
    func engine(for level: Int) -> Self { serves(level) ? self : .zlib }

    /// - Returns: `nil` if the engine refuses: no memory, or parameters out of range.
    func stream(windowBits: Int, level: Int) -> (any DeflateStream)? {
        switch self {
        case .zlib: ZlibStream(windowBits: windowBits, level: level)
        #if ISAL
        case .isal: ISALStream(windowBits: windowBits, level: level)
        #endif
        }
    }
}

/// One engine's window, and what it knows of it.
protocol DeflateStream: AnyObject {
    /// Appends `bytes` deflated and, all of it being out, the marker 00 00 FF FF.
    ///
    /// - Parameters:
    ///   - bytes: At least one.
    ///   - level: 1–9, and one that the engine is for.
    func deflate(_ bytes: UnsafeRawBufferPointer, level: Int, into out: inout ByteBuffer)

    /// Forgets the window: nothing that follows refers to what was before.
    func forget()
}
