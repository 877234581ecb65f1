#!/bin/sh
# Breaks the core on purpose, one way at a time, and demands that the simulator notices.
# A way to break it is a file, a Perl substitution and a name; the first failing seeds are shown.
set -eu
cd "$(dirname "$0")/../.."
seeds=${SEEDS:-3000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

mkdir -p "$work/Sources" "$work/Tests"
cp -R Sources/Tree Sources/Sync "$work/Sources/"
cp -R Tests/Simulator Tests/simulate "$work/Tests/"
cat > "$work/Package.swift" <<'PACKAGE'
// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "nosocks",
    dependencies: [.package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")],
    targets: [
        .target(name: "Tree"),
        .target(name: "Sync", dependencies: ["Tree"]),
        .target(name: "Simulator", dependencies: ["Sync", "Tree"], path: "Tests/Simulator"),
        .executableTarget(
            name: "simulate",
            dependencies: ["Simulator", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Tests/simulate"),
    ],
    swiftLanguageModes: [.v6]
)
for target in package.targets {
    target.swiftSettings = ["ExistentialAny", "MemberImportVisibility", "InternalImportsByDefault"].map {
        .enableUpcomingFeature($0)
    }
}
PACKAGE

passed=0
failed=0
try() {
    name=$1 file=$2 substitution=$3
    case $name in *"${ONLY:-}"*) ;; *) return ;; esac
    cp -R Sources/Sync "$work/Sources/"
    cp -R Tests/Simulator "$work/Tests/"
    perl -0pi -e "$substitution" "$work/$file"
    if cmp -s "$file" "$work/$file"; then
        echo "$name: the substitution no longer fits $file"
        failed=$((failed + 1))
        return
    fi
    if ! swift build -c release --package-path "$work" --product simulate > "$work/log" 2>&1; then
        echo "$name: does not build"; grep error "$work/log" | head -3
        failed=$((failed + 1))
        return
    fi
    if "$work/.build/release/simulate" --seeds "$seeds" > "$work/found" 2>&1; then
        echo "$name: NOT caught in $seeds seeds"
        failed=$((failed + 1))
    else
        echo "$name: caught by $(grep -c '^seed' "$work/found" | tr -d ' ')+ of $seeds seeds, first: $(head -1 "$work/found" | cut -c1-200)"
        tail -1 "$work/found"
        passed=$((passed + 1))
    fi
}

try "no base check at the hub" Sources/Sync/HubMachine.swift \
    's/if current\.revision != submission\.base \{/if false {/'
try "no echo filter" Sources/Sync/Reconciler.swift \
    's/record\.base = record\.remote\n        record\.fingerprint = fingerprint/record.fingerprint = fingerprint/'
try "cursor moved before what it covers" Sources/Sync/PeerMachine.swift \
    's/(        var paths: \[RelativePath\] = \[\]\n        paths\.reserveCapacity)/        try store.save([], cursor: Cursor(epoch: cursor.epoch, revision: through), durably: true)\n$1/'
try "tombstones dropped from the feed" Sources/Sync/HubMachine+Feed.swift \
    's/for change in changes \{/for change in changes where change.entry.isLive {/'
try "conflict copy not made" Sources/Sync/Reconciler+Reconcile.swift \
    's/case \.setLocalAside: return \.attempt\(try setLocalAside\(record, found\)\)/case .setLocalAside: return try applied(record, found)/'
try "verdict not awaited" Sources/Sync/Reconciler+Reconcile.swift \
    's/guard record\.offered == nil else \{ return \.waiting\(\.verdict\) \}//'
try "names before their content is flushed" Sources/Sync/Reconciler.swift \
    's/        try store\.flush\(\)\n//'
try "deletion beats edit" Sources/Sync/Reconciliation.swift \
    's/if remote\.isTombstone \{ return \.keep \}/if remote.isTombstone { return .apply }/'
try "late edits of replaced files dropped" Sources/Sync/Reconciler+Conflict.swift \
    's/case \.edited\(let entry, let path\): try rescue\(removed, as: entry, from: path\)/case .edited(let entry, _): try store.retire(removed, holding: entry)/'
try "directory removed although it holds local work" Sources/Sync/Reconciler+Apply.swift \
    's/holdsOwn = true\n                continue/continue/'
try "gone while ignored counts as deleted" Sources/Sync/Reconciler+Reconcile.swift \
    's/let base = isReplaced \|\| isLost \? found/let base = isReplaced ? found/'
try "a hub takes what it ignores" Sources/Sync/HubMachine+Submissions.swift \
    's/if try isIgnored\(submission\) \{ return \.refused\(\.ignored\) \}//'
try "ignored, and not lost sight of without a hub" Sources/Sync/PeerMachine.swift \
    's/if link != \.live \{ try reconciler\.loseSight\(among: all\) \}//'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
