#!/bin/sh
#
# arm64-root.sh ROOT PACKAGE...: unpacks Debian's arm64 packages, and all that
# they depend on, into the folder ROOT.  Nothing of this machine is changed:
# apt has lists and a cache of its own there, and no script of a package runs.

set -eu

root=$1
shift
wanted="$*"

if [ "$(cat "$root/.packages" 2> /dev/null)" = "$wanted" ]; then
    exit 0
fi

apt() {
    apt-get --quiet=2 -o APT::Architecture=arm64 -o APT::Architectures::=arm64 \
        -o Dir::State="$apt" -o Dir::State::status=/dev/null \
        -o Dir::Cache="$apt" -o APT::Sandbox::User= "$@" < /dev/null
}

echo "unpacking for arm64:" $wanted

rm -rf "$root"
apt=$root/var/apt
mkdir -p "$apt/lists/partial" "$apt/archives/partial"

# a repository of others may have nothing for arm64; what lacks is said below
apt update > "$apt/update.log" 2>&1 || true
apt install --yes --no-install-recommends --download-only $wanted \
    > "$apt/install.log" 2>&1 || {
    cat "$apt/update.log" "$apt/install.log" >&2
    exit 1
}

for deb in "$apt"/archives/*.deb; do
    dpkg-deb --extract "$deb" "$root"
done

rm -rf "$apt"
echo "$wanted" > "$root/.packages"
