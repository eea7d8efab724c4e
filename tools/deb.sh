#!/bin/sh
#
# Builds Debian's package in the folder that is named, from what is in the
# checkout now; with LINT in the environment lintian looks at it.

set -eu

out=$1
version=$(dpkg-parsechangelog --show-field Version)
dir=$out/libnginx-mod-ess-$version

rm -rf "$out"
mkdir -p "$dir"

tar --exclude=./build --exclude=./run --exclude=./.git --create . \
    | tar --extract --directory "$dir"

cd "$dir"

if ! dpkg-buildpackage --build=binary --no-sign > ../build.log 2>&1; then
    tail -n 50 ../build.log >&2
    exit 1
fi

cd ..

if [ -n "${LINT:-}" ]; then
    lintian --allow-root --fail-on error,warning --tag-display-limit 0 \
        ./*.changes
fi

ls "$PWD"/*.deb
