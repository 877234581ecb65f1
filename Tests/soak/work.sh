#!/bin/sh
# Ordinary work on three replicas of a real tree, round after round, and a comparison of all three after each round.
#
#   Tests/soak/work.sh NOSOCKS SOURCE [ROUNDS]
#
# NOSOCKS is the program, SOURCE a folder of at least some thousand files to copy from. What is done: git operations,
# builds, saves as editors make them, renames of big directories, unpacking, and edits on both sides while a peer is
# away. rsync is the judge: `rsync -rlpcn --delete` between each two replicas must list nothing.
set -eu
nosocks=$1 source=$2 rounds=${3:-20}
work=$(mktemp -d "${TMPDIR:-/tmp}/nosocks-soak.XXXXXX")
hub_pid='' one_pid='' two_pid=''
finish() {
    kill $one_pid $two_pid $hub_pid 2>/dev/null || true
    wait 2>/dev/null || true
    [ -n "${KEEP:-}" ] || rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

cd "$work"
mkdir hub
cp -a "$source" hub/tree
rm -rf hub/tree/.git
echo "$(find hub -path hub/.nosocks -prune -o -type f -print | wc -l) files, $(du -sh hub | cut -f1), in $work"

start_hub() {
    "$nosocks" hub hub --listen "unix:$work/socket" --name hub 2>>hub.log &
    hub_pid=$!
}
start_one() {
    "$nosocks" join "unix:$work/socket" one --name one 2>>one.log &
    one_pid=$!
}
start_two() {
    "$nosocks" join "unix:$work/socket" two --name two 2>>two.log &
    two_pid=$!
}

# Everything that was on one replica's disk is on the others' once a mark made after it has come round, and the mark
# is made last. Two marks in a row, so that what the first one caused has come round as well.
settle() {
    for lap in 1 2; do
        for from in hub one two; do
            stamp="$(date +%s%N)-$from-$lap"
            echo "$stamp" > "$from/mark-$from"
            for to in hub one two; do
                tries=0
                until [ "$(cat "$to/mark-$from" 2>/dev/null)" = "$stamp" ]; do
                    tries=$((tries + 1))
                    if [ $tries -gt 12000 ]; then echo "a mark of $from did not reach $to"; exit 1; fi
                    perl -e 'select undef, undef, undef, 0.01'
                done
            done
        done
    done
}

compare() {
    for pair in "hub one" "hub two" "one two"; do
        set -- $pair
        tries=0
        # What is on its way when the marks have arrived (a conflict copy, a second look) gets a while.
        until differences=$(rsync -rlpcni --delete --exclude /.nosocks "$1/" "$2/" 2>/dev/null) && [ -z "$differences" ]; do
            tries=$((tries + 1))
            if [ $tries -gt 20 ]; then
                echo "$1 and $2 differ:"; echo "$differences" | head -20
                KEEP=1; exit 1
            fi
            perl -e 'select undef, undef, undef, 0.5'
        done
    done
}

git_work() { # in $1
    (
        cd "$1/tree"
        export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
        [ -d .git ] || { git init -q . && git config gc.auto 0 && git add -A && git commit -qm "first"; }
        git checkout -q -B "work-$round"
        for file in $(git ls-files | grep -v mark- | awk "NR % 97 == $round % 97" | head -40); do
            [ -f "$file" ] && [ ! -L "$file" ] && echo "round $round" >> "$file"
        done
        git add -A && git commit -qm "round $round" || true
        git checkout -q HEAD~1 2>/dev/null || true
        git checkout -q "work-$round"
        [ $((round % 5)) != 0 ] || git gc -q
        git status --porcelain >/dev/null
    )
}

edit_like_editors() { # in $1
    mkdir -p "$1/notes"
    echo "draft $round" > "$1/notes/.draft.tmp" && mv "$1/notes/.draft.tmp" "$1/notes/draft.txt"
    if [ -f "$1/notes/backup.txt" ]; then mv "$1/notes/backup.txt" "$1/notes/backup.txt~"; fi
    echo "text $round" > "$1/notes/backup.txt"
    echo "line $round" >> "$1/notes/log.txt"
    sed -i "s/line/LINE/" "$1/notes/log.txt"
    chmod $((round % 2 ? 600 : 644)) "$1/notes/draft.txt"
    ln -sfn "draft.txt" "$1/notes/latest"
}

build() { # in $1
    mkdir -p "$1/build/objects"
    for number in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        head -c $((number * 3000)) /dev/urandom > "$1/build/objects/$number.o"
    done
    cat "$1"/build/objects/*.o > "$1/build/program.tmp"
    mv "$1/build/program.tmp" "$1/build/program"
    chmod 755 "$1/build/program"
    [ $((round % 3)) != 0 ] || rm -rf "$1/build"
}

start_hub
start_one
start_two
mkdir -p one two
settle
compare
echo "in step; begins"
round=0
while [ $round -lt "$rounds" ]; do
    round=$((round + 1))
    began=$(date +%s%N)
    git_work one
    build two
    edit_like_editors hub
    tar cf "$work/part.tar" -C "$source" . 2>/dev/null || true
    mkdir -p "two/unpacked-$((round % 2))" && tar xf "$work/part.tar" -C "two/unpacked-$((round % 2))" --exclude=.git
    settle
    compare
    # A big directory is renamed while the other peer is away and works on.
    kill $two_pid; wait $two_pid || true
    mv "one/unpacked-$((round % 2))" "one/moved"
    echo "offline $round" > two/offline.txt
    echo "online $round" > hub/online.txt
    echo "of two, $round" > two/both.txt
    echo "of hub, $round" > hub/both.txt
    git_work hub
    start_two
    settle
    compare
    for replica in hub one two; do
        for side in two hub; do
            grep -qsx "of $side, $round" "$replica"/both* || { echo "\"of $side, $round\" is gone from $replica"; exit 1; }
        done
    done
    rm -rf one/moved
    [ $((round % 4)) != 0 ] || { kill -9 $hub_pid; wait $hub_pid 2>/dev/null || true; rm -f "$work/socket"; start_hub; }
    settle
    compare
    for replica in hub one two; do git -C $replica/tree fsck --no-dangling >/dev/null 2>"$work/fsck" || { cat "$work/fsck"; exit 1; }; done
    copies=$(ls hub | grep -c 'both.conflict' || true)
    echo "round $round: all three the same ($(find hub -path hub/.nosocks -prune -o -type f -print | wc -l) files, $copies copies of both.txt), $(( ($(date +%s%N) - began) / 1000000 )) ms"
done
echo "$rounds rounds: nothing differs, nothing is lost"
