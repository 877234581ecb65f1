/// Elements in order of their deadlines (a binary heap). What was put off is pushed again; the caller says which
/// deadlines still hold.
struct DeadlineHeap<Element: Sendable>: Sendable {
    private var items: [(due: Duration, element: Element)] = []

    mutating func push(_ element: Element, due: Duration) {
        items.append((due, element))
        var child = items.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard items[child].due < items[parent].due else { break }
            items.swapAt(child, parent)
            child = parent
        }
    }

    /// The earliest deadline that still holds; drops those before it that do not.
    mutating func first(where holds: (Element, Duration) -> Bool) -> Duration? {
        while let top = items.first {
            if holds(top.element, top.due) { return top.due }
            removeFirst()
        }
        return nil
    }

    /// Takes the element with the earliest deadline that still holds, unless that is after `limit`.
    mutating func pop(until limit: Duration, where holds: (Element, Duration) -> Bool) -> Element? {
        while let top = items.first {
            guard holds(top.element, top.due) else {
                removeFirst()
                continue
            }
            guard top.due <= limit else { return nil }
            removeFirst()
            return top.element
        }
        return nil
    }

    private mutating func removeFirst() {
        let last = items.removeLast()
        guard !items.isEmpty else { return }
        items[0] = last
        var parent = 0
        while true {
            let left = 2 * parent + 1
            var least = parent
            for child in [left, left + 1] where child < items.count && items[child].due < items[least].due {
                least = child
            }
            guard least != parent else { return }
            items.swapAt(parent, least)
            parent = least
        }
    }
}
