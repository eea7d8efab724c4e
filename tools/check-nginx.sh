#!/bin/sh
#
# check-nginx.sh SOURCE OUT: builds nginx and the module from nginx's source
# tree, without writing into it, and runs the tests with both.  Without SOURCE
# nginx is what t/nginx/Cargo.lock names.  SANITIZE: the module has sanitizers.
#
# What is in OUT from before is used again.

set -eu

source=$1
out=$2
top=$(pwd)

mkdir -p "$out"

if [ -z "$source" ]; then
    cmp -s t/nginx/Cargo.lock "$out/crates/Cargo.lock" || {
        cargo vendor --quiet --locked --manifest-path t/nginx/Cargo.toml \
            "$out/crates" > /dev/null
        cp t/nginx/Cargo.lock "$out/crates"
    }
    source=$out/crates/nginx-src/nginx
fi

if [ ! -e "$source/src/core/nginx.c" ]; then
    echo "\"$source\" is no source tree of nginx:" \
         "make check-nginx NGINX_SRC=/path/to/nginx-1.28.0" >&2
    exit 1
fi

http3=
if grep -q http_v3_module "$source/auto/options"; then
    http3=--with-http_v3_module
fi

# build NAME TARGET CC_OPT LD_OPT [MODULE]
build() {
    dir=$out/$1

    # of another nginx, other options or another list of files all is made anew
    {
        echo "$source" "$http3" "$@"
        cat "$source/src/core/nginx.h"

        if [ -n "${5:-}" ]; then
            cat config
            find ngx_ess_module.c src fault -name '*.[ch]' | LC_ALL=C sort
        fi
    } > "$out/$1.inputs.new"

    if ! cmp -s "$out/$1.inputs.new" "$out/$1.inputs" \
       || [ -n "$(find "$source/src" "$source/auto" \
                  -newer "$out/$1.inputs" | head -n 1)" ]
    then
        rm -rf "$dir" "$out/$1.inputs"
        mkdir -p "$dir"
        cp -R "$source/." "$dir"
        rm -rf "$dir/objs"

        configure=configure
        [ -e "$dir/configure" ] || configure=auto/configure

        (
            cd "$dir"
            ASAN_OPTIONS=detect_leaks=0 sh $configure --prefix="$dir" \
                --with-compat --with-threads \
                --with-http_ssl_module --with-http_v2_module $http3 \
                --with-http_realip_module --with-http_auth_request_module \
                --with-http_sub_module --with-http_stub_status_module \
                --with-cc-opt="-g -O2 -Wno-error $3" --with-ld-opt="$4" \
                ${5:+--add-dynamic-module="$5"}
        ) > "$out/$1.log" 2>&1 || failed "$1"
    fi

    make -j "$(nproc)" -C "$dir" -f objs/Makefile "$2" \
        > "$out/$1.log" 2>&1 || failed "$1"

    # -Wno-error is for nginx's own files, older than this compiler
    if grep "^$top/.*warning:" "$out/$1.log" >&2; then
        rm -f "$out/$1.inputs"
        exit 1
    fi

    mv "$out/$1.inputs.new" "$out/$1.inputs"
}

failed() {
    tail -n 40 "$out/$1.log" >&2
    exit 1
}

echo "building nginx $(sed -n 's/.*NGINX_VERSION  *"\(.*\)"/\1/p' \
    "$source/src/core/nginx.h")${http3:+ with HTTP/3}"

# make's own variables are for this build, not for those that tests make
unset MAKEFLAGS NGINX_SRC

build nginx build "" ""

cc=
ld=
if [ -n "${SANITIZE:-}" ]; then
    cc=$CC_SANITIZE
    ld=$LD_SANITIZE
fi

build module modules "$cc" "$ld" "$top"
build fault modules "$cc -DNGX_ESS_FAULT -DNGX_ESS_FAULT_ALLOC" "$ld" "$top"

if [ -n "$http3" ]; then
    cmp -s t/http3/requirements.txt "$out/python/requirements.txt" || {
        rm -rf "$out/python"
        PIP_ROOT_USER_ACTION=ignore \
        "$PYTHON" -m pip install --quiet --require-hashes --no-deps \
            --upgrade --target "$out/python" -r t/http3/requirements.txt
        cp t/http3/requirements.txt "$out/python"
    }
    export ESS_AIOQUIC="$out/python"
fi

NGINX_SOURCE=$source \
ESS_NGINX=$out/nginx/objs/nginx \
ESS_MODULE=$out/module/objs/ngx_ess_module.so \
ESS_FAULT_MODULE=$out/fault/objs/ngx_ess_module.so \
ESS_SANITIZE=${SANITIZE:-} \
    tools/test.sh "${T:-}" 0
