"""Chromium, headless, driven over WebDriver."""

import base64
import http.client
import json
import os
import subprocess

from ports import free_port
from wait import slower, wait_for


class Browser:
    """Headless, with further arguments; execute() runs JavaScript in the
    page."""

    def __init__(self, folder, args=()):
        self.port = free_port()
        self.session = None
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=%d" % self.port,
             "--log-path=%s/chromedriver.log" % folder],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
            env=dict(os.environ, HOME=str(folder), TMPDIR=str(folder)))
        wait_for(self.ready, 30, "chromedriver")
        self.session = self.call("POST", "/session", {"capabilities": {
            "alwaysMatch": {"goog:chromeOptions": {"args": [
                "--headless=new", "--no-sandbox", "--disable-gpu",
                "--disable-dev-shm-usage",
                "--user-data-dir=%s/profile" % folder,
                "--window-size=1400,900", *args]},
                "goog:loggingPrefs": {"browser": "ALL"}}}})["sessionId"]

    def ready(self):
        try:
            return self.call("GET", "/status")["ready"]
        except OSError:
            return False

    def call(self, method, path, body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port,
                                       timeout=60 * slower())
        try:
            c.request(method, path, json.dumps(body) if body is not None
                      else None, {"Content-Type": "application/json"})
            r = c.getresponse()
            value = json.loads(r.read())["value"]
        finally:
            c.close()
        assert r.status == 200, value
        return value

    def do(self, path, **body):
        return self.call("POST", "/session/%s/%s" % (self.session, path), body)

    def open(self, url):
        self.do("url", url=url)

    def execute(self, script, *args):
        return self.do("execute/sync", script=script, args=list(args))

    def find(self, css):
        """The first element of a selector, which waits for it."""

        def found():
            try:
                return self.do("element", using="css selector", value=css)
            except AssertionError:
                return None
        return list(wait_for(found, what=css).values())[0]

    def click(self, css):
        self.do("element/%s/click" % self.find(css))

    def type(self, css, text):
        self.do("element/%s/value" % self.find(css), text=text)

    def press(self, key):
        """A key, to whatever has the focus."""

        self.do("actions", actions=[{"type": "key", "id": "keys", "actions": [
            {"type": t, "value": key} for t in ("keyDown", "keyUp")]}])

    def text(self, css):
        return self.execute("const e = document.querySelector(arguments[0]);"
                            " return e && e.checkVisibility()"
                            " ? e.innerText : null;", css)

    def texts(self, css):
        return self.execute("return [...document.querySelectorAll("
                            "arguments[0])].filter((e) => e.checkVisibility())"
                            ".map((e) => e.innerText);", css)

    def devtools(self, command, **params):
        return self.do("goog/cdp/execute", cmd=command, params=params)

    def errors(self):
        """What the browser's console said that is not mere information."""

        return [e for e in self.do("se/log", type="browser")
                if e["level"] in ("WARNING", "SEVERE")]

    def screenshot(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.call(
                "GET", "/session/%s/screenshot" % self.session)))

    def close(self):
        try:
            if self.session:
                self.call("DELETE", "/session/" + self.session)
        finally:
            self.driver.terminate()
            self.driver.wait()
