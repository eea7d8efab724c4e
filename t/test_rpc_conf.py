"""Wrong values of ess_consume and ess_rpc fail nginx -t with a message that
says what would be right; neither needs ess_zone."""

import re

import pytest

HTTP = """
http {
    %%MAIN%%
    server {
        listen 127.0.0.1:%%PORT0%%;
        %%SERVER%%
    }
}
"""

AMQP = "ess_amqp amqp://127.0.0.1:1/;"


def output_of(nginx, server, main, code):
    n = nginx(HTTP, start=False, main=main, server=server)
    if code:
        n.expect(r"\[emerg\]")
    rc, output = n.test()
    assert rc == code, output
    return output


def consume(text, location="= /x"):
    return "location %s { %s return 204; }" % (location, text)


def call(text, location="/call/"):
    return "location %s { %s }" % (location, text)


TWO = ("location = /a { ess_consume a; return 204; }"
       "location = /b { ess_consume b a; return 204; }")

WRONG = [
    (consume("ess_consume;"), r'invalid number of arguments in "ess_consume"'),
    (consume("ess_consume uri=/x;"), r'"ess_consume" directive needs the name '
     r'of at least one queue, as in "ess_consume test uri=/rpc/\$ess_queue;"'),
    (consume("ess_consume a retrys=1;"),
     r'"ess_consume".*"retrys=1", it takes names of queues.*"retries="'),
    (consume("ess_consume $a;"), r'"ess_consume".*"\$a", it takes names'),
    (consume("ess_consume amq.x;"),
     r'"ess_consume".*invalid queue "amq.x".*neither "amq." nor "ess."'),
    (consume("ess_consume ess.x;"), r'"ess_consume".*invalid queue "ess.x"'),
    (consume('ess_consume "";'), r'"ess_consume".*invalid queue ""'),
    (consume("ess_consume %s;" % ("q" * 256)),
     r'"ess_consume".*invalid queue.*1 to 255 bytes'),
    (consume("ess_consume a a;"), r'consumes the queue "a" a second time'),
    (TWO, r'consumes the queue "a" a second time'),
    (consume("ess_consume a;", "~ ^/x"),
     r'"ess_consume" directive needs "uri=" here, such as '
     r'"uri=/rpc/\$ess_queue"'),
    ("location @x { ess_consume a; return 204; }",
     r'"ess_consume" directive needs "uri=" here'),
    (consume("ess_consume a uri=x;"), r'"uri=x" give a path that begins'),
    (consume("ess_consume a uri=/$nothing;"), r'unknown "nothing" variable'),
    (consume("ess_consume a method=HEAD;"),
     r'"method=HEAD" give POST, PUT, PATCH, GET or DELETE'),
    (consume("ess_consume a concurrency=0;"), r"from 1 to 1024"),
    (consume("ess_consume a concurrency=1025;"), r"from 1 to 1024"),
    (consume("ess_consume a declare=yes;"),
     r'"declare=yes" give "passive", "durable" or "transient"'),
    (consume("ess_consume a unpack=br;"), r'"auto", "gzip" or "none"'),
    (consume("ess_consume a pack=auto;"), r'"pack=auto" give "gzip" or'),
    (consume("ess_consume a timeout=11m;"), r"a time from 1ms to 10m"),
    (consume("ess_consume a timeout=0;"), r"a time from 1ms to 10m"),
    (consume("ess_consume a max_reply=65m;"), r"a size from 1 to 64m"),
    (consume("ess_consume a retries=-1;"), r"a number from 0 to 100"),
    (consume("ess_consume a retries=5 timeout=1s;"),
     r'"ess_consume" may hold a message for 25 minutes.*fewer "retries="'),
    (consume("ess_consume a retries=3 timeout=151s;"), r"25 at most"),
    (consume("ess_consume a retries=4 timeout=61s;"), r"25 at most"),
    (consume("ess_consume a retry_delay=61s;"), r"a time from 1ms to 1m"),
    (consume("ess_consume a dead=amq.x;"), r'"dead=amq.x" give the name'),
    (consume("ess_consume a dead=a;"),
     r'"ess_consume" of the queue "a" has "dead=a".*give another queue'),
    (consume("ess_consume a dead=b dead=c;"), r'"dead=" twice'),
    (consume("ess_consume a reply=ess.*;"), r'"reply=ess.\*" give the name'),
    (consume("ess_consume a reply=a*b;"), r'"reply=a\*b" give the name'),
    (call("ess_rpc;"), r'invalid number of arguments in "ess_rpc"'),
    (call("ess_rpc timeout=1s;"), r'"ess_rpc" directive needs a queue, as in'),
    (call("ess_rpc a b;"), r'"ess_rpc".*"b", it takes one queue'),
    (call("ess_rpc a retries=1;"), r'"ess_rpc".*"retries=1", it takes'),
    (call("ess_rpc amq.a;"), r'"ess_rpc" has the invalid queue "amq.a"'),
    (call("ess_rpc ess.a;"), r'"ess_rpc" has the invalid queue "ess.a"'),
    (call("ess_rpc $ess_rpc_name;"),
     r'"ess_rpc" directive has a queue with variables, and needs "queues="'),
    (call("ess_rpc a queues=a;"), r'which only a queue with variables takes'),
    (call("ess_rpc $ess_rpc_name queues=a,,b;"), r'"queues=a,,b" give names'),
    (call("ess_rpc $ess_rpc_name queues=a,;"), r'"queues=a," give names'),
    (call("ess_rpc $ess_rpc_name queues=a,ess.b;"), r'none of "amq."'),
    (call("ess_rpc $ess_rpc_name queues=$a;"), r'"queues=\$a" give names'),
    (call("ess_rpc a exchange=;"), r'"exchange=" give the name of an exchange'),
    (call("ess_rpc a exchange=$x;"), r'"exchange=\$x" give the name'),
    (call("ess_rpc a timeout=11m;"), r"a time from 1ms to 10m"),
    (call("ess_rpc a max=0;"), r"a number of calls from 1 to 1000000"),
    (call("ess_rpc a pack=auto;"), r'"pack=auto" give "gzip" or "none"'),
    (call("ess_rpc a; ess_rpc b;"), r'"ess_rpc" directive is duplicate'),
    (call("ess_rpc a; proxy_pass http://127.0.0.1:1;"),
     r'"ess_rpc" in location "/call/" cannot share it'),
]


