#!/bin/sh
# Runs the tests, and the programs that they start, under a sanitizer: SANITIZER is address or thread. ONLY is a filter.
# Fails if a test fails or a process of any of them has something to report, which is kept in .build/asan/reports or
# .build/tsan/reports.
set -eu
cd "$(dirname "$0")/../.."
swift=${SWIFT:-swift}
sanitizer=${SANITIZER:-address}
case $sanitizer in
address) work=$PWD/.build/asan ;;
thread) work=$PWD/.build/tsan ;;
*)
    echo "sanitize: SANITIZER is address or thread, not $sanitizer" >&2
    exit 2
    ;;
esac
reports=$work/reports
rm -rf "$reports"
mkdir -p "$reports"

set -- --scratch-path "$work" --sanitize "$sanitizer"
if [ "$sanitizer" = thread ] && [ "$(uname)" = Linux ]; then
    clang -O2 -c Tests/sanitize/mutex.c -o "$work/mutex.o"
    set -- "$@" -Xlinker "$work/mutex.o"
fi
"$swift" build --build-tests "$@"

# No leaks: what an enum points to, with its tag in the pointer's spare bits, would count as one.
export ASAN_OPTIONS="detect_leaks=0:log_path=$reports/report"
export TSAN_OPTIONS="suppressions=$PWD/Tests/sanitize/thread.supp:log_path=$reports/report"
# Everything is many times slower, and the runtime's own handler of traps would get in the sanitizer's way.
export NOSOCKS_TEST_PATIENCE="${NOSOCKS_TEST_PATIENCE:-300}" SWIFT_BACKTRACE=enable=no

failed=0
check() {
    "$swift" test --skip-build "$@" || failed=1
}

if [ -n "${ONLY:-}" ]; then
    check "$@" --filter "$ONLY"
else
    # The simulator's runs are pure, on one thread, a thousand, and take longer than all the rest.
    check "$@" --skip CommandTests --skip SimulationTests
    check "$@" --filter CommandTests
fi

for report in "$reports"/*; do
    [ -e "$report" ] || break
    failed=1
    echo "$report:"
    grep '^SUMMARY' "$report" || head -3 "$report"
done
[ "$failed" -eq 0 ]
