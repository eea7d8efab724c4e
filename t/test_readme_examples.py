"""README.md's examples do what it says."""

import os
import re
import signal
import subprocess
import sys

from api import Api
from nginx import MODULE, TOP
from wait import slower, wait_for


def text():
    with open(os.path.join(TOP, "README.md")) as f:
        return f.read()


def block(language):
    """README.md's first one of a language."""

    return re.search(r"(?ms)^```%s\n(.*?)^```$" % language, text()).group(1)


def conf():
    """The nginx block on the test's paths, ports and broker."""

    text = block("nginx")
    for old, new in (
            ("modules/ngx_ess_module.so", MODULE),
            ("/var/lib/nginx/", "%%DIR%%/"),
            ("amqp://guest:guest@127.0.0.1:5672/", "%%AMQP%%"),
            ("localhost:8080", "localhost:%%PORT0%%"),
            ("listen 8080", "listen %%PORT0%%"),
            ("listen 127.0.0.1:8081", "listen 127.0.0.1:%%PORT1%%")):
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


def test_listening_by_curl_and_in_a_browser(nginx, vhost, browser, tmp_path):
    n = nginx(conf(), amqp=vhost.url)
    stream = Api(n.port(1)).create("abc")

    curl = re.search(r"(?m)^curl -N .*$", text()).group()
    out = tmp_path / "out"
    with open(out, "wb") as f:
        p = subprocess.Popen(["bash", "-c", "LOC=%s; exec %s" % (
            stream.location, curl)], stdout=f, stderr=subprocess.DEVNULL)
    try:
        browser.open("http://127.0.0.1:%d/" % n.port(0))
        browser.execute("const LOC = arguments[0]; window.seen = [];"
                        "console.log = x => seen.push(x);" + block("js"),
                        stream.location)
        wait_for(lambda: Api(n.port(1)).get(stream)["subscribers"] == 2, 20)
        vhost.publish("abc", "hello")
        wait_for(lambda: "data:hello" in out.read_text().replace(" ", ""), 20)
        wait_for(lambda: browser.execute("return seen;") == ["hello"], 20)
    finally:
        p.kill()
        p.wait()


def test_the_publisher_finds_what_make_run_started():
    """Its port is the first of those that it tries."""

    p = subprocess.run(
        [sys.executable, "-c", "import ampq_publisher, run\n"
         "print(ampq_publisher.URLS[0], run.AMQP_PORT)"],
        cwd=os.path.join(TOP, "tools"), capture_output=True, text=True,
        check=True)
    url, port = p.stdout.split()
    assert url == "amqp://guest:guest@127.0.0.1:%s/" % port


def test_nginx_block_is_accepted(nginx):
    n = nginx(conf(), start=False, amqp="amqp://127.0.0.1:1/")
    code, output = n.test()
    assert code == 0, output
    assert not re.search(r"\[(warn|emerg)\]", output), output


def test_sh_block_prints_the_event(nginx, vhost, tmp_path):
    n = nginx(conf(), amqp=vhost.url)
    wait_for(lambda: n.log().count(" established, address") >= 2)

    text = block("sh")
    assert "localhost:8081" in text
    text = text.replace("localhost:8081", "127.0.0.1:%d" % n.port(1))
    out = tmp_path / "out"
    # typed by hand, the last line comes when the listener has begun
    before, publish = text.rstrip().rsplit("\n", 1)
    assert publish.startswith("tools/ampq_publisher.py")

    with open(out, "wb") as f:
        p = subprocess.Popen(
            ["bash", "-e", "-c", before + "\nread\n" + publish + "\nwait"],
            cwd=TOP, stdin=subprocess.PIPE, stdout=f,
            stderr=subprocess.STDOUT, start_new_session=True,
            env=dict(os.environ, ESS_AMPQ_URL=vhost.url))
    try:
        wait_for(lambda: "listening to ws://localhost:%d/event-stream/"
                 % n.port(0) in out.read_text(), 20)
        p.stdin.write(b"\n")
        p.stdin.flush()
        wait_for(lambda: '\n{"message_type": "accountserver_api_pb2.'
                 'MerchantCharge"' in out.read_text(), 20)
        # the stream is deleted, and the listener ends
        api = Api(n.port(1))
        api.delete(api.list()[0]["id"])
        assert p.wait(20 * slower()) == 0
        assert "\nsent {" in out.read_text()
        assert "closed: 1000 The stream has been deleted" in out.read_text()
    finally:
        if p.poll() is None:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
        p.stdin.close()
