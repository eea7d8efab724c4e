"""Wrong values fail nginx -t with a message that names the directive and says
what would be right; what is not configured does nothing."""

import itertools
import os
import re

import pytest

from api import Api
from ports import free_port
from wait import wait_for

SECRET = "hunter2xyz"

HTTP = """
http {
    %%MAIN%%
    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { %%LOCATION%% }
    }
}
"""

ZONE = "ess_zone streams 8m;"
URL = "ess_public_url ws://localhost/event-stream/;"
AMQP = "ess_amqp amqp://127.0.0.1:1/;"


def refused(nginx, main, location="return 204;", conf=HTTP):
    """What nginx -t says."""

    n = nginx(conf, start=False, main=main, location=location)
    n.expect(r"\[emerg\]")
    code, output = n.test()
    assert code == 1, output
    assert "[emerg]" in output
    return output


def accepted(nginx, main, location="return 204;"):
    n = nginx(HTTP, start=False, main=main, location=location)
    code, output = n.test()
    assert code == 0, output
    assert not re.search(r"\[(warn|emerg)\]", output), output
    return output


WRONG = [
    # ess_zone
    ("ess_zone;", r'invalid number of arguments in "ess_zone"'),
    ("ess_zone streams;", r'invalid number of arguments in "ess_zone"'),
    ("ess_zone streams x;", r'"ess_zone".*invalid size "x".*"64m"'),
    ("ess_zone streams -1;", r'"ess_zone".*invalid size "-1".*"64m"'),
    ("ess_zone streams 0;", r'"ess_zone".*invalid size "0".*"64m"'),
    ("ess_zone streams 4k;", r'"ess_zone" "streams".*too small.*at least \d+'),
    ("ess_zone streams 1m;", r'"ess_zone" "streams".*too small.*at least \d+'),
    (ZONE + "ess_max_event 9m;",
     r'"ess_zone" "streams".*too small.*"ess_max_event".*at least \d+k'),
    (ZONE + ZONE, r'"ess_zone" directive is duplicate'),
    (ZONE + "ess_zone other 8m;", r'"ess_zone" directive is duplicate'),
    ("limit_conn_zone $server_name zone=streams:1m;" + ZONE,
     r'"streams"'),

    # ess_store
    ("ess_store;", r'invalid number of arguments in "ess_store"'),
    (ZONE + "ess_store a b;", r'invalid number of arguments in "ess_store"'),
    (ZONE + "ess_store '';", r'"ess_store" takes the path of a file or "off"'),
    (ZONE + "ess_store %%DIR%%/;",
     r'"ess_store" takes the path of a file or "off"'),
    (ZONE + "ess_store off; ess_store off;",
     r'"ess_store" directive is duplicate'),
    ("ess_store off;", r'"ess_store" needs a zone.*"ess_zone streams 64m;"'),

    # ess_amqp
    (ZONE + "ess_amqp;", r'invalid number of arguments in "ess_amqp"'),
    (ZONE + "ess_amqp 127.0.0.1:5672;",
     r'"ess_amqp" must begin with "amqp://" or "amqps://"'),
    (ZONE + "ess_amqp amqp://;", r'"ess_amqp" must name a host'),
    (ZONE + "ess_amqp amqp://h:0/;", r'"ess_amqp".* port from 1 to 65535'),
    (ZONE + "ess_amqp amqp://h:65536/;", r'"ess_amqp".* port from 1 to 65535'),
    (ZONE + "ess_amqp amqp://h:x/;", r'"ess_amqp".* port from 1 to 65535'),
    (ZONE + "ess_amqp amqp://h:/;", r'"ess_amqp".* port from 1 to 65535'),
    (ZONE + "ess_amqp amqp://h/a/b;", r'"ess_amqp".* one virtual host.*"%2F"'),
    (ZONE + "ess_amqp amqp://h/%4;",
     r'"ess_amqp".* two hexadecimal digits behind each "%"'),
    (ZONE + "ess_amqp amqp://h/%zz;",
     r'"ess_amqp".* two hexadecimal digits behind each "%"'),
    (ZONE + "ess_amqp amqp://h/?heartbeat=1;",
     r'"ess_amqp".* must not have a query.*behind the URL'),
    (ZONE + "ess_amqp amqp://[::1/;", r'"ess_amqp".* IPv6 address'),
    (ZONE + "ess_amqp amqp://@h/;", r'"ess_amqp".* user name'),
    (ZONE + "ess_amqp amqp://h/%s;" % ("v" * 256),
     r'"ess_amqp".* virtual host of at most 255 bytes'),
    (ZONE + "ess_amqp amqp://h/ heartbeet=1s;",
     r'unknown parameter in "ess_amqp".*heartbeat='),
    (ZONE + "ess_amqp amqp://h/ exchange=;",
     r'"" of "exchange" in "ess_amqp".* name of an exchange'),
    (ZONE + "ess_amqp amqp://h/ exchange=%s;" % ("e" * 256),
     r'of "exchange" in "ess_amqp".* 1 to 255 bytes'),
    (ZONE + "ess_amqp amqp://h/ idle=x;",
     r'"x" of "idle" in "ess_amqp".* a time'),
    (ZONE + "ess_amqp amqp://h/ type=fanout;",
     r'"fanout" of "type" in "ess_amqp".* "direct" or "topic"'),
    (ZONE + "ess_amqp amqp://h/ type=topic; ess_amqp amqp://g/ type=direct;",
     r'"direct" of "type" in "ess_amqp".* same value as in the first'),
    (ZONE + "ess_amqp amqp://h/ queues=mirrored;",
     r'"mirrored" of "queues" in "ess_amqp".* "classic" or "quorum"'),
    (ZONE + "ess_amqp amqp://h/ queues=;",
     r'"" of "queues" in "ess_amqp".* "classic" or "quorum"'),
    (ZONE + "ess_amqp amqp://h/ queues=quorum; "
     "ess_amqp amqp://g/ queues=classic;",
     r'"classic" of "queues" in "ess_amqp".* same value as in the first'),
    (ZONE + "ess_amqp amqp://h/; ess_amqp amqp://g/ queues=quorum;",
     r'"quorum" of "queues" in "ess_amqp".* same value as in the first'),
    (ZONE + "ess_amqp amqp://h/ prefetch=0;",
     r'"0" of "prefetch" in "ess_amqp".* from 1 to 1024'),
    (ZONE + "ess_amqp amqp://h/ prefetch=1025;",
     r'"1025" of "prefetch" in "ess_amqp".* from 1 to 1024'),
    (ZONE + "ess_amqp amqp://h/ heartbeat=1.5s;",
     r'"1.5s" of "heartbeat" in "ess_amqp".* whole seconds'),
    (ZONE + "ess_amqp amqp://h/ heartbeat=500ms;",
     r'"500ms" of "heartbeat" in "ess_amqp".* whole seconds'),
    (ZONE + "ess_amqp amqp://h/ heartbeat=65536s;",
     r'"65536s" of "heartbeat" in "ess_amqp".* 65535s'),
    (ZONE + "ess_amqp amqp://h/ expires=0;",
     r'"0" of "expires" in "ess_amqp".* from 1s'),
    (ZONE + "ess_amqp amqp://h/ expires=100d;",
     r'"100d" of "expires" in "ess_amqp".* to 49d'),
    (ZONE + "ess_amqp amqp://h/ max_length=0;",
     r'"0" of "max_length" in "ess_amqp".* a size'),
    (ZONE + "ess_amqp amqp://h/ max_length=1t;",
     r'"1t" of "max_length" in "ess_amqp".* a size'),
    (ZONE + "ess_amqp amqps://h/ verify=maybe;",
     r'"maybe" of "verify" in "ess_amqp".* "on" or "off"'),
    (ZONE + "ess_amqp amqps://h/ trusted_certificate=%%DIR%%/none;",
     r'"trusted_certificate" of "ess_amqp" must be a file of PEM'),
    (ZONE + "ess_amqp amqp://h/ prefetch=1 prefetch=2;",
     r'"ess_amqp" has "prefetch=" twice'),
    (ZONE + "ess_amqp amqp://h/ verify=on prefetch=1 verify=on;",
     r'"ess_amqp" has "verify=" twice'),
    (ZONE + "ess_amqp amqp://h/ exchange=a; ess_amqp amqp://g/ exchange=b;",
     r'"b" of "exchange" in "ess_amqp".* same value as in the first'),
    (ZONE + "ess_amqp amqp://h/ password_file=%%DIR%%/none;",
     r'"password_file" of "ess_amqp", "\S+/none", cannot be opened'),
    (ZONE + "ess_amqp amqp://h/ password_file=%%DIR%%;",
     r'"password_file" of "ess_amqp", "\S+", must be a regular file'),
    (AMQP, r'"ess_amqp" needs a zone.*"ess_zone streams 64m;"'),

    # ess_node
    (ZONE + "ess_node;", r'invalid number of arguments in "ess_node"'),
    (ZONE + "ess_node '';", r'"ess_node" must be a name of 1 to 200'),
    (ZONE + "ess_node 'a b';", r'"ess_node" must be a name of 1 to 200'),
    (ZONE + "ess_node é;", r'"ess_node" must be a name of 1 to 200'),
    (ZONE + "ess_node %s;" % ("n" * 201),
     r'"ess_node" must be a name of 1 to 200'),
    (ZONE + "ess_node a; ess_node b;", r'"ess_node" directive is duplicate'),

    # ess_log
    (ZONE + "ess_log;", r'invalid number of arguments in "ess_log"'),
    (ZONE + "ess_log 64k;",
     r'"ess_log".*parameter "64k".*"size=", "count=" and "age="'),
    (ZONE + "ess_log size=x;", r'"ess_log".*"size=x".*"size=64k"'),
    (ZONE + "ess_log size=0;", r'"ess_log".*"size=0".*"size=64k"'),
    (ZONE + "ess_log count=0;", r'"ess_log".*"count=0".*"count=1000"'),
    (ZONE + "ess_log count=-1;", r'"ess_log".*"count=-1".*"count=1000"'),
    (ZONE + "ess_log count=;", r'"ess_log".*"count=".*"count=1000"'),
    (ZONE + "ess_log age=1x;", r'"ess_log".*"age=1x".*"age=1h"'),
    (ZONE + "ess_log age=999ms;", r'"ess_log".*"age=999ms".*one second'),
    (ZONE + "ess_log size=1k size=2k;", r'"ess_log".*"size=" twice'),
    (ZONE + "ess_log size=1k; ess_log count=1;",
     r'"ess_log" directive is duplicate'),

    # ess_max_event, ess_drain
    (ZONE + "ess_max_event 1x;", r'"ess_max_event" directive invalid value'),
    (ZONE + "ess_max_event 0;", r'"ess_max_event".*at least 1 byte'),
    (ZONE + "ess_max_event 1k; ess_max_event 1k;",
     r'"ess_max_event" directive is duplicate'),
    (ZONE + "ess_drain soon;", r'"ess_drain" directive invalid value'),
    (ZONE + "ess_drain 1s 2s;", r'invalid number of arguments in "ess_drain"'),

    # ess_public_url, ess_ping
    (ZONE + "ess_public_url '';",
     r'"ess_public_url".*invalid URL "".*"ws://localhost:8080/event-stream/"'),
    (ZONE + "ess_public_url http://h/;",
     r'"ess_public_url".*invalid URL "http://h/".*"ws://'),
    (ZONE + "ess_public_url ws://;", r'"ess_public_url".*invalid URL "ws://"'),
    (ZONE + URL + URL, r'"ess_public_url" directive is duplicate'),
    (ZONE + "ess_ping x;", r'"ess_ping".*interval "x".*"30s"'),
    (ZONE + "ess_ping 10ms;", r'"ess_ping".*interval "10ms".*one second'),
    (ZONE + "ess_ping 30s x;", r'"ess_ping".*timeout "x".*"10s"'),
    (ZONE + "ess_ping 30s 0;", r'"ess_ping".*timeout "0".*one second'),
    (ZONE + "ess_ping text=x;", r'"ess_ping".*interval "text=x".*"30s"'),
    (ZONE + "ess_ping 1s first;", r'"ess_ping".*timeout "first".*"10s"'),
    (ZONE + "ess_ping 1s 1s first text=x;",
     r'"ess_ping".*"first".*"first" behind it'),
    (ZONE + "ess_ping 1s text=x last;",
     r'"ess_ping".*"last".*"first" behind it'),
    (ZONE + "ess_ping 1s 1s text=x text=y;", r'"ess_ping" has "text=" twice'),
    (ZONE + "ess_ping 1s text=$msec;", r'"\$msec".*UTF-8.*without variables'),
    (ZONE + "ess_ping 1s 'text=${body}';", r'"\${body}".*without variables'),
    (ZONE + "ess_ping 1s text=;", r'"".*"text".*1 to 256'),
    (ZONE + "ess_ping 1s text=%s;" % ("x" * 257), r'"text".*1 to 256'),
    # ess_body
    (ZONE + "ess_body;", r'number of arguments in "ess_body"'),
    (ZONE + "ess_body json;", r'"ess_body".*"json".*"value" or "envelope"'),
    (ZONE + "ess_body text;", r'"ess_body".*"text".*a template'),
    (ZONE + "ess_body envelope x;", r'"ess_body".*"envelope".*alone'),
    (ZONE + "ess_body text '{\"a\": $arg_a}';",
     r'"ess_body".*at its character 7: .*none of nginx.*"{"a": \$arg_a}"'),
    (ZONE + "ess_body text 'a ${json:b}';",
     r'at its character 3: a JSON pointer begins with "/"'),
    (ZONE + "ess_body text '${body';", r'at its character 1: .*without a "}"'),
    (ZONE + "ess_body text '%s';" % ("${id}" * 17),
     r'at its character 81: .*at most 16'),
    (ZONE + "ess_body value; ess_body envelope;",
     r'"ess_body" directive is duplicate'),
    (ZONE + "ess_annotate yes;", r'"ess_annotate".*"on" or "off"'),
    (ZONE + "ess_annotate;", r'number of arguments in "ess_annotate"'),
    (ZONE + "ess_annotate gaps=off;", r'"ess_annotate".*"on" or "off"'),
    (ZONE + "ess_annotate off strict=on;", r'"ess_annotate".*"on" or "off"'),
    (ZONE + "ess_annotate on gaps=no;",
     r'"gaps" in "ess_annotate".*"gaps=on" or "gaps=off"'),
    (ZONE + "ess_annotate on strict;",
     r'"ess_annotate".*"strict".*"gaps=" and "strict="'),
    (ZONE + "ess_annotate on strict=on strict=off;",
     r'"ess_annotate" has "strict=" twice'),
    (ZONE + "ess_annotate on; ess_annotate off;",
     r'"ess_annotate" directive is duplicate'),
    (ZONE + "ess_request drop;", r'invalid value "drop"'),
    (ZONE + "ess_slow_client wait;", r'"ess_slow_client".*"wait".*"skip"'),
    (ZONE + "ess_slow_client skip size=1m;",
     r'"ess_slow_client".*"size=1m".*"buffer=1m"'),
    (ZONE + "ess_slow_client skip buffer=4095;",
     r'"ess_slow_client".*"buffer=4095".*at least 4k'),
    (ZONE + "ess_slow_client skip; ess_slow_client skip;",
     r'"ess_slow_client" directive is duplicate'),
    (ZONE + "ess_client_rate 100;", r'"ess_client_rate".*"100".*"messages="'),
    (ZONE + "ess_client_rate messages=0;",
     r'"ess_client_rate".*"messages=0".*from 1 to 1000000'),
    (ZONE + "ess_client_rate messages=1 messages=2;",
     r'"ess_client_rate".*"messages=2"'),
    (ZONE + "ess_client_rate bytes=8191;",
     r'"ess_client_rate".*"bytes=8191".*from 8k'),
    (ZONE + "ess_client_rate off bytes=8k;", r'"ess_client_rate".*"off"'),
    (ZONE + "ess_client_rate off; ess_client_rate messages=1;",
     r'"ess_client_rate" directive is duplicate'),
    (ZONE + "ess_max_memory x;", r'"ess_max_memory" directive invalid value'),
    (ZONE + "ess_max_subscribers 0;",
     r'"ess_max_subscribers".*invalid number "0".*"off"'),
    (ZONE + "ess_max_subscribers 1 takeover;",
     r'"ess_max_subscribers".*"takeover".*"replace"'),
    (ZONE + "ess_max_subscribers off replace;",
     r'"ess_max_subscribers".*invalid number "off"'),
    (ZONE + "ess_max_subscribers 1; ess_max_subscribers off;",
     r'"ess_max_subscribers" directive is duplicate'),
    (ZONE + "ess_log age=181d;", r'"ess_log".*"age=181d".*180 days'),
    (ZONE + "ess_origin example.com;",
     r'"ess_origin".*"example.com".*"https://example.com"'),
    (ZONE + "ess_origin https://example.com/;",
     r'"ess_origin".*"https://example.com/"'),
    (ZONE + "ess_origin any https://example.com;", r'"ess_origin".*"any"'),
    (ZONE + "ess_origin any; ess_origin any;",
     r'"ess_origin" directive is duplicate'),
    (ZONE + "ess_ping 30s; ess_ping 30s;",
     r'"ess_ping" directive is duplicate'),

    # in the wrong place

    # what would be taken literally, or ignored
    (ZONE + "ess_node $host;", r'"ess_node".*"\$host".*"\$hostname"'),
    (ZONE + "ess_node $hostname2;", r'"ess_node".*"\$hostname2"'),
    (ZONE + "ess_node $hostname$pid;", r'"ess_node".*"\$hostname\$pid"'),
    (ZONE + AMQP + "ess_amqp amqp://h/other;",
     r'"ess_amqp" names another virtual host.*"/"'),
    (ZONE + "ess_amqp amqp://h/ verify=off;",
     r'"verify=" of "ess_amqp".*"amqps://"'),
    (ZONE + "ess_amqp amqp://h/ trusted_certificate=/x;",
     r'"trusted_certificate=" of "ess_amqp".*"amqps://"'),
    (ZONE + "ess_amqp amqps://h/ trusted_certificate=/x verify=off;",
     r'"trusted_certificate=".*"verify=off"'),
    (ZONE + "ess_amqp amqp://h/ exchange=$e;",
     r'"\$e" of "exchange" in "ess_amqp".* without "\$"'),
    (ZONE + "ess_public_url wss://$host/;",
     r'"ess_public_url".*"wss://\$host/".*without variables'),
    (ZONE + "ess_origin https://$host;", r'"ess_origin".*"https://\$host"'),

    ("ess_event_log audit audit.db id=/;",
     r'"ess_event_log".*"id=/".*a member that has a name'),

    (ZONE + "ess_api;", r'"ess_api" directive is not allowed here'),
    (ZONE + "ess_subscribe;", r'"ess_subscribe" directive is not allowed'),
    (ZONE + "ess_metrics;", r'"ess_metrics" directive is not allowed here'),
    (ZONE + "ess_health;", r'"ess_health" directive is not allowed here'),
    (ZONE + "ess_console;", r'"ess_console" directive is not allowed here'),
]


