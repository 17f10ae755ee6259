"""The client against the real api, and against everything that is not it."""

import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from monitor.errors import BadSql, NotFound, PlumblineError, StoreError, Unreachable
from monitor.places import Address, address_of, bind
from plumbline.api.client import ApiClient
from plumbline.api.questions import Check, Erase, Explain, Replay, Settle, Sources, Sql, Status
from tests.api.fake_agent import TOKEN, FakeAgent, served

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


def test_what_the_agent_says_comes_through(tmp_path: Path) -> None:
    with served(FakeAgent(tmp_path)) as url:
        client = ApiClient(url, TOKEN)
        assert client.ask(Sql("SELECT", 2))["truncated"] is True
        assert client.ask(Status())["ledger"] == {"received": 3, "stored": 2}
        assert client.ask(Settle()) == {"loaded": 7}
        assert client.ask(Sources())["sources"][0]["app"] == "shop"
        assert client.ask(Explain("a/b?c"))[0] == "a/b?c was sampled"
        assert client.ask(Erase("app", "x")) == {"spans": 4}
        assert client.ask(Check()) == ["spans: 1 row without a trace"]


def test_errors_come_back_as_what_they_were(tmp_path: Path) -> None:
    with served(FakeAgent(tmp_path)) as url:
        client = ApiClient(url, TOKEN)
        with pytest.raises(BadSql, match="only one SELECT"):
            client.ask(Sql("delete", 1))
        with pytest.raises(StoreError, match="is broken"):
            client.ask(Sql("broken", 1))
        with pytest.raises(NotFound, match="nothing here is named none"):
            client.ask(Explain("none"))
        with pytest.raises(Unreachable, match="token"):
            ApiClient(url, "wrong").ask(Status())


def test_a_replay_is_followed_to_its_end(tmp_path: Path) -> None:
    seen: list[float] = []
    with served(FakeAgent(tmp_path)) as url:
        client = ApiClient(url, TOKEN, sleep=lambda _: None)
        result = client.ask(Replay(START, END, "1h"), lambda share, _: seen.append(share))
        assert result == {"findings": [{"id": "f1"}]}
        assert seen == sorted(seen)
        assert seen[-1] == 1.0
        with pytest.raises(PlumblineError, match="thirteen"):
            client.ask(Replay(START, END, "13h"), lambda *_: None)


def test_an_interrupt_here_stops_the_replay_there(tmp_path: Path) -> None:
    def interrupt(share: float, _: str) -> None:
        if share > 0:
            raise KeyboardInterrupt

    with served(FakeAgent(tmp_path)) as url:
        client = ApiClient(url, TOKEN)
        with pytest.raises(KeyboardInterrupt):
            client.ask(Replay(START, END, "7h"), interrupt)
        client.ask(Replay(START, END))  # would be refused while the first still runs


def test_nobody_there() -> None:
    sock = bind(Address("127.0.0.1", 0), "--api")
    url = address_of(sock).url
    sock.close()
    with pytest.raises(Unreachable, match="does not answer"):
        ApiClient(url, TOKEN).ask(Status())


class Stranger(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(418)
        self.end_headers()
        self.wfile.write(b"<html>teapot</html>")

    def log_message(self, *_: object) -> None:
        pass


def test_somebody_else_there() -> None:
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(StoreError, match="answered 418 without a reason"):
                ApiClient(f"http://127.0.0.1:{server.server_port}", TOKEN).ask(Status())
        finally:
            server.shutdown()
            thread.join()
