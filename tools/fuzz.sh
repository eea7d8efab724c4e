#!/bin/sh
#
# fuzz.sh replay|run PROGRAM...: runs each fuzzer over its committed corpus,
# t/fuzz/corpus/<name>/ for fuzz_<name>; "run" goes on from there, in a copy,
# for FUZZ_SECONDS each.  What makes a fuzzer fail is left in build/fuzz/.

set -eu

mode=$1
shift

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

for program in "$@"; do

    name=${program##*/fuzz_}
    corpus=t/fuzz/corpus/$name
    log=$program.log

    if [ "$mode" = replay ]; then
        set -- -runs=1

        if [ -d "$corpus" ]; then
            set -- $(find "$corpus" -type f | LC_ALL=C sort)
        fi

        what="$# inputs"

    else
        scratch=$program.corpus
        rm -rf "$scratch"
        mkdir -p "$scratch"

        if [ -d "$corpus" ]; then
            cp -R "$corpus/." "$scratch"
        fi

        set -- -max_total_time="${FUZZ_SECONDS:-10}" -timeout=10 \
               -max_len=65536 "$scratch"
        what="${FUZZ_SECONDS:-10} s"
    fi

    if "$program" -artifact_prefix="${program%/*}/" "$@" > "$log" 2>&1; then
        echo "ok      fuzz_$name, $what"

    else
        echo "FAILED  fuzz_$name:"
        tail -n 60 "$log"
        exit 1
    fi
done
