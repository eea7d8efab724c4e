"""JSON Web Tokens, signed with the secret that nginx has in the file "key" of
its folder."""

import time

import jwt

SECRET = b"0123456789abcdef0123456789abcdef"


def token(seconds=600, key=SECRET, **claims):
    """One that holds for so long; other claims may replace its "exp"."""

    return jwt.encode({"exp": int(time.time()) + seconds, **claims}, key,
                      "HS256")


def start(n):
    """Starts the nginx, which was made with start=False, with that file."""

    with open(n.path("key"), "wb") as f:
        f.write(SECRET)
    n.start()
    return n
