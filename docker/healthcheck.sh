#!/bin/bash
#
# Whether ess_health says that new clients are well off here; bash is all that
# the image has to ask it.

exec 3<> "/dev/tcp/127.0.0.1/${ESS_API_PORT:-8081}" || exit 1
printf 'GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
read -r _ status _ <&3
cat <&3 | tail -n 1

[ "$status" = 200 ]