@pytest.mark.parametrize("main, message", WRONG,
                         ids=[re.sub(r"^ess_zone streams 8m;(?=.)", "",
                                     w[0])[:48] for w in WRONG])
def test_wrong_value_is_refused(nginx, main, message):
    output = refused(nginx, main)
    assert re.search(message, output), output


@pytest.mark.parametrize("main, location, message", [
    (ZONE, "ess_api;", r'"ess_api".*"/event-stream/".*"ess_public_url ws://'),
    (ZONE, "ess_zone streams 8m;", r'"ess_zone" directive is not allowed'),
    (ZONE + "ess_body envelope; ess_annotate on;", "ess_subscribe;",
     r'"ess_annotate" and "ess_body envelope" in location "/event-stream/"'),
    (ZONE + "ess_annotate on;", "ess_subscribe; ess_body text x;",
     r'"ess_body text".*"ess_annotate off;" or "ess_body value;"'),
    (ZONE, "ess_store off;", r'"ess_store" directive is not allowed'),
    (ZONE, AMQP, r'"ess_amqp" directive is not allowed'),
    (URL, "ess_api;", r'"ess_api" needs a zone.*"ess_zone streams 64m;"'),
    ("", "ess_subscribe;", r'"ess_subscribe" needs a zone.*"ess_zone'),
    (ZONE + URL, "ess_api on;", r'"ess_api".*"on".*"source=exchange" or'),
    (ZONE + URL, "ess_api source=stream on;",
     r'number of arguments in "ess_api"'),
    (ZONE + URL, "ess_api; ess_api;", r'"ess_api" directive is duplicate'),
    (ZONE, "ess_subscribe a b;",
     r'"ess_subscribe".*invalid parameter "a".*"unknown=" or "poison="'),
    (ZONE, "ess_subscribe $arg_a $arg_b;",
     r'"ess_subscribe".*invalid parameter "\$arg_b".*one uuid, "name='),
    (ZONE, "ess_subscribe a b c d;",
     r'"ess_subscribe".*invalid parameter "a"'),
    (ZONE, "ess_subscribe name=$arg_a;",
     r'needs "ess_jwt" in the same location, or behind "name=" one of the '
     r'words "public".*"guarded".*in .*nginx\.conf:\d+'),
    (ZONE, "ess_subscribe name=orders guarded name=orders;",
     r'"ess_subscribe" has "name=" twice'),
    (ZONE, "ess_subscribe name=version public;",
     r'"version" of "name" in "ess_subscribe".*give the name of a stream'),
    (ZONE, "ess_subscribe name= public;", r'give the name of a stream'),
    (ZONE, "ess_subscribe public;",
     r'invalid parameter "public".*"guarded" are behind "name=" or "names"'),
    (ZONE, "ess_subscribe multi names;",
     r'needs "ess_jwt" in the same location, or behind "names" one of'),
    (ZONE, "ess_subscribe multi public;", r'invalid parameter "public"'),
    (ZONE, "ess_subscribe $arg_a multi;", r'invalid parameter "multi"'),
    *[(ZONE, "ess_subscribe multi %s;" % more,
       r'"ess_subscribe".* takes nothing beside "multi"')
      for more in ("$arg_a", "name=$arg_a public", "unknown=404",
                   "poison=close", "names public poison=close")],
    (ZONE, "ess_subscribe unknwon=$arg_a;",
     r'"ess_subscribe".*invalid parameter "unknwon=\$arg_a".*"unknown="'),
    (ZONE, "ess_subscribe unknown=close:1000 unknown=404;",
     r'"ess_subscribe" has "unknown=" twice'),
    (ZONE, "ess_subscribe poison=open;",
     r'"poison" in "ess_subscribe".*give "poison=close"'),
    (ZONE, "ess_subscribe $arg_a; ess_subscribe $arg_b;",
     r'"ess_subscribe" directive is duplicate'),
    *[(ZONE, "ess_subscribe unknown=%s;" % wrong,
       r'"unknown" in "ess_subscribe".*"unknown=404".*"unknown=close:".*1000 '
       r'to 1003')
      for wrong in ("", "close", "close:", "close:x", "close:999", "close:1004",
                    "close:1005", "close:1006", "close:1010", "close:1015",
                    "close:2999", "close:5000", "close:65536", "CLOSE:1000",
                    "403", "close:10 ")[:-1]],
    (ZONE, "ess_subscribe '';",
     r'"ess_subscribe".*invalid parameter "".*"\$arg_stream"'),
    (ZONE, "ess_subscribe arg_stream;",
     r'"ess_subscribe".*invalid parameter "arg_stream".*"\$arg_stream"'),
    (ZONE, "ess_subscribe; ess_subscribe;",
     r'"ess_subscribe" directive is duplicate'),
    (ZONE, "ess_subscribe $no_such_variable;",
     r'unknown "no_such_variable" variable'),
    (ZONE + URL, "ess_subscribe; ess_api;",
     r'"ess_api".*"ess_subscribe"'),
    (ZONE + URL, "ess_api; ess_subscribe;",
     r'"ess_subscribe".*"ess_api"'),
    (ZONE, "ess_publish; ess_publish;",
     r'"ess_publish" directive is duplicate'),
    (ZONE, "ess_publish batch=0;",
     r'"ess_publish": instead of "batch=0" give a number of events from 1'),
    (ZONE, "ess_publish batch=1k;", r'"ess_publish".*"batch=1k"'),
    (ZONE, "ess_publish batch=1 batch=2;", r'"ess_publish".*"batch=2".*once'),
    (ZONE, "ess_subscribe create=exchange;",
     r'"create=" without "name="'),
    (ZONE, "ess_subscribe multi names public create=exchange;",
     r'nothing beside "multi"'),
    (ZONE, "ess_publish create=yes;", r'"ess_publish".*"create=yes" give '
     '"create=exchange" or "create=stream"'),
    (ZONE, "ess_publish create=stream;",
     r'"create=stream" of "ess_publish" needs "ess_amqp"'),
    (ZONE, "ess_publish $arg_a $arg_b;",
     r'"ess_publish".*invalid parameter "\$arg_b".*one routing key'),
    (ZONE, "ess_publish pre.$arg_a;",
     r'"ess_publish".*"pre.\$arg_a": "\$arg_..." is percent-decoded'),
    (ZONE, 'ess_publish "$host${ARG_a}";', r'"ess_publish".*must be all of it'),
    (ZONE, "ess_publish $arg_a$arg_b;", r'"ess_publish".*must be all of it'),
    (ZONE, "ess_publish $no_such_variable;",
     r'unknown "no_such_variable" variable'),
    ("", "ess_metrics;", r'"ess_metrics" needs a zone'),
    ("", "ess_health;", r'"ess_health" needs a zone'),
    (ZONE, "ess_metrics; ess_metrics;",
     r'"ess_metrics" directive is duplicate'),
    (ZONE, "ess_metrics; ess_health;",
     r'"ess_health" cannot share a location with "ess_metrics"'),
    (ZONE, "ess_metrics streams=0;", r'"ess_metrics".*"streams=0".*1 to 1000'),
    (ZONE, "ess_metrics streams=1001;", r'"ess_metrics".*"streams=1001"'),
    (ZONE, "ess_metrics on;", r'"ess_metrics".*"on".*"streams="'),
    (URL, "ess_console;", r'"ess_console" needs a zone'),
    (ZONE, "ess_console;", r'"ess_console".*ess_public_url'),
    (ZONE + URL, "ess_console on;", r'number of arguments in "ess_console"'),
    (ZONE + URL, "ess_console; ess_api;",
     r'"ess_api" cannot share a location with "ess_console"'),
    (ZONE, "ess_health on;", r'number of arguments in "ess_health"'),
], ids=itertools.count())
def test_wrong_location_is_refused(nginx, main, location, message):
    output = refused(nginx, main, location)
    assert re.search(message, output), output


