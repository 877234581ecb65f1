// swift-tools-version: 6.1
// The package reads as the architecture: each target names what it may see, and an arrow that runs up is a defect.
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket = Target.Dependency.product(name: "NIOWebSocket", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let certificates = Target.Dependency.product(name: "X509", package: "swift-certificates")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let sqlite = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let sqliteLibrary = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")

let isal = Target.Dependency.target(name: "CISAL", condition: .when(traits: ["ISAL"]))

let package = Package(
    name: "nosocks",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "nosocks", targets: ["nosocks"])
    ],
    traits: [
        .trait(
            name: "ISAL",
            description: "Deflates with Intel's ISA-L (Debian: libisal-dev), three to four times as fast as zlib does.")
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        // What people run.
        .executableTarget(
            name: "nosocks",
            dependencies: ["Mirror", "Replica", "Sync", "Tree", "CLinux", "CNoLocales", arguments, logging],
            linkerSettings: [
                // Exports nothing, so that what nobody calls can go; and what is there twice is there once.
                .unsafeFlags(
                    [
                        "-use-ld=lld", "-Xlinker", "--icf=safe", "-Xlinker",
                        "--version-script=\(Context.packageDirectory)/Sources/CNoLocales/exports.map",
                    ], .when(platforms: [.linux], configuration: .release))
            ]),

        // What the program does without, so that it is half as large.
        .target(name: "CNoLocales", exclude: ["exports.map"]),

        // The services: they run the machines' actions and feed them events.
        .target(
            name: "Mirror",
            dependencies: [
                "Page", "Sync", "Wire", "WebSocketNIO", "WebSocket", "Replica", "Index", "Disk", "Ignore", "Tree",
                "CZlib", nioCore, nioPosix, nioHTTP1,
            ]),
        // What a hub shows in a browser, as a part of the program. Alone, since so many bytes take a compiler its time.
        .target(name: "Page", resources: [.embedInCode("page.html")]),

        // The pure core.
        .target(name: "Sync", dependencies: ["Tree"]),
        .target(name: "Ignore", dependencies: ["Tree"]),
        .target(name: "Tree"),

        // The wire.
        .target(name: "Wire", dependencies: ["Tree", nioCore]),
        .target(
            name: "WebSocketNIO",
            dependencies: [
                "WebSocket", "CLinux", nioCore, nioPosix, nioHTTP1, nioTLS, nioSSL, certificates, asn1, crypto,
            ]),
        .target(name: "WebSocket", dependencies: ["CZlib", isal, nioCore]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        // Named to pkg-config, it would be missed by builds without the trait as well.
        .systemLibrary(name: "CISAL"),

        // The disk.
        .target(name: "Replica", dependencies: ["Index", "Disk", "Ignore", "Tree"]),
        .target(name: "Index", dependencies: ["Tree", sqlite, sqliteLibrary]),
        .target(name: "Disk", dependencies: ["CDigest", "CLinux", "Tree", crypto]),
        .target(name: "CDigest"),
        .target(name: "CLinux"),

        // Tools of the project's own: built, never installed.
        .executableTarget(
            name: "websocket-echo", dependencies: ["WebSocketNIO", "WebSocket", arguments, nioCore, nioPosix]),
        .executableTarget(
            name: "nio-echo", dependencies: [nioCore, nioPosix, nioHTTP1, nioWebSocket], path: "Tests/bench/nio-echo"),
        .executableTarget(
            name: "content-speed", dependencies: ["Disk", "Tree", arguments], path: "Tests/bench/content-speed"),
        .executableTarget(
            name: "peers",
            dependencies: ["WebSocketNIO", "WebSocket", "Wire", "Sync", "Tree", arguments, nioCore, nioPosix, crypto],
            path: "Tests/peers"),
        .target(name: "TestSupport", path: "Tests/TestSupport"),
        .target(name: "COldRenames", path: "Tests/COldRenames"),
        .executableTarget(name: "old-renames", dependencies: ["COldRenames"], path: "Tests/old-renames"),
        .target(name: "Simulator", dependencies: ["Sync", "Tree"], path: "Tests/Simulator"),
        .executableTarget(name: "simulate", dependencies: ["Simulator", arguments], path: "Tests/simulate"),

        .testTarget(name: "TreeTests", dependencies: ["Tree"]),
        .testTarget(name: "IgnoreTests", dependencies: ["Ignore", "Tree", "TestSupport"]),
        .testTarget(name: "SyncTests", dependencies: ["Sync", "Simulator", "Tree"]),
        .testTarget(name: "WireTests", dependencies: ["Wire", "Tree", "TestSupport", nioCore]),
        .testTarget(name: "WebSocketTests", dependencies: ["WebSocket", "TestSupport", isal, nioCore]),
        .testTarget(
            name: "WebSocketNIOTests",
            dependencies: [
                "WebSocketNIO", "WebSocket", nioCore, nioPosix, nioHTTP1, nioEmbedded, nioTLS, nioSSL, certificates,
                asn1, crypto,
            ]),
        .testTarget(name: "DiskTests", dependencies: ["Disk", "Tree", "TestSupport"]),
        .testTarget(name: "IndexTests", dependencies: ["Index", "Tree", "TestSupport", sqlite]),
        .testTarget(
            name: "ReplicaTests",
            dependencies: ["Replica", "Index", "Disk", "Ignore", "Tree", "TestSupport", "COldRenames"]),
        .testTarget(
            name: "MirrorTests",
            dependencies: [
                "Mirror", "Page", "WebSocketNIO", "WebSocket", "Sync", "Tree", nioCore, nioEmbedded, nioHTTP1,
            ]),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "nosocks", "websocket-echo", "old-renames", "WebSocketNIO", "WebSocket", "Wire", "Disk", "CLinux",
                "Tree", "TestSupport", nioCore, nioPosix, nioHTTP1,
            ],
            exclude: ["Hazards.md"]),
    ],
    swiftLanguageModes: [.v6]
)

let fuzzed: [Target.Dependency] = [
    "Mirror", "WebSocketNIO", "WebSocket", "Wire", "Index", "Ignore", "Sync", "Tree", nioCore, nioEmbedded,
]
// libFuzzer brings a main of its own, so that its program links with Tests/fuzz/fuzz.sh's flags alone.
if Context.environment["NOSOCKS_FUZZ"] == "yes" {
    package.targets.append(
        .executableTarget(
            name: "fuzz", dependencies: fuzzed, path: "Tests",
            sources: ["FuzzTests/Parsers", "fuzz/LibFuzzer.swift"]))
} else {
    package.targets.append(.testTarget(name: "FuzzTests", dependencies: fuzzed + ["TestSupport"]))
}

for target in package.targets where target.type != .system && !["CLinux", "COldRenames"].contains(target.name) {
    target.swiftSettings = settings
}
