#!/bin/sh
#
# Installs those of the named Debian packages that are missing; says nothing
# when there are none.  The services that packages bring are not started:
# nginx would take port 80 and RabbitMQ 5672.

set -eu

missing=$(
    dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2> /dev/null \
    | awk '
        BEGIN { for (i = 1; i < ARGC; i++) want[ARGV[i]] = i; ARGC = 1 }
        $1 == "ii" { delete want[$2] }
        END { for (p in want) print want[p], p }' "$@" \
    | sort -n | cut -d ' ' -f 2
)

if [ -z "$missing" ]; then
    exit 0
fi

if ! command -v apt-get > /dev/null; then
    echo "make deps knows only Debian's packages; please install:" \
         $missing >&2
    exit 1
fi

if [ "$(id -u)" != 0 ]; then

    if command -v sudo > /dev/null; then
        exec sudo -- "$0" "$@"
    fi

    echo "These packages are missing, and installing them takes root:" \
         $missing >&2
    echo "Run 'make deps' once as root." >&2
    exit 1
fi

# Asked by the packages' scripts before they start a service; 101: do not.
policy=/usr/sbin/policy-rc.d
ours=

cleanup() {
    if [ -n "$ours" ]; then
        rm -f "$policy"
    fi
}

trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

if [ ! -e "$policy" ] && [ ! -L "$policy" ]; then
    ours=yes
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi

install() {
    DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get "$@" \
        --yes --quiet --no-install-recommends \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
        install $missing < /dev/null
}

echo "installing" $missing

# The lists are fetched only when they lack a package or are out of date.
if install --dry-run > /dev/null 2>&1 && install; then
    exit 0
fi

apt-get --quiet update < /dev/null
install
