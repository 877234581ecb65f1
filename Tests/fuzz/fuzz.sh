#!/bin/sh
# Feeds libFuzzer's inputs to every parser that eats bytes from outside, each for MINUTES, or to the one that ONLY names.
# What was learnt is kept in .build/fuzz/corpus for the next time, inputs that broke something in .build/fuzz/found.
set -eu
cd "$(dirname "$0")/../.."
minutes=${MINUTES:-10}
work=.build/fuzz

NOSOCKS_FUZZ=yes ${SWIFT:-swift} build --scratch-path "$work" --sanitize fuzzer -Xswiftc -O --product fuzz
fuzz=$work/debug/fuzz
parsers=${ONLY:-$(sed -n 's/^    case \([a-z]*\)$/\1/p' Tests/FuzzTests/Parsers/Parser.swift)}

broken=0
for parser in $parsers; do
    corpus=$work/corpus/$parser found=$work/found/$parser
    mkdir -p "$corpus" "$found"
    # Seconds and memory that no input of this size can need count as findings.
    # The runtime's own handler of traps would leave none to libFuzzer, which then keeps no input.
    if SWIFT_BACKTRACE=enable=no NOSOCKS_FUZZ_PARSER=$parser NOSOCKS_FUZZ_SEEDS=$corpus "$fuzz" "$corpus" -artifact_prefix="$found/" \
        -max_total_time=$((minutes * 60)) -max_len=4096 -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
        > "$work/$parser.log" 2>&1; then
        state=ok
    else
        state="BROKEN, see $work/$parser.log and $found"
        broken=$((broken + 1))
    fi
    awk -v parser="$parser" -v state="$state" '
        $1 == "stat::number_of_executed_units:" { executions = $2 }
        $1 == "stat::average_exec_per_sec:" { rate = $2 }
        match($0, /cov: [0-9]+/) { edges = substr($0, RSTART + 5, RLENGTH - 5) }
        END { printf "%-10s %11d executions, %7d a second, %6d edges: %s\n", parser, executions, rate, edges, state }
    ' "$work/$parser.log"
done
[ "$broken" -eq 0 ]