@pytest.mark.parametrize("ours", ["ess_subscribe", "ess_api", "ess_publish",
                                  "ess_metrics", "ess_health",
                                  "ess_console"])
def test_nobody_else_answers_in_a_location_of_ours(nginx, ours):
    """In either order; "proxy_pass" within "if" is another location."""

    theirs = ["proxy_pass http://127.0.0.1:1;", "empty_gif;"]
    for other in theirs[:1 if ours != "ess_api" else 2]:
        for location in ours + ";" + other, other + ours + ";":
            output = refused(nginx, ZONE + URL, location)
            assert re.search('"%s".*cannot share.*"proxy_pass"' % ours,
                             output), output
    accepted(nginx, ZONE + URL, ours + "; if ($arg_x) { %s }" % theirs[0])


def test_node_is_the_host(nginx, vhost):
    """$hostname, by itself or within the name: in the queues' names."""

    host = os.uname().nodename.lower()
    for node, name in ("$hostname", host), ("${hostname}2", host + "2"):
        n = nginx(HTTP, main=ZONE + "ess_node %s; ess_amqp %s;"
                  % (node, vhost.url), location="ess_subscribe;")
        wait_for(lambda: vhost.queue_counts("ess.%s.15" % name))
        n.stop()


@pytest.mark.parametrize("location", ["~ ^/x/", "~* ^/x/", "@named"])
def test_api_needs_a_location_with_a_prefix(nginx, location):
    output = refused(nginx, ZONE + URL, "return 204; } location %s { ess_api;"
                     % location)
    assert re.search(r'"ess_api" directive must be in a location with a '
                     r'prefix, such as "location /event-stream/"', output)


