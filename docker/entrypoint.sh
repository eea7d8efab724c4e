#!/bin/sh
#
# Writes nginx.conf from the environment, then becomes the command.
#
# ESS_AMPQ_URL          where RabbitMQ is
# ESS_INGRESS_LOCATION  host, and port if need be, of the clients' URLs
# ESS_INGRESS_SECURE    yes: clients come by wss://, no (default): by ws://
# ESS_NODE              name of this instance; two at one broker must differ,
#                       and one that starts again should keep its own

set -eu

template=${ESS_TEMPLATE:-/etc/nginx/ess.conf.template}
conf=${ESS_CONF:-/etc/nginx/nginx.conf}

wrong() {
    echo "entrypoint.sh: $1" >&2
    exit 1
}

[ -n "${ESS_AMPQ_URL:-}" ] \
    || wrong "ESS_AMPQ_URL must be set, such as amqp://user:password@host:5672/"
[ -n "${ESS_INGRESS_LOCATION:-}" ] \
    || wrong "ESS_INGRESS_LOCATION must be set, such as events.example.com"

case $(printf '%s' "${ESS_INGRESS_SECURE:-no}" | tr '[:upper:]' '[:lower:]') in
    yes | true | on | 1) scheme=wss ;;
    no | false | off | 0) scheme=ws ;;
    *) wrong "ESS_INGRESS_SECURE must be yes or no" ;;
esac

# What would end the word in nginx.conf, or begin a variable, is refused: a URL
# percent-encodes it.
plain() {
    case $2 in
        *[\"\;\{\}\$\'\\\|\&\ ]* | *'
'*)
            wrong "$1 must not have a quote, a blank or one of ; { } \$ \\ | &"
            ;;
    esac
}

node=${ESS_NODE:-$(hostname)}

plain ESS_AMPQ_URL "$ESS_AMPQ_URL"
plain ESS_INGRESS_LOCATION "$ESS_INGRESS_LOCATION"
plain ESS_NODE "$node"

sed -e "s|@AMQP_URL@|$ESS_AMPQ_URL|" \
    -e "s|@LOCATION@|$ESS_INGRESS_LOCATION|" \
    -e "s|@SCHEME@|$scheme|" \
    -e "s|@NODE@|$node|" \
    -e "s|@STORE@|${ESS_STORE:-/var/lib/nginx/ess/streams.db}|" \
    -e "s|@PORT@|${ESS_PORT:-8080}|" \
    -e "s|@API_PORT@|${ESS_API_PORT:-8081}|" \
    "$template" > "$conf"

exec "$@"
