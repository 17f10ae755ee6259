"""The guard of outgoing calls: what is refused as it stands, what is refused once resolved, and where the connection goes."""

from __future__ import annotations

from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

from alerts.channels.posting import post
from alerts.checks import load_rules
from monitor.errors import ConfigError, Undeliverable
from monitor.outgoing import Guard, Lookup

PUBLIC = "93.184.216.34"


def resolving(*addresses: str) -> Lookup:
    return lambda _host, _port: addresses


@pytest.mark.parametrize(
    "url",
    [
        *(
            "ftp://hooks.test/",
            "https://",
            "https:///x",
            "file:///etc/passwd",
            "https://h:0/",
            "https://[/",
            "gopher://h/",
        ),
        *("http://hooks.test/", "https://me:secret@hooks.test/"),
        *("https://10.0.0.1/", "https://172.16.9.9/", "https://192.168.1.1/", "https://100.64.0.1/"),
        *(
            "https://169.254.169.254/latest/meta-data/",
            "https://[fe80::1]/",
            "https://[fd00:ec2::254]/",
            "https://0.0.0.0/",
        ),
        *(
            "https://2130706433/",
            "https://0x7f000001/",
            "https://127.1/",
            "https://127.0.0.2/",
            "https://[::ffff:10.0.0.1]/",
        ),
        *("https://[64:ff9b::a00:1]/", "https://[2002:a00:1::]/", "https://224.0.0.1/", "https://255.255.255.255/"),
    ],
)
def test_what_is_refused_as_it_stands(url: str) -> None:
    assert Guard().refusal(url)
    with pytest.raises(Undeliverable):
        Guard().target(url, resolving(PUBLIC))


@pytest.mark.parametrize(
    "url", ["https://hooks.test/x", f"https://{PUBLIC}/", "http://127.0.0.1:9/", "http://localhost:9/"]
)
def test_what_is_not(url: str) -> None:
    assert Guard().refusal(url) == ""


def test_private_and_plain_ones_are_allowed_by_name() -> None:
    assert Guard(allow_private=True).refusal("https://10.0.0.1/") == ""
    assert Guard(allow_http=True).refusal("http://hooks.test/") == ""
    assert Guard(allow_private=True).refusal("https://224.0.0.1/"), "multicast is nobody's address"


@pytest.mark.parametrize(
    "found", [["10.0.0.1"], [PUBLIC, "169.254.169.254"], ["127.0.0.1"], ["::1"], ["fe80::1%eth0"], []]
)
def test_a_name_is_refused_for_any_address_it_stands_for(found: Sequence[str]) -> None:
    with pytest.raises(Undeliverable):
        Guard().target("https://hooks.test/x", resolving(*found))


def test_the_connection_goes_to_the_address_that_was_looked_at() -> None:
    target = Guard().target("https://hooks.test:8443/x?y=1", resolving(PUBLIC))
    assert (target.url, target.host, target.server) == (f"https://{PUBLIC}:8443/x?y=1", "hooks.test:8443", "hooks.test")
    assert Guard().target("https://h.test/", resolving("2606:2800::1")).url == "https://[2606:2800::1]/"


class Seen(BaseHTTPRequestHandler):
    hosts: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.hosts.append(self.headers["host"])
        self.send_response(302)
        self.send_header("location", "http://127.0.0.1:1/")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


def test_no_proxy_of_the_environment_and_no_redirect(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with HTTPServer(("127.0.0.1", 0), Seen) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        reply = post(f"http://localhost:{server.server_port}/x", b"{}", {})
        server.shutdown()
    assert reply.status == 302
    assert Seen.hosts == [f"localhost:{server.server_port}"]


def test_check_refuses_what_would_be_refused(tmp_path: Path) -> None:
    rules = tmp_path / "alerts.yaml"
    text = "receivers:\n  - name: pager\n    kind: webhook\n    url: {}\n    secret: not-a-number\n{}routes:\n  - to: [pager]\nrules: []\n"
    rules.write_text(text.format("https://169.254.169.254/x", ""), encoding="utf-8")
    with pytest.raises(ConfigError, match=r":4: pager: .*private address"):
        load_rules(rules)
    rules.write_text(text.format("https://10.0.0.9/x", "    allow_private: true\n"), encoding="utf-8")
    assert load_rules(rules).receivers[0].name == "pager"