@pytest.mark.parametrize("main, location", [
    (ZONE, "return 204;"),
    ("ess_public_url wss://h/;" + ZONE, "ess_api;"),
    (ZONE, URL + "ess_api;"),
    (URL + "ess_store off; ess_node n;" + ZONE, "ess_api;"),
    (AMQP + ZONE, "ess_subscribe;"),
    (ZONE, "ess_subscribe 0123456789abcdef0123456789abcdef;"),
    (ZONE, "ess_subscribe x-$arg_stream;"),
    (ZONE, "ess_subscribe unknown=close:1000 $arg_stream poison=close;"),
    (ZONE, "ess_subscribe $arg_stream poison=close unknown=404;"),
    (ZONE, "ess_subscribe name=$arg_name public unknown=close:1000;"),
    (ZONE, "ess_subscribe $arg_id unknown=404 name=orders.$arg_a guarded;"),
    (ZONE, "ess_subscribe name=orders guarded poison=close;"),
    (ZONE, "ess_subscribe multi;"),
    (ZONE, "ess_subscribe multi names public;"),
    (ZONE, "ess_subscribe multi names guarded;"),
    *[(ZONE, "ess_subscribe unknown=close:%d;" % code)
      for code in (1003, 1007, 1009, 1011, 1014, 3000, 4999)],
    (AMQP + "ess_amqp amqp://u%40x:p@[::1]/%2F;" + ZONE, "ess_subscribe;"),
    ("ess_amqp amqp://u:p%40%3a%2F@h:1/v%2Fh exchange=e prefetch=1024 "
     "heartbeat=0 expires=1h max_length=1;" + ZONE, "ess_subscribe;"),
    ("ess_amqp amqps://h/ verify=off type=topic;" + ZONE, "ess_subscribe;"),
    (ZONE + "ess_log age=1s; ess_max_event 1; ess_drain 0; ess_ping 0;",
     "ess_ping 1s 1s; ess_subscribe $arg_uuid;"),
    ("ess_log size=1 count=1 age=1d; ess_ping 1m;" + ZONE, "ess_subscribe;"),
    (ZONE + "ess_annotate on; ess_request release; ess_slow_client skip;",
     "ess_subscribe; ess_slow_client close buffer=4k; ess_origin any;"),
    (ZONE + "ess_annotate on strict=on gaps=off;",
     "ess_subscribe; ess_annotate on gaps=on strict=off;"),
    (ZONE + "ess_annotate on strict=on;", "ess_subscribe; ess_annotate off;"),
    (ZONE + "ess_annotate on;",
     "ess_subscribe; ess_annotate off; ess_body envelope;"),
    (ZONE + "ess_body text '{\"a\": ${json:/a}, \"b\": \"$$\"}';",
     "ess_subscribe; ess_body text '${body}${key}${name}${id}${timestamp}';"),
    (ZONE + "ess_ping 1s 'text={\"type\": \"ping\"}' first;",
     "ess_subscribe; ess_ping 1s 2s text=x;"),
    (ZONE + "ess_ping 0 text=x first;", "ess_subscribe;"),
    (ZONE + "ess_origin https://example.com http://localhost:3000 null;",
     "ess_subscribe;"),
    (ZONE + "ess_client_rate bytes=1m messages=10;",
     "ess_subscribe; ess_client_rate messages=5;"),
    (ZONE, "ess_publish batch=1;"),
    (ZONE, "ess_publish batch=100000 $arg_key;"),
    (ZONE, "ess_metrics streams=1000;"),
    (ZONE, "ess_health;"),
    (ZONE + URL, "ess_console;"),
])
def test_right_values_in_any_order_are_accepted(nginx, main, location):
    accepted(nginx, main, location)


