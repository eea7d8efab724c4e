"""Claims of a token in variables, over HTTP/1.1 and HTTP/2."""

import subprocess
import time

import jwt
import pytest

SECRET = b"0123456789abcdef0123456789abcdef"

CONF = """
http {
    server {
        listen 127.0.0.1:%%PORT0%%;
        listen 127.0.0.1:%%PORT1%% http2;

        location / {
            ess_jwt           key=%%DIR%%/key alg=HS256;
            proxy_set_header  X-User $ess_jwt_name;
            proxy_pass        http://127.0.0.1:%%PORT2%%;
        }
    }

    server {
        listen 127.0.0.1:%%PORT2%%;
        location / { return 200 "user=$http_x_user admin=$http_x_admin"; }
    }
}
"""


@pytest.fixture
def get(nginx):
    n = nginx(CONF, start=False)
    with open(n.path("key"), "wb") as f:
        f.write(SECRET)
    n.start()

    def one(port, version, name):
        token = jwt.encode({"exp": int(time.time()) + 600, "name": name},
                           SECRET, "HS256")
        return subprocess.run(
            ["curl", "-s", "-S", version, "-H", "Authorization: Bearer "
             + token, "http://127.0.0.1:%d/" % n.port(port)],
            check=True, capture_output=True, text=True).stdout

    return one


@pytest.mark.parametrize("port, version", [
    (0, "--http1.1"), (1, "--http2-prior-knowledge")])
def test_a_claim_becomes_one_header(get, port, version):
    assert get(port, version, "Bob") == "user=Bob admin="
    assert get(port, version, "Jürgen") == "user=Jürgen admin="
    assert get(port, version, ["a\nb"]) == r'user=["a\nb"] admin='
    for name in ("Bob\r\nX-Admin: yes", "Bob\nX-Admin: yes", "a\tb", "\x7f",
                 "\x1b", ["\x7f"]):
        assert get(port, version, name) == "user= admin=", name
