#!/bin/sh
# Breaks the core on purpose, one way at a time, and demands that the simulator notices.
# A way to break it is a name, a file and a Perl substitution; the first seed that fails is shown, and what it broke.
set -eu
cd "$(dirname "$0")/../.."
seeds=${SEEDS:-40000}
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
    # Not optimised: nearly all are caught within a few hundred seeds, and building takes longer than that.
    if ! swift build --package-path "$work" --product simulate > "$work/log" 2>&1; then
        echo "$name: does not build"; grep error "$work/log" | head -3
        failed=$((failed + 1))
        return
    fi
    if "$work/.build/debug/simulate" --seeds "$seeds" --stop --show 0 > "$work/found" 2>&1; then
        echo "$name: NOT caught in $seeds seeds"
        failed=$((failed + 1))
    else
        echo "$name: $(head -1 "$work/found" | sed 's/^\(seed [0-9]*\).*faults: [^:]*: /\1: /' | cut -c1-140)"
        passed=$((passed + 1))
    fi
}

try "no base check at the hub" Sources/Sync/HubMachine+Sequencing.swift \
    's/if current\.revision != submission\.base \{/if false {/'
try "no echo filter" Sources/Sync/Reconciler.swift \
    's/record\.base = record\.remote\n        record\.fingerprint = fingerprint/record.fingerprint = fingerprint/'
try "cursor moved before what it covers" Sources/Sync/PeerMachine+Feed.swift \
    's/(        var paths: \[RelativePath\] = \[\]\n        paths\.reserveCapacity)/        try store.save([], cursor: cursor(through: through, knowing: through), durably: true)\n$1/'
try "tombstones dropped from the feed" Sources/Sync/HubMachine+Feed.swift \
    's/for change in changes \{/for change in changes where change.entry.isLive {/'
try "conflict copy not made" Sources/Sync/Reconciler+Reconcile.swift \
    's/case \.setLocalAside: return \.attempt\(try setLocalAside\(record, found\)\)/case .setLocalAside: return try applied(record, found)/'
try "verdict not awaited" Sources/Sync/Reconciler+Reconcile.swift \
    's/                return \.waiting\(\.verdict\)\n//'
try "names before their content is flushed" Sources/Sync/Reconciler.swift \
    's/        try store\.flush\(\)\n//'
try "deletion beats edit" Sources/Sync/Reconciliation.swift \
    's/if remote\.isTombstone \{ return \.keep \}/if remote.isTombstone { return .apply }/'
try "late edits of replaced files dropped" Sources/Sync/Reconciler+Conflict.swift \
    's/case \.edited\(let entry, let path\): try rescue\(removed, as: entry, from: path\)/case .edited(let entry, _): try store.retire(removed, holding: entry)/'
try "directory removed although it holds local work" Sources/Sync/Reconciler+Apply.swift \
    's/holdsOwn = true\n                continue/continue/'
try "another epoch not noticed" Sources/Sync/PeerMachine.swift \
    's/if welcome\.epoch != cursor\.epoch .*? \{/if false {/'
try "a hub set back not noticed" Sources/Sync/HubMachine.swift \
    's/, cursor\.known\.revision <= head else/ else/'
try "a hub set back that has gone on not noticed" Sources/Sync/HubMachine.swift \
    's/return try store\.term\(at: cursor\.known\.revision\) == cursor\.known\.term/return true/'
try "older sessions of a replica still submit" Sources/Sync/HubMachine.swift \
    's/sessions\[id\]\?\.isSuperseded = true/_ = id/'
try "what was accepted before not recognised" Sources/Sync/HubMachine+Sequencing.swift \
    's/if let next = try successor\(of: submission\.base, at: submission\.path\), next\.entry == submission\.entry \{/if submission.base < .zero, let next = try successor(of: submission.base, at: submission.path) {/'
try "offers not durable before they are sent" Sources/Sync/PeerMachine+Offers.swift \
    's/(guard !submissions\.isEmpty else \{ return \}\n\s+try reconciler\.commit\(cursor: nil, durably: )true/$1false/'