# loaded, but not configured

@pytest.mark.parametrize("conf", ["", """
http {
    server {
        listen 127.0.0.1:%%PORT0%%;
        location / { return 200 "plain"; }
    }
}
"""], ids=["no http block", "http block"])
def test_loaded_but_not_configured_does_nothing(nginx, conf):
    n = nginx(conf)
    if conf:
        r = Api(n.port(), "/").request("GET")
        assert (r.status, r.body) == (200, b"plain")
    n.kill_worker()
    n.reload(old_gone=True)
    with open("/proc/%d/maps" % n.workers()[0]) as maps:
        assert "ngx_ess_module.so" in maps.read()
    assert n.stop() == 0
    assert "ess" not in re.sub(r"process(es)?", "", n.log().replace(
        n.folder, "")), n.log()
    left = {f for f in os.listdir(n.folder) if not re.match(
        r"(tmp_|asan\.|ubsan\.|valgrind\.)", f)}
    assert left - {"access.log"} == {"error.log", "nginx.conf", "stderr"}


def test_zone_alone_does_nothing_but_reserve_memory(nginx):
    n = nginx(HTTP, main=ZONE, location="return 204;")
    assert Api(n.port()).request("GET").status == 204
    assert n.stop() == 0
    assert not re.search(r"\[(warn|error|crit)\]", n.log())


