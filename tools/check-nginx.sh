#!/bin/sh
#
# check-nginx.sh SOURCE OUT: builds nginx and the module from nginx's source
# tree, without writing into it, and runs the tests with both.

set -eu

source=$1
out=$2
top=$(pwd)

if [ ! -e "$source/src/core/nginx.c" ]; then
    echo "\"$source\" is no source tree of nginx:" \
         "make check-nginx NGINX_SRC=/path/to/nginx-1.28.0" >&2
    exit 1
fi

# build NAME CC_OPT
build() {
    dir=$out/$1
    rm -rf "$dir"
    mkdir -p "$dir"
    cp -R "$source/." "$dir"

    configure=configure
    [ -e "$dir/configure" ] || configure=auto/configure

    (
        cd "$dir"
        sh $configure --prefix="$dir" --with-compat --with-threads \
            --with-http_ssl_module --with-http_v2_module \
            --with-http_realip_module --with-http_auth_request_module \
            --with-http_sub_module \
            --with-cc-opt="-g -O2 -Wno-error $2" \
            --add-dynamic-module="$top"
        make -j "$(nproc)"
    ) > "$out/$1.log" 2>&1 || {
        tail -n 40 "$out/$1.log" >&2
        exit 1
    }

    # -Wno-error is for nginx's own files, older than this compiler
    if grep "^$top/.*warning:" "$out/$1.log" >&2; then
        exit 1
    fi
}

mkdir -p "$out"

echo "building nginx $(sed -n 's/.*NGINX_VERSION  *"\(.*\)"/\1/p' \
    "$source/src/core/nginx.h")"

build plain ""
build fault "-DNGX_ESS_FAULT -DNGX_ESS_FAULT_ALLOC"

# make's own variables are for this build, not for those that tests make
unset MAKEFLAGS NGINX_SRC

NGINX_SOURCE=$source \
ESS_NGINX=$out/plain/objs/nginx \
ESS_MODULE=$out/plain/objs/ngx_ess_module.so \
ESS_FAULT_MODULE=$out/fault/objs/ngx_ess_module.so \
    tools/test.sh "${T:-}" 0
