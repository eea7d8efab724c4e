#!/bin/sh
#
# upgrade.sh NEW.deb OLD.deb: behind debian/tests/deliver, with nginx and
# RabbitMQ running: the module's package is upgraded under streams and clients.
# After a restart all streams are as before, and their ordinals go on.  Then
# back to the old one, as docs/operations.md says it.

set -eu

new=$1
old=$2
api=http://127.0.0.1:8081/event-stream/
log=/var/log/nginx/error.log
work=$(mktemp -d)
trap 'kill $client 2> /dev/null || true; rm -rf "$work"' EXIT

fail() {
    echo "$*" >&2
    tail -n 50 $log >&2
    exit 1
}

# a command, until it succeeds, for some seconds
wait_for() {
    n=0
    until "$@" > /dev/null 2>&1; do
        n=$((n + 1))
        [ $n -lt 600 ] || fail "in vain: $*"
        sleep 0.1
    done
}

create() {
    curl -sf -H 'Content-Type: application/json' -d "{\"routing_key\":\"$1\"}" \
        $api
}

publish() {
    amqp-publish -u amqp://guest:guest@127.0.0.1 -e event-streams -r "$1" \
        -b "$2"
}

# what must stay
streams() {
    curl -sf $api \
        | jq -S '[.event_streams[] | {id, location, name, routing_key}]'
}

ordinal() {
    curl -sf "$api$id" | jq .last_ordinal
}

# to $work/$1; what curl got until the stream's end
listen() {
    curl -sN -H 'Accept: text/event-stream' "$location" > "$work/$1" &
    client=$!
    wait_for sh -c "curl -sf $api$id | jq -e '.subscribers == 1'"
}

wait_for sh -c "curl -sf $api"
create first > "$work/created"
create second > /dev/null
create first > /dev/null
id=$(jq -r .id < "$work/created")
location=$(jq -r .location < "$work/created" | sed 's/^ws:/http:/')

listen before
for body in one two three; do
    publish first $body
    wait_for grep -qx "data: *$body" "$work/before"
done

streams > "$work/streams"
was=$(ordinal)
offset=$(wc -c < $log)
pid=$(cat /run/nginx.pid)

apt-get -qy -o Dpkg::Use-Pty=0 install "$new"

# The package triggers a reload, but not without an init everywhere.  One that
# the version cannot do is refused and changes nothing.
nginx -s reload
wait_for sh -c "! kill -0 $client ||
                tail -c +$offset $log | grep 'was made by another version'"
[ "$(cat /run/nginx.pid)" = "$pid" ] || fail "nginx was started anew"

if kill -0 $client 2> /dev/null; then
    echo "the reload was refused"
    publish first four
    wait_for grep -qx "data: *four" "$work/before"
fi

service nginx restart
wait_for sh -c "! kill -0 $client"
wait_for sh -c "curl -sf $api"
streams | cmp - "$work/streams" || fail "the streams are others"

listen after
publish first five
wait_for grep -qx "data: *five" "$work/after"
[ "$(ordinal)" -gt $((was + 1)) ] || fail "ordinals went back"

echo "upgraded: the streams are as before"

# what the old version does not know, by a reload
cp /etc/nginx/nginx.conf "$work/conf"
sed -i 's|^http {|&\n    ess_event_log audit /var/lib/nginx/ess/audit.db;\
    server {\
        listen 127.0.0.1:8084;\
        location /v1/events { ess_events audit; }\
    }|' /etc/nginx/nginx.conf
nginx -t
nginx -s reload
events=http://127.0.0.1:8084/v1/events
wait_for curl -sf -d '[{"n":1}]' $events
[ "$(curl -sf $events)" = '[{"n":1}]' ] || fail "the event is another one"
cp "$work/conf" /etc/nginx/nginx.conf
nginx -s reload
wait_for sh -c "! curl -s $events"
wait_for sh -c "curl -sf $api"
streams | cmp - "$work/streams" || fail "the streams are others"
rm /var/lib/nginx/ess/audit.db*
listen again

echo "an event log beside them"

# back again: both have the same store
was=$(ordinal)
service nginx stop
wait_for sh -c "! kill -0 $client"
apt-get -qy -o Dpkg::Use-Pty=0 install --allow-downgrades "$old"
nginx -t
service nginx start
wait_for sh -c "curl -sf $api"
streams | cmp - "$work/streams" || fail "the streams are others"

listen back
publish first six
wait_for grep -qx "data: *six" "$work/back"
[ "$(ordinal)" -gt $((was + 1)) ] || fail "ordinals went back"

echo "downgraded: the streams are as before"