try "told before it is durable" Sources/Sync/HubMachine+Submissions.swift \
    's/        try reconciler\.flush\(\)\n        try publish\(\)\n(.*?try serve\(\)\n)/        try reconciler.flush()\n$1        try publish()\n/s'
try "who said something is not looked at" Sources/Sync/HubMachine.swift \
    's/(try admit\(message, id\) \}\n)        due\.insert\(id\)\n/$1/'
try "what is published concerns nobody but who said something" Sources/Sync/HubMachine+Feed.swift \
    's/if hasPublished \{ due\.formUnion\(sessions\.keys\) \}//'
try "who has room again is not looked at" Sources/Sync/HubMachine.swift \
    's/(supplier\.sent\(next: piece\)\n)        due\.insert\(id\)\n/$1/'
try "what a message of the feed has no room for is passed over" Sources/Sync/HubMachine+Feed.swift \
    's/                through = change\.revision\n//'
try "what is beyond the end of others' messages is passed over" Sources/Sync/HubMachine+Feed.swift \
    's/                through = end\n//'
try "one change is published with the next" Sources/Sync/HubMachine+Sequencing.swift \
    's/guard !accepted\.isEmpty else \{ return \}/guard accepted.count > 1 else { return }/'
try "a peer that is sent away gives up" Sources/Sync/PeerMachine.swift \
    's/case \.ended, \.failed, \.tooManyPeers: break\n/case .failed, .tooManyPeers: break\n/; s/case \.version, \.violation, \.sameReplica/case .ended, .version, .violation, .sameReplica/'
try "verdicts that a lost connection owes are awaited on" Sources/Sync/PeerMachine.swift \
    's/        told = nil\n        offers = OfferWindow\(\)\n/        told = nil\n/'
try "readers may submit" Sources/Sync/HubMachine+Submissions.swift \
    's/guard !session\.isReadOnly else \{ return \.refused\(\.readOnly\) \}//'
try "readers try to submit" Sources/Sync/PeerMachine.swift \
    's/reconciler\.maySubmit = !welcome\.isReadOnly/reconciler.maySubmit = true/'
try "a stranger is heard" Sources/Sync/HubMachine.swift \
    's/guard session\.isGreeted else \{/guard session.isGreeted || true else {/'
try "files below files" Sources/Sync/HubMachine+Sequencing.swift \
    's/if submission\.entry\.isLive, let parent/if submission.base < .zero, let parent/'
try "unreadable taken for deleted" Sources/Sync/Reconciler+Reconcile.swift \
    's/case \.unknown\(let problem\):\n\s+notices\.append\(\.problem\(path, problem\)\)\n\s+return \.waiting\(\.problem\)/case .unknown: found = Found(entry: .tombstone, fingerprint: nil)/'
try "content sent again with a new mode" Sources/Sync/PeerMachine+Offers.swift \
    's/        if try store\.knows\(file\.digest\) \{ return Attachment\.none \}\n//'
try "a conflict over mode and time" Sources/Sync/Reconciliation.swift \
    's/if local\.hasSameContent\(as: remote\) \{/if local.hasSameContent(as: remote), local.isDirectory {/'
try "a copy named after the wrong replica" Sources/Sync/Reconciler+Conflict.swift \
    's/by: record\.author, entry/by: name, entry/'
try "problems are not looked at again" Sources/Sync/PeerMachine.swift \
    's/        backlog\.retryProblems\(\)\n//'
try "in sync while offers have no verdict" Sources/Sync/PeerMachine.swift \
    's/isScanned && offers\.isEmpty && transfers\.isEmpty && sweep/isScanned && sweep/'
try "revisions with gaps" Sources/Sync/HubMachine+Sequencing.swift \
    's/        head = head\.next\n/        head = head.next.next\n/'
try "the disk asked again before the replacement" Sources/Sync/Reconciler+Apply.swift \
    's/(let placement = try store\.place\(\n\s+record\.remote\.entry, staged: staged, at: record\.path, expecting: )found\.fingerprint\)/$1freshly(record) ?? found.fingerprint)/; s/(extension Reconciler \{\n)/$1    private func freshly(_ record: Record) -> Fingerprint? {\n        if case .present(_, let now)? = try? store.look(at: record.path, record: record, rereading: false) { now } else { nil }\n    }\n\n/'
