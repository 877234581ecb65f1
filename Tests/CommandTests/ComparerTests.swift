import Testing

extension Commands {
    @Suite("The judge of these tests")
    struct Comparer {
        @Test("sees a difference of one bit of anything that is mirrored")
        func sees() async throws {
            try await Bench.run { bench in
                let left = bench.folder.folder("left")
                let right = bench.folder.folder("right")
                for folder in [left, right] {
                    try folder.makeDirectory()
                    try folder.makeDirectory("d")
                    try folder.write("same", to: "d/f")
                    try folder.setTime(seconds: 1, nanoseconds: 1, of: "d/f")
                    try folder.link("l", to: "d")
                }
                #expect(try left.differences(from: right) == [])
                let changes: [(String, (Folder) throws -> Void, (Folder) throws -> Void)] = [
                    ("a time", { try $0.setTime(seconds: 1, nanoseconds: 2, of: "d/f") }, { _ in }),
                    ("content", { try $0.write("sane", to: "d/f") }, { try $0.write("same", to: "d/f") }),
                    ("a mode", { try $0.setMode(0o600, of: "d/f") }, { try $0.setMode(0o644, of: "d/f") }),
                    ("a directory's mode", { try $0.setMode(0o700, of: "d") }, { try $0.setMode(0o755, of: "d") }),
                    ("an empty file", { try $0.write("", to: "e") }, { try $0.remove("e") }),
                    ("an empty directory", { try $0.makeDirectory("e") }, { try $0.remove("e") }),
                    (
                        "a link's target",
                        { folder in
                            try folder.remove("l")
                            try folder.link("l", to: "e")
                        }, { _ in }
                    ),
                ]
                for (what, change, revert) in changes {
                    try change(right)
                    try right.setTime(seconds: 1, nanoseconds: what == "a time" ? 2 : 1, of: "d/f")
                    #expect(try left.differences(from: right).count == 1, "\(what)")
                    try revert(right)
                    try right.setTime(seconds: 1, nanoseconds: 1, of: "d/f")
                }
            }
        }
    }
}
