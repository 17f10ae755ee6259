"""The api over real HTTP."""

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from plumbline.api.wire import ARROW, MAX_BODY
from tests.api.fake_agent import TOKEN, FakeAgent, served

BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def agent(tmp_path: Path) -> FakeAgent:
    return FakeAgent(tmp_path)


@pytest.fixture
def http(agent: FakeAgent) -> Iterator[httpx.Client]:
    with served(agent) as url, httpx.Client(base_url=url, headers=BEARER, trust_env=False) as client:
        yield client


def error_of(answer: httpx.Response) -> str:
    text = answer.json()["error"]
    assert isinstance(text, str)
    assert "\n" not in text
    assert "Traceback" not in text
    return text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/v1/status"),
        ("POST", "/v1/sql"),
        ("GET", "/v1/read/overview"),
        ("POST", "/v1/settle"),
        ("POST", "/v1/replay"),
        ("GET", "/v1/jobs/x"),
        ("GET", "/v1/explain/x"),
        ("GET", "/v1/findings/f1/report"),
        ("POST", "/v1/erase"),
        ("GET", "/nothing"),
    ],
)
@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer é"])
def test_every_path_but_health_needs_the_token(
    http: httpx.Client, agent: FakeAgent, method: str, path: str, authorization: str
) -> None:
    answer = http.request(method, path, headers=[(b"authorization", authorization.encode())])
    assert answer.status_code == 401
    assert "token" in error_of(answer)
    assert not agent.erased


def test_health_needs_no_token(http: httpx.Client) -> None:
    assert http.get("/healthz", headers={"authorization": ""}).json() == {"ok": True}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("127.0.0.1", 200),
        ("[::1]:4319", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example:4319", 421),
        ("10.0.0.5:4319", 421),
        ("", 421),
    ],
)
def test_a_foreign_host_is_refused_whatever_it_knows(http: httpx.Client, host: str, status: int) -> None:
    assert http.get("/v1/status", headers={"host": host}).status_code == status
    assert http.get("/healthz", headers={"host": host}).status_code == status


def test_beyond_loopback_addresses_are_served_but_names_are_not(agent: FakeAgent) -> None:
    with (
        served(agent, "0.0.0.0") as url,  # noqa: S104 - that is what is tested
        httpx.Client(base_url=url, headers=BEARER, trust_env=False) as http,
    ):
        assert http.get("/v1/status", headers={"host": "10.0.0.5:4319"}).status_code == 200
        assert http.get("/v1/status", headers={"host": "evil.example"}).status_code == 421


def test_ready_follows_the_agent(http: httpx.Client, agent: FakeAgent) -> None:
    assert http.get("/readyz").status_code == 200
    agent.ready = False
    assert http.get("/readyz").status_code == 503


def test_metrics_are_the_numbers_of_the_status(http: httpx.Client) -> None:
    lines = http.get("/metrics").text.splitlines()
    assert lines == [
        "plumbline_up 1",
        "plumbline_ready 1",
        "plumbline_ledger_received 3",
        "plumbline_ledger_stored 2",
        "plumbline_lag_s 0.25",
    ]


def test_sql_as_json(http: httpx.Client) -> None:
    answer = http.post("/v1/sql", json={"sql": "SELECT", "max_rows": 2}).json()
    expected = {"columns": ["n", "text"], "rows": [[0, "a"], [1, None]], "truncated": True}
    assert answer == expected | {"as_of": "2026-03-01T12:00:00Z"}


def test_sql_as_arrow(http: httpx.Client) -> None:
    answer = http.post("/v1/sql", json={"sql": "SELECT"}, headers={"accept": ARROW})
    assert answer.headers["content-type"] == ARROW
    assert answer.headers["x-truncated"] == "false"
    assert answer.headers["x-as-of"] == "2026-03-01T12:00:00Z"
    with pa.ipc.open_stream(io.BytesIO(answer.content)) as reader:
        assert reader.read_all().num_rows == 5


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "body"),
        (b"{", 400, "body"),
        (b"[]", 400, "object"),
        (b'{"sql": 3}', 400, "sql"),
        (b'{"sql": "x", "more": 1}', 400, "more"),
        (b'{"sql": "x", "max_rows": 0}', 400, "max_rows"),
        (b'{"sql": "x", "max_rows": "many"}', 400, "max_rows"),
        (b'{"sql": "delete from x"}', 400, "SELECT"),
        (b'{"sql": "broken"}', 503, "the store is broken"),
        (b'{"sql": "boom"}', 500, "internal error: RuntimeError"),
        (b'{"sql": "' + b"x" * MAX_BODY + b'"}', 413, "larger"),
    ],
)
def test_every_error_is_one_line_of_json(http: httpx.Client, body: bytes, status: int, says: str) -> None:
    answer = http.post("/v1/sql", content=body)
    assert answer.status_code == status
    assert says in error_of(answer)
    assert "/home/x" not in answer.text