try "moved whatever it is by now" Sources/Sync/Reconciler+Apply.swift \
    's/(let fingerprint = try store\.move\(path, to: record\.path, expecting: )expected\)/$1freshly(former) ?? expected)/; s/(extension Reconciler \{\n)/$1    private func freshly(_ record: Record) -> Fingerprint? {\n        if case .present(_, let now)? = try? store.look(at: record.path, record: record, rereading: false) { now } else { nil }\n    }\n\n/'
try "a step that never ends" Sources/Sync/Reconciler+Reconcile.swift \
    's/for _ in 0\.\.<Self\.attempts \{/while true {/; s/case \.keep: return \.submit\(rebased\(record\)\)/case .keep: return .attempt(.again)/'
try "gone while ignored counts as deleted" Sources/Sync/Reconciler+Reconcile.swift \
    's/(if record\.fingerprint == \.outOfSight \{ return )found\.entry\.isTombstone \|\| /$1/'
try "a hub takes what it ignores" Sources/Sync/HubMachine+Submissions.swift \
    's/if try isIgnored\(submission\) \{ return \.refused\(\.ignored\) \}//'
try "ignored, and not lost sight of without a hub" Sources/Sync/PeerMachine.swift \
    's/if backlog\.hasDirty \{ try reconciler\.loseSight\(among: all\) \}//'
try "more is announced than what was heard" Sources/Sync/PeerMachine+Feed.swift \
    's/try reconciler\.commit\(cursor: nil, durably: false\)\n        var paths/var paths/'
try "every deletion passes where it is made" Sources/Sync/DeletionGuard.swift \
    's/guard allowance > 0 else \{/guard true else {/'
try "every deletion passes at the hub" Sources/Sync/DeletionGuard.swift \
    's/guard try allows\(shrink \+ 1, counting: count\) else \{ return false \}//'
try "what was renamed passes beyond the limit" Sources/Sync/DeletionGuard.swift \
    's/guard shrink < limit\.least, let index/guard let index/'
try "creations count before they are accepted" Sources/Sync/HubMachine+Deletions.swift \
    's/(guard var deletions = sessions\[id\]\?\.deletions, current)(\.isLive), !submission\.entry\.isLive else \{ return false \}/if submission.entry.isLive, !current.isLive { sessions[id]?.deletions.created() }\n        $1$2, !submission.entry.isLive else { return false }/'
try "what is to be brought back is still known as deleted" Sources/Sync/FolderMachine.swift \
    's/            record\.base = \.never\n            record\.fingerprint = \.wantedBack\n//'
try "the hub's changes are taken where only this side's are wanted" Sources/Sync/Reconciler+Reconcile.swift \
    's/if direction == \.sendOnly, outcome\.isOfHub/if direction == .sendOnly, outcome.isOfHub, !outcome.isOfHub/'
try "changes are offered where only the hub's are wanted" Sources/Sync/Reconciler+Reconcile.swift \
    's/guard direction != \.receiveOnly else/guard direction != .receiveOnly || found.entry.isLive else/'
try "a directory that holds work is given up where only this side's changes are wanted" \
    Sources/Sync/Reconciler+Reconcile.swift \
    's/guard isUntaken, inside\.offered == nil else \{ return true \}/guard isUntaken, inside.offered == nil else { return false }/'
try "what comes for a chunk and is another one ends the session" Sources/Sync/PeerMachine+Content.swift \
    's/if supply\.isCompared \{ (return violation\("a chunk[^}]*) \}/$1/'
try "what was settled lets nobody go on" Sources/Sync/Backlog.swift \
    's/guard !moved\.isEmpty, !hasDirty else/guard !moved.isEmpty, !hasDirty, moved.isEmpty else/'
try "a conflict copy that is about to go counts as kept" Sources/Sync/Reconciler+Conflict.swift \
    's/        if record\.isPending, !record\.remote\.entry\.hasSameContent\(as: entry\) \{ return false \}\n//'

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
