"""A web page of somebody else that tries everything it can to read the dashboard, and a name that was rebound to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

REBOUND: Final = "--host-resolver-rules=MAP evil.example 127.0.0.1"

NOTHING: Final = {
    "fetch": "refused",
    "credentials": "refused",
    "blind": "refused",
    "script": "refused",
    "picture": "refused",
    "socket": "refused",
    "frame": "opaque",
}

PAGE: Final = """<!doctype html><title>foreign</title><iframe id=frame src="{url}/?range=30d"></iframe><script>
const told = {{}};
const tell = (name, value) => {{ told[name] = value; }};
fetch("{url}/").then(r => r.text()).then(t => tell("fetch", t.length), e => tell("fetch", "refused"));
fetch("{url}/", {{credentials: "include"}}).then(r => tell("credentials", r.status), e => tell("credentials", "refused"));
fetch("{url}/", {{mode: "no-cors", credentials: "include"}}).then(r => tell("blind", r.type), e => tell("blind", "refused"));
const script = document.createElement("script");
script.onload = () => tell("script", "loaded"); script.onerror = () => tell("script", "refused");
script.src = "{url}/_stcore/host-config"; document.head.append(script);
const picture = new Image();
picture.onload = () => tell("picture", "loaded"); picture.onerror = () => tell("picture", "refused");
picture.src = "{url}/favicon.png";
const socket = new WebSocket("{url}/_stcore/stream".replace("http", "ws"), ["streamlit"]);
socket.onopen = () => tell("socket", "open"); socket.onerror = () => tell("socket", "refused");
setTimeout(() => {{ try {{ tell("frame", document.getElementById("frame").contentDocument ? "empty" : "opaque"); }}
  catch (e) {{ tell("frame", "opaque"); }} document.title = JSON.stringify(told); }}, 4000);
</script>"""


def read_nothing(chrome: Chrome, shown: str) -> None:
    """Demand that neither a rebound name nor any foreign page of this machine reads the dashboard at `shown`."""
    chrome.get(f"http://evil.example:{urlsplit(shown).port}/")
    assert chrome.find_element(By.TAG_NAME, "body").text.startswith("This Host is not served here")
    with _site(shown) as foreign:
        for name in ("127.0.0.1", "localhost", "evil.example"):
            chrome.get(foreign.replace("127.0.0.1", name))
            WebDriverWait(chrome, 30).until(lambda driver: driver.title.startswith("{"))
            assert json.loads(chrome.title) == NOTHING
            chrome.switch_to.frame("frame")
            assert "Plumbline" not in chrome.page_source
            chrome.switch_to.default_content()


@contextmanager
def _site(target: str) -> Iterator[str]:
    """Serve, on a port of its own, the page that tries to read `target`."""
    with _served(PAGE.format(url=target)) as url:
        yield url


@contextmanager
def leaving(target: str) -> Iterator[str]:
    """Serve a page that sends the form of the sign-out of `target` by itself."""
    form = f'<form method=post action="{target}/sign-out"></form><script>document.forms[0].submit()</script>'
    with _served(form) as url:
        yield url


@contextmanager
def _served(page: str) -> Iterator[str]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