def test_unknown_paths_and_methods(http: httpx.Client) -> None:
    assert error_of(http.get("/v1/nothing")) == "Not Found"
    assert http.get("/v1/sql").status_code == 405
    assert error_of(http.get("/v1/sql")) == "Method Not Allowed"


def test_named_reads(http: httpx.Client) -> None:
    assert http.get("/v1/read/overview", params={"app": "a b&c"}).json()["rows"] == [["app", "a b&c"]]
    assert http.get("/v1/read/nothing").status_code == 404
    assert http.get("/v1/read/overview", params={"bad": "1"}).status_code == 400


def test_settle_explain_erase_check(http: httpx.Client, agent: FakeAgent) -> None:
    assert http.post("/v1/settle").json() == {"loaded": 7}
    assert http.get("/v1/explain/t1").json()["lines"][0] == "t1 was sampled"
    assert http.get("/v1/explain/none").status_code == 404
    assert http.post("/v1/erase", json={"kind": "app", "id": "demo app"}).json() == {"spans": 4}
    assert agent.erased == ["app demo app"]
    assert http.post("/v1/erase", json={"kind": "user", "id": ""}).status_code == 400
    assert http.post("/v1/erase", json={"kind": "late", "id": "x"}).status_code == 400
    assert http.get("/v1/check").json() == {"problems": ["spans: 1 row without a trace"]}


def test_a_report_may_draw_itself_and_nothing_else(http: httpx.Client) -> None:
    answer = http.get("/v1/findings/f1/report")
    policy = answer.headers["content-security-policy"]
    assert answer.headers["content-type"].startswith("text/html")
    assert "sandbox allow-scripts;" in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert http.get("/v1/findings/f2/report").status_code == 404


def wait_for(http: httpx.Client, job: str) -> dict[str, Any]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        view: dict[str, Any] = http.get(f"/v1/jobs/{job}").json()
        if view["state"] != "running":
            return view
        time.sleep(0.01)
    raise AssertionError("the job did not end")


def replay(http: httpx.Client, **ask: Any) -> httpx.Response:
    return http.post("/v1/replay", json={"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"} | ask)


def test_a_replay_is_a_job(http: httpx.Client, agent: FakeAgent) -> None:
    answer = replay(http)
    assert answer.status_code == 202
    view = wait_for(http, answer.json()["job"])
    assert (view["state"], view["share"], view["result"]) == ("done", 1.0, {"findings": [{"id": "f1"}]})
    assert agent.replays[0][3] is False


def test_one_replay_at_a_time_and_it_can_be_stopped(http: httpx.Client) -> None:
    job = replay(http, step="7h").json()["job"]
    assert replay(http).status_code == 409
    assert http.delete(f"/v1/jobs/{job}").status_code == 200
    assert wait_for(http, job)["state"] == "cancelled"
    assert replay(http).status_code == 202


@pytest.mark.parametrize(("step", "error"), [("13h", "thirteen"), ("17h", "internal error: RuntimeError")])
def test_a_replay_that_fails_says_why(http: httpx.Client, step: str, error: str) -> None:
    view = wait_for(http, replay(http, step=step).json()["job"])
    assert view["state"] == "failed"
    assert error in view["error"]


@pytest.mark.parametrize(
    "ask", [{"step": "soon"}, {"from": "2026-05-01T00:00:00Z"}, {"from": "yesterday"}, {"from": "2026-03-01T00:00:00"}]
)
def test_a_replay_that_cannot_be_is_refused_at_once(http: httpx.Client, agent: FakeAgent, ask: dict[str, str]) -> None:
    assert replay(http, **ask).status_code == 400
    assert agent.replays == []


def test_an_unknown_job(http: httpx.Client) -> None:
    assert http.get("/v1/jobs/none").status_code == 404


def test_sources_are_told_with_times_as_text(http: httpx.Client) -> None:
    answer = http.get("/v1/sources", params={"app": "shop", "start": "2026-03-01T00:00:00Z"})
    (source,) = answer.json()["sources"]
    assert source["seen"] == "2026-03-01T00:00:00Z"
    assert source["asked"] == {"app": "shop", "start": "2026-03-01T00:00:00Z"}
    refused = http.get("/v1/sources", params={"bad": "1"})
    assert refused.status_code == 400
    assert "unknown parameter bad" in error_of(refused)
