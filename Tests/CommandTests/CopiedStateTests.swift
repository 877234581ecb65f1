import Testing

extension Commands {
    /// State that is found beside another tree than its own says nothing of that tree.
    @Suite("Copied state")
    struct CopiedState {
        private func fill(_ folder: Folder) throws {
            for number in 0..<5 { try folder.write("\(number)", to: Name(stringLiteral: "f\(number)")) }
        }

        @Test("a peer's state folder copied into an empty one deletes nothing anywhere")
        func ofPeer() async throws {
            try await Bench.run { bench in
                let (hub, one) = try await bench.mirror(fill)
                try await one.stop()
                try await bench.shell("mkdir two && cp -a one/.nosocks two/", in: bench.folder)
                let two = try Replica(at: bench, name: "two", hub: hub)
                try await two.join()
                #expect(try two.program.errors.contains("copy of another folder"))
                try await one.join()
                try await settle(hub, one, two)
                #expect(hub.folder.exists("f4"))
                // Two replicas from then on.
                try one.folder.write("one", to: "one")
                try two.folder.write("two", to: "two")
                try await eventually("both sides' work") { hub.folder.exists("one") && hub.folder.exists("two") }
                try await settle(hub, one, two)
            }
        }

        @Test("a hub's state folder copied into an empty one begins a history of its own, and its peers lose nothing")
        func ofHub() async throws {
            try await Bench.run { bench in
                let (hub, one) = try await bench.mirror(fill)
                try await hub.stop()
                try await bench.shell("mkdir other && cp -a hub/.nosocks other/", in: bench.folder)
                let other = try Replica(at: bench, name: "other")
                try await other.listen()
                try await one.stop()
                let again = try Replica(at: bench, name: "one", hub: other)
                try await again.join()
                try await settle(other, again)
                #expect(other.folder.exists("f4"))
            }
        }

        @Test("a folder that is renamed keeps its state")
        func renamed() async throws {
            try await Bench.run { bench in
                let (hub, one) = try await bench.mirror(fill)
                try await one.stop()
                try await bench.shell("mv one two && rm two/f1", in: bench.folder)
                let two = try Replica(at: bench, name: "two", hub: hub)
                try await two.join()
                try await eventually("the deletion at the hub") { !hub.folder.exists("f1") }
                #expect(try !two.program.errors.contains("copy of another folder"))
            }
        }
    }
}