# passwords

@pytest.mark.parametrize("url", [
    "http://user:%s@h/", "user:%s@h/", "amqp://user:%s@h:x/",
    "amqp://user:%s@h/a/b", "amqp://user:%s@h/%%zz", "amqp://user:%s/x@h/",
    "amqp://user:%s@x@h/", "amqp://user:%s?@h/", "amqp://user:%s#@h/",
    "amqp://user:%s%%zz@h/", "amqp://:%s@h/", "amqp://user:%s@/",
    "amqp://user:%s@h/ %s", "amqp://user:%s@h/ password=%s",
    "amqp://user:%s@h/ prefetch=0", "amqp://user:%s@h/ verify=x",
    "amqp://user:%s@h/ password_file=%%DIR%%/none",
    "amqp://user:%s@h/ password_file=%%DIR%%/nginx.conf",
])
def test_password_of_a_wrong_url_is_in_no_message(nginx, url):
    url = url.replace("%%DIR%%", "\0").replace("%s", SECRET)
    url = url.replace("%%", "%").replace("\0", "%%DIR%%")
    output = refused(nginx, ZONE + "ess_amqp %s;" % url)
    assert '"ess_amqp"' in output
    assert SECRET not in output


def password_file(tmp_path, content):
    path = tmp_path / "password"
    path.write_bytes(content)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("content", [
    b"", b"\n", b"\r\n", b"x" * 1025, b"\nhunter2xyz\n", b"hunter2xyz\0\n",
], ids=["empty", "no line", "no line, CRLF", "too long", "second line", "NUL"])
def test_wrong_password_file_is_refused(nginx, tmp_path, content):
    path = password_file(tmp_path, content)
    output = refused(nginx, ZONE + "ess_amqp amqp://u@h/ password_file=%s;"
                     % path)
    assert re.search(r'first line of the "password_file" of "ess_amqp", '
                     r'"%s", must be a password of 1 to 1024' % path, output)
    assert SECRET not in output


