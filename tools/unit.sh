#!/bin/sh
#
# Runs the named unit test programs; fails when one of them does.

set -u

failed=
out=${TMPDIR:-/tmp}/ess-unit.$$

trap 'rm -f "$out"' EXIT

for program in "$@"; do

    if timeout 120 "$program" > "$out" 2>&1; then
        echo "ok      ${program##*/}"

    else
        echo "FAILED  ${program##*/} ($?)"
        cat "$out"
        failed="$failed ${program##*/}"
    fi
done

if [ -n "$failed" ]; then
    echo "unit tests failed:$failed" >&2
    exit 1
fi
