import Synchronization

/// What other threads leave for one: it takes all that is there at a time, and is called once for it.
final class Mailbox<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    /// True where the box was empty: then its owner is to be called.
    func put(_ element: Element) -> Bool {
        elements.withLock { elements in
            elements.append(element)
            return elements.count == 1
        }
    }

    func takeAll() -> [Element] {
        elements.withLock { elements in
            defer { elements = [] }
            return elements
        }
    }
}