def test_password_file_that_everybody_may_read_is_warned_of(nginx, tmp_path):
    path = password_file(tmp_path, SECRET.encode())
    path.chmod(0o644)
    n = nginx(HTTP, start=False, location="return 204;", main=ZONE
              + "ess_amqp amqp://u@h/ password_file=%s;" % path)
    code, output = n.test()
    assert code == 0, output
    assert re.search(r'\[warn\].*everybody may read the "password_file"',
                     output)
    assert SECRET not in output


FROM_COOKIE = "ess_jwt key=%%DIR%%/key alg=HS256 token=cookie:session;"


def warnings(nginx, location, main=ZONE + URL):
    n = nginx(HTTP, start=False, main=main, location=location)
    with open(n.path("key"), "w", opener=lambda path, flags: os.open(
            path, flags, 0o600)) as f:
        f.write("x" * 32)
    code, output = n.test()
    assert code == 0, output
    return [line for line in output.splitlines() if "[warn]" in line]


@pytest.mark.parametrize("main, location", [
    ("", FROM_COOKIE + "ess_subscribe;"),
    ("", FROM_COOKIE + "ess_console;"),
    ("", FROM_COOKIE + "ess_origin any; ess_subscribe;"),
    (FROM_COOKIE, "ess_subscribe;"),
    ("ess_origin https://example.com;",
     "ess_origin any; ess_subscribe; " + FROM_COOKIE),
], ids=["subscribe", "console", "any", "inherited", "any again"])
def test_a_cookie_lets_in_pages_of_any_origin(nginx, main, location):
    """Cross-site WebSocket hijacking, unless the origins are listed."""

    lines = warnings(nginx, location, ZONE + URL + main)
    assert len(lines) == 1
    assert re.search(r'"token=cookie:".* location "/event-stream/".*'
                     r'"ess_origin https://example.com;"', lines[0])