@pytest.mark.parametrize("server,pattern", WRONG,
                         ids=[str(n) for n in range(len(WRONG))])
def test_wrong(nginx, server, pattern):
    output = output_of(nginx, server, AMQP, 1)
    assert re.search(pattern, output), output


RIGHT = [
    consume("ess_consume a;"),
    consume("ess_consume a b c.d uri=/x/$ess_queue method=PUT concurrency=1 "
            "declare=durable unpack=gzip pack=gzip timeout=1m max_reply=1k "
            "retries=4 retry_delay=2s dead=d reply=r reply=s.* sac;"),
    consume("ess_consume a uri=/rpc/$ess_queue;", "~ ^/x"),
    consume("ess_consume a;", "/prefix/"),
    consume("ess_consume a retries=0 timeout=10m;"),
    consume("ess_consume a; ess_consume b concurrency=1;"),
    call("ess_rpc a;"),
    call("ess_rpc $ess_rpc_name queues=a,b timeout=1s pack=gzip unpack=none "
         "exchange=e max=1 max_reply=1m;"),
    call("ess_rpc a;") + "location = /m { ess_metrics; }"
    "location = /h { ess_health; }",
]


@pytest.mark.parametrize("server", RIGHT)
def test_right(nginx, server):
    output_of(nginx, server, AMQP, 0)


@pytest.mark.parametrize("server", [consume("ess_consume a;"),
                                    call("ess_rpc a;")])
def test_a_broker_is_needed(nginx, server):
    output = output_of(nginx, server, "", 1)
    assert re.search(r'"ess_(consume|rpc)" needs a broker, add "ess_amqp amqp:',
                     output), output


@pytest.mark.parametrize("server", [
    "location = /m { ess_metrics; }", "location = /h { ess_health; }",
    call("ess_rpc a;") + "location /e/ { ess_subscribe; }", ""])
def test_streams_need_a_zone(nginx, server):
    output = output_of(nginx, server, AMQP, 1)
    assert re.search(r'"ess_\w+" needs a zone for the streams', output), output
