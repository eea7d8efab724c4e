#!/bin/sh
#
# test.sh NAME COMPILED: runs pytest over t/, REPEAT times, only the tests that
# match NAME when it is not empty.  COMPILED is the number of unit tests and
# fuzzers that matched it: then it is no error when no test here does.
#
# Tests wait more than they compute, so there are two for each processor.

set -u

name=$1
compiled=$2

jobs=$(($(nproc) * 2))
[ "$jobs" -ge 4 ] || jobs=4
[ "$jobs" -le 8 ] || jobs=8

i=0

while [ "$i" -lt "${REPEAT:-1}" ]; do
    i=$((i + 1))

    if [ "${REPEAT:-1}" -gt 1 ]; then
        echo "run $i of $REPEAT"
    fi

    if [ -n "$name" ]; then
        "$PYTHON" -m pytest -q -n "$jobs" -k "$name" t
    else
        "$PYTHON" -m pytest -q -n "$jobs" t
    fi

    rc=$?

    if [ $rc = 5 ] && [ -n "$name" ] && [ "$compiled" -gt 0 ]; then
        exit 0
    fi

    if [ $rc != 0 ]; then
        exit $rc
    fi
done
