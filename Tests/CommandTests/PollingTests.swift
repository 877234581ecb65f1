import Testing

extension Commands {
    /// Where the system does not tell of every change, the folder is compared now and then; somebody is told so.
    @Suite("Watching that cannot fail silently")
    struct Polling {
        /// Runs a program with so many watches, or inotify instances, as its user may have.
        private static func limited(_ limit: String, to count: Int) -> [String] {
            [
                "unshare", "--user", "--map-root-user", "/bin/sh", "-c",
                "echo \(count) > /proc/sys/user/\(limit) && exec \"$@\"", "sh",
            ]
        }

        @Test("Without inotify everything is compared, and changes of every kind arrive", arguments: [true, false])
        func unwatched(isHub: Bool) async throws {
            try await Bench.run { bench in
                let none = Self.limited("max_inotify_instances", to: 0)
                guard try await Bench.probe(none + ["/bin/true"]) else { return }
                let hub = try Replica(
                    at: bench, name: "hub", options: isHub ? ["--poll", "0.2"] : [], prefix: isHub ? none : [])
                try await hub.listen()
                let one = try Replica(
                    at: bench, name: "one", options: isHub ? [] : ["--poll", "0.2"], hub: hub,
                    prefix: isHub ? [] : none)
                try await one.join()
                let blind = isHub ? hub : one
                try await blind.program.hears("problem")
                #expect(try blind.program.errors.contains("compared now and then"))
                try blind.folder.folder("d").makeDirectory()
                try blind.folder.write("1", to: "d/f")
                try await settle(hub, one)
                // In place, of the same size.
                try blind.folder.write("2", to: "d/f")
                try await settle(hub, one)
                try blind.folder.rename("d", to: "e")
                try await settle(hub, one)
                try blind.folder.folder("e").removeTree()
                try await settle(hub, one)
            }
        }

        @Test(
            "Directories beyond the allowed watches are compared, and the line says what is needed, allowed and to do")
        func tooFewWatches() async throws {
            try await Bench.run { bench in
                let few = Self.limited("max_inotify_watches", to: 4)
                guard try await Bench.probe(few + ["/bin/true"]) else { return }
                let hub = try await bench.hub()
                let one = try Replica(at: bench, name: "one", options: ["--poll", "0.2"], hub: hub, prefix: few)
                for number in 0..<10 { try one.folder.folder(Name(stringLiteral: "d\(number)")).makeDirectory() }
                try await one.join()
                let reason = try #require(try await one.program.hears("problem").reason)
                #expect(reason.contains("7 directories") && reason.contains("needs 11"), "\(reason)")
                #expect(reason.contains("sysctl fs.inotify.max_user_watches="), "\(reason)")
                for number in 0..<10 { try one.folder.write("\(number)", to: Name(stringLiteral: "d\(number)/f")) }
                try await settle(hub, one)
                for number in 0..<10 { try one.folder.folder(Name(stringLiteral: "d\(number)")).removeTree() }
                try await settle(hub, one)
            }
        }

        @Test("--poll that is no number of seconds is wrong usage", arguments: ["0", "-1", "often", "1e9"])
        func usage(text: String) async throws {
            try await Bench.run { bench in
                let program = try await bench.run(Binary.nosocks, "hub", "--poll=\(text)", ".")
                #expect(program.ended == 2)
            }
        }
    }
}
