import Tree

/// A fault that does not stop: all that it does not concern must come to rest beside it.
enum Nuisance {
    case none
    /// A user who never stops writing.
    case writer(World.Site)
    /// A disk that stays full.
    case full(World.Site)
    /// A connection that breaks every few moments.
    case flapping(World.Site)
    /// A file that can't be read.
    case unreadable(World.Site)

    /// A path that nothing else is done to.
    static let path = try? RelativePath("w")

    static func drawn(for world: World) -> Nuisance {
        let peer = world.sites[1 + world.random.below(world.options.peers)]
        let site = world.sites[world.random.below(1 + world.options.peers)]
        switch world.random.below(8) {
        case 0: return world.options.isSolo || site.isReader ? .none : .writer(site)
        case 1: return .full(peer)
        case 2: return .flapping(peer)
        case 3: return world.options.isSolo || site.isReader ? .none : .unreadable(site)
        default: return .none
        }
    }
}

extension World {
    private static let rounds = 400

    /// Other faults stop; everything but what the nuisance concerns comes to rest.
    func settleBeside(_ nuisance: Nuisance) throws(Violation) {
        if case .none = nuisance { return }
        note("beside \(name(of: nuisance))")
        endFaults()
        begin(nuisance)
        var agreed = 0
        for number in 0..<Self.rounds {
            disturb(nuisance, number)
            try round()
            if number % 8 == 7 {
                pass(Timing.review)
                for site in sites { retry(site) }
            }
            guard number > 40, difference(besides: { isConcerned($0, $1, nuisance) }) == nil else { continue }
            agreed += 1
            if agreed > 3, hasProgressed(nuisance) { return }
        }
        let difference = difference { isConcerned($0, $1, nuisance) }
        throw Violation(
            invariant: "L3/L6",
            text: "beside \(name(of: nuisance)), after \(Self.rounds) rounds: \(difference ?? "it starves")")
    }

    private func begin(_ nuisance: Nuisance) {
        guard case .unreadable(let site) = nuisance, let path = Nuisance.path else { return }
        write(site, path, .file(newContent(), mode: Mode(rawValue: 0o644), mtime: wallClock(site)))
    }

    private func disturb(_ nuisance: Nuisance, _ number: Int) {
        guard let path = Nuisance.path else { return }
        switch nuisance {
        case .none: break
        case .writer(let site):
            if number < Self.rounds - 100 {
                write(site, path, .file(newContent(), mode: Mode(rawValue: 0o644), mtime: wallClock(site)))
            }
        case .full(let site): site.disk.isFull = true
        case .flapping(let site): if number % 12 == 11 { cut(site) }
        case .unreadable(let site): site.disk.unreadable.insert(path)
        }
    }

    private func isConcerned(_ site: Site, _ path: RelativePath, _ nuisance: Nuisance) -> Bool {
        switch nuisance {
        case .none: false
        // It takes a connection that lasts to find out that nobody has something.
        case .flapping(let peer): site === peer && waitsInVain(path)
        case .writer, .unreadable: path == Nuisance.path
        case .full(let full): site === full
        }
    }

    private func waitsInVain(_ path: RelativePath) -> Bool {
        order.tree.contains { other, entry in
            (other == path || path.isInside(other) || other.isInside(path)) && isGone(entry)
        }
    }

    /// Whether what does not stop comes through nevertheless.
    private func hasProgressed(_ nuisance: Nuisance) -> Bool {
        guard case .writer = nuisance, let path = Nuisance.path else { return true }
        return order.heads[path] != nil
    }

    private func name(of nuisance: Nuisance) -> String {
        switch nuisance {
        case .none: "nothing"
        case .writer(let site): "a user who does not stop at \(site.name)"
        case .full(let site): "a full disk at \(site.name)"
        case .flapping(let site): "a connection of \(site.name) that breaks all the time"
        case .unreadable(let site): "a file at \(site.name) that can't be read"
        }
    }
}
