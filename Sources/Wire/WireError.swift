package import Tree

/// What is wrong with a message: always the fault of the side that sent it.
package enum WireError: Error, Hashable, Sendable {
    /// The message ends before the named field does.
    case truncated(Field)
    /// A message of a kind that this version does not know and must not pass over.
    case unknownKind(UInt8)
    /// A `hello` without the magic: the other side does not speak this protocol at all.
    case notNosocks
    /// The bytes of a path are none.
    case path(PathError)
    /// A text is not UTF-8.
    case notUTF8(Field)
    /// A value that the named field can't have; for a text or a list, its length.
    case outOfRange(Field, UInt64)
    /// Two fields that don't go together.
    case inconsistent(Field)
    /// So many bytes follow the end of the message.
    case trailingBytes(Int)

    package enum Field: String, Hashable, Sendable {
        case kind, magic, versions, section, count, path, name, author, text, replica, epoch, term, revision, cursor
        case flags
        case number, entry, size, digest, mode, seconds, nanoseconds, target, attachment, verdict, refusal, reason
        case list, chunk
    }
}

extension WireError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .truncated(let field): "the message ends within its \(field.rawValue)"
        case .unknownKind(let kind): "a message is of kind \(kind), which this version does not know"
        case .notNosocks: "the other side does not speak nosocks"
        case .path(let error): "\(error)"
        case .notUTF8(let field): "the \(field.rawValue) is not UTF-8"
        case .outOfRange(let field, let value): "the \(field.rawValue) cannot be \(value)"
        case .inconsistent(let field): "the \(field.rawValue) does not fit the rest of the message"
        case .trailingBytes(let count): "\(count) bytes follow the end of the message"
        }
    }
}