@pytest.mark.parametrize("main, location", [
    ("", FROM_COOKIE + "ess_subscribe; ess_origin https://example.com;"),
    ("ess_origin https://example.com;", FROM_COOKIE + "ess_subscribe;"),
    ("", FROM_COOKIE.replace("cookie:session", "protocol") + "ess_subscribe;"),
    (FROM_COOKIE, "ess_subscribe; ess_jwt off;"),
    # their answers are for no other page, and changes are refused
    ("", FROM_COOKIE + "ess_api;"),
    ("", FROM_COOKIE + "return 204;"),
], ids=["listed", "inherited", "protocol", "off", "api", "elsewhere"])
def test_no_warning_of_cookies_without_a_cause(nginx, main, location):
    assert warnings(nginx, location, ZONE + URL + main) == []


@pytest.mark.parametrize("main, location, accepted", [
    ("", FROM_COOKIE + "ess_subscribe name=$arg_a; ess_origin https://example.com;", True),
    (FROM_COOKIE + "ess_origin https://example.com;", "ess_subscribe multi names;", True),
    (FROM_COOKIE, "ess_subscribe name=$arg_a; ess_jwt off;", False),
    (FROM_COOKIE, "ess_subscribe multi names; ess_jwt off;", False),
    (FROM_COOKIE, "ess_subscribe multi names public; ess_jwt off;", True),
])
def test_names_need_tokens_or_a_word(nginx, main, location, accepted):
    n = nginx(HTTP, start=False, main=ZONE + URL + main, location=location)
    n.expect(r"\[emerg\]")
    with open(n.path("key"), "w", opener=lambda path, flags: os.open(
            path, flags, 0o600)) as f:
        f.write("x" * 32)
    code, output = n.test()
    assert (code == 0) == accepted, output


@pytest.mark.parametrize("content", [
    b"guest", b"guest\n", b"guest\r\n", b"guest\nhunter2xyz\n"])
def test_password_is_the_first_line_of_its_file(nginx, vhost, tmp_path,
                                                content):
    n = nginx(HTTP, main=ZONE + URL + "ess_amqp %s password_file=%s;" % (
        vhost.url.replace("guest:guest@", "guest@"),
        password_file(tmp_path, content)), location="ess_api;")
    wait_for(lambda: n.log().count("established") >= 2)
    assert Api(n.port()).create("abc").id == 1


@pytest.mark.parametrize("how", ["url", "file"])
def test_refused_credentials_are_logged_once_without_the_password(
        nginx, vhost, tmp_path, how):
    if how == "url":
        amqp = vhost.url.replace("guest:guest", "guest:" + SECRET)
    else:
        amqp = "%s password_file=%s" % (
            vhost.url.replace("guest:guest", "guest"),
            password_file(tmp_path, SECRET.encode()))
    n = nginx(HTTP, main=ZONE + URL + "ess_amqp %s;" % amqp,
              location="ess_api;", workers=1)     # to count its lines
    n.wait_log("ACCESS_REFUSED")
    r = Api(n.port()).request("POST", body={"routing_key": "abc"})
    assert r.status == 503
    assert SECRET not in r.body.decode()
    assert Api(n.port()).list() == []
    # the 503 came after two seconds, in which it was tried again
    assert n.log().count("ACCESS_REFUSED") == 1
    assert SECRET not in n.log()
    n.stop()
    assert SECRET not in n.log() + n._read("stderr") + n.access_log()


def test_refused_connection_is_in_the_log_without_the_password(nginx):
    port = free_port()
    n = nginx(HTTP, main=ZONE + "ess_amqp amqp://u:%s@127.0.0.1:%d/;"
              % (SECRET, port), location="ess_subscribe;")
    n.wait_log(r"\[error\].*127\.0\.0\.1:%d" % port)
    n.stop()
    assert SECRET not in n.log()
