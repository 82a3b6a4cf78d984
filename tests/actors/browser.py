# SPDX-License-Identifier: Apache-2.0
"""A browser that is clicked in: headless Chromium, driven by the W3C's WebDriver protocol
with nothing but the standard library."""

import base64
import http.client
import json
import shutil

from .process import Process
from .redis_server import free_port

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the protocol's name of a reference

# Looks again until there is something, and waits inside the page, not here.
UNTIL = """
const look = new Function(...arguments[0]), args = arguments[1], done = arguments[arguments.length - 1];
const end = Date.now() + arguments[2];
const once = () => {
    let found;
    try { found = look(...args); } catch (e) { found = null; }
    if (found || Date.now() > end) { clearInterval(timer); done(found || null); }
};
const timer = setInterval(once, 50);
"""


def is_there():
    return all(shutil.which(name) for name in ("chromium", "chromedriver"))


class Browser:
    def __init__(self, stage, profile):
        self._port = free_port()
        self.driver = stage.process(Process(["chromedriver", f"--port={self._port}"], name="chromedriver"))
        self.driver.wait_line("started successfully")
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                            "--window-size=1400,1500", f"--user-data-dir={profile}"]}
        capabilities = {"browserName": "chrome", "goog:chromeOptions": options,
                        "timeouts": {"script": 60_000}, "goog:loggingPrefs": {"browser": "ALL"}}
        self._session = ""
        self._session = "/" + self._ask("POST", "/session", capabilities={"alwaysMatch": capabilities})["sessionId"]

    def _ask(self, method, path, **body):
        """The answer's value; an error raises what WebDriver calls it."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=90)
        try:
            connection.request(method, f"/session{self._session}{path}" if self._session else path,
                               json.dumps(body) if method == "POST" else None,
                               {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise AssertionError(f"{value['error']}: {value.get('message', '')}")
        return value

    def open(self, url):
        self._ask("POST", "/url", url=url)

    def reload(self):
        self._ask("POST", "/refresh")

    def run(self, script, *args):
        return self._ask("POST", "/execute/sync", script=script, args=args)

    def until(self, script, *args, seconds=20):
        """What the function body `script`, whose arguments are a, b, …, returns once that
        is true."""
        names = [chr(ord("a") + i) for i in range(len(args))]
        found = self._ask("POST", "/execute/async", script=UNTIL,
                          args=[[*names, script], list(args), seconds * 1000])
        assert found, f"not within {seconds} s in the page: {script} {args}\n{self.text('body')}"
        return found

    def text(self, selector):
        return self.run("const e = document.querySelector(arguments[0]); return e && e.innerText", selector)

    def wait_text(self, selector, pattern, seconds=20):
        """The first element's text that the regular expression finds."""
        return self.until("return [...document.querySelectorAll(a)].map(e => e.innerText)"
                          ".find(t => new RegExp(b).test(t))", selector, pattern, seconds=seconds)

    def _element(self, selector):
        return self._ask("POST", "/element", using="css selector", value=selector)[ELEMENT]

    def click(self, selector):
        """As a person does: it must be in view and not covered."""
        element = self._element(selector)
        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", {ELEMENT: element})
        self._ask("POST", f"/element/{element}/click")

    def type(self, selector, text):
        element = self._element(selector)
        self._ask("POST", f"/element/{element}/clear")
        self._ask("POST", f"/element/{element}/value", text=str(text))

    def complaints(self):
        """What the pages' scripts have complained of since it was last asked."""
        return [entry["message"] for entry in self._ask("POST", "/se/log", type="browser")
                if entry["level"] == "SEVERE"]

    def picture(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self._ask("GET", "/screenshot")))

    def close(self):
        self._ask("DELETE", "")
