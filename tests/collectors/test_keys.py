"""API keys: what is kept of them, which doors they open and close, and that changes are taken up without a restart."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

from collectors.doors.keys import KeyCheck, KeyRing, NotAdmitted, add_key, offered_in, read_keys, remove_key
from monitor.errors import ConfigError, UsageError
from tests.cli.plumbline import plumbline
from tests.collectors.door import Open, opened
from tests.collectors.test_door import a_body

NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Open]:
    with opened(tmp_path / "spool") as found:
        yield found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_a_key_is_kept_as_a_salted_hash_in_a_private_file(path: Path) -> None:
    first, second = add_key(path, "a", NOW), add_key(path, "b", NOW, make=lambda: "same")
    assert first.startswith("plk_")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first not in path.read_text()
    assert second not in path.read_text()
    remove_key(path, "a")
    add_key(path, "c", NOW, make=lambda: "same")
    hashes = {key.hash for key in read_keys(path)}
    assert len(hashes) == 2, "the same key has another hash under another salt"


@pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 65, "-x"])
def test_a_name_that_is_none_is_refused(path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="not a name"):
        add_key(path, name, NOW)


def test_names_are_unique_and_must_exist_to_be_removed(path: Path) -> None:
    add_key(path, "a", NOW)
    with pytest.raises(UsageError, match="already"):
        add_key(path, "a", NOW)
    with pytest.raises(UsageError, match="no key 'b'"):
        remove_key(path, "b")


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Basic !!!"}, {"authorization": "Digest x"}, {"x-api-key": ""}]
)
def test_headers_without_a_key_offer_none(headers: dict[str, str]) -> None:
    assert offered_in(headers) == []


def test_a_url_encoded_header_is_understood() -> None:
    assert offered_in({"authorization": "Bearer%20k"}) == ["k"]


def test_every_way_to_send_a_key_opens_every_door(door: Open, path: Path) -> None:
    key = add_key(path, "shop", NOW)
    ways = [
        {"authorization": f"Bearer {key}"},
        {"authorization": f"bearer {key}"},
        {"authorization": basic(key, "x")},
        {"authorization": basic("pk-lf-x", key)},
        {"x-api-key": key},
        {"api_key": key},
    ]
    for number, way in enumerate(ways):
        assert door.post(a_body(seed=number), **way).status_code == 200
        assert door.export(a_body(seed=number), **way) == b""


def test_without_a_key_nothing_comes_in_and_it_is_counted_but_not_told(door: Open, path: Path) -> None:
    assert door.post(a_body()).status_code == 200, "no key yet: open on loopback"
    add_key(path, "shop", NOW)
    for where in ("/v1/traces", "/v1/logs", "/v1/metrics", "/v1/scores", "/api/public/scores", "/api/public/media"):
        missing = door.post(b"", where)
        assert (missing.status_code, "Bearer" in missing.headers["www-authenticate"]) == (401, True)
        assert door.post(b"", where, **{"x-api-key": "plk_wrong"}).status_code == 403
    assert door.client.get(door.url + "/api/public/projects").status_code == 401
    for metadata, code in (({}, "UNAUTHENTICATED"), ({"x-api-key": "plk_wrong"}, "PERMISSION_DENIED")):
        with pytest.raises(grpc.RpcError) as caught:
            door.export(a_body(), **metadata)
        assert caught.value.code().name == code
    for where in ("/healthz", "/metrics", "/api/public/health"):
        assert door.client.get(door.url + where).status_code == 200
    assert "plumbline_collector_unauthorized_total 15" in door.client.get(door.url + "/metrics").text
    door.intake.close()
    assert len(door.rows("spans")) == 4
    assert sum(int(str(row["received"])) for row in door.rows("refusals")) == 14, "each body that was lost, once"
    assert "plk_wrong" not in str(door.rows("refusals"))


def test_a_removed_key_is_out_at_once(door: Open, path: Path) -> None:
    first, second = add_key(path, "a", NOW), add_key(path, "b", NOW)
    remove_key(path, "a")
    assert door.post(a_body(), **{"x-api-key": first}).status_code == 403
    assert door.post(a_body(), **{"x-api-key": second}).status_code == 200


def test_a_refused_body_is_told_to_the_ledger_under_the_name_of_its_key(door: Open, path: Path) -> None:
    key = add_key(path, "shop", NOW)
    door.post(b"\xff", **{"x-api-key": key})
    with pytest.raises(grpc.RpcError):
        door.export(b"\xff", **{"x-api-key": key})
    door.intake.close()
    assert {row["source"] for row in door.rows("refusals")} == {"shop"}


def test_a_damaged_file_lets_nobody_in(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key = add_key(path, "a", NOW)
    gate = KeyCheck(KeyRing(path), local=True)
    assert gate.admit({"x-api-key": key}) == "a"
    path.write_text("{")
    for _ in range(2):
        with pytest.raises(NotAdmitted):
            gate.admit({"x-api-key": key})
    assert len(caplog.messages) == 1
    with pytest.raises(ConfigError, match="damaged"):
        read_keys(path)


def test_a_door_to_the_world_is_never_open(path: Path) -> None:
    with pytest.raises(NotAdmitted):
        KeyCheck(KeyRing(path), local=False).admit({})


def test_a_key_of_another_scope_brings_nothing_in(path: Path) -> None:
    key = add_key(path, "a", NOW)
    path.write_text(path.read_text().replace('"ingest"', '"read"'))
    with pytest.raises(NotAdmitted):
        KeyCheck(KeyRing(path), local=True).admit({"x-api-key": key})


# -- the command


def test_the_command_shows_a_key_once(tmp_path: Path) -> None:
    data = ("--data-dir", str(tmp_path / "data"))
    made = plumbline("keys", "add", "shop", *data, cwd=tmp_path)
    assert (made.code, made.out.startswith("plk_")) == (0, True)
    listed = plumbline("keys", "list", "--format", "json", *data, cwd=tmp_path)
    assert '"name": "shop"' in listed.out
    assert made.out.strip() not in listed.out
    for option, given in (("--by", "rea"), ("--api", "127.0.0.1:1")):
        refused = plumbline("keys", "list", option, given, *data, cwd=tmp_path)
        assert (refused.code, refused.out) == (2, "")
        assert f"keys list takes no {option}" in refused.error
    assert plumbline("keys", "remove", "shop", *data, cwd=tmp_path).code == 0
    assert plumbline("keys", "remove", "shop", *data, cwd=tmp_path).code == 2
    assert plumbline("keys", "add", *data, cwd=tmp_path).code == 2


def test_who_made_and_who_removed_a_key_is_on_record(tmp_path: Path) -> None:
    data = ("--data-dir", str(tmp_path / "data"))
    key = plumbline("keys", "add", "shop", *data, cwd=tmp_path).out.strip()
    plumbline("keys", "remove", "shop", *data, cwd=tmp_path)
    plumbline("keys", "remove", "shop", *data, cwd=tmp_path)
    told = plumbline("audit", "list", "--format", "json", *data, cwd=tmp_path)
    acts = [(row["act"], row["object"], row["reason"]) for row in json.loads(told.out)]
    assert acts[:4] == [
        (f"{name}{end}", "shop", "") for name in ("addsenderkey", "removesenderkey") for end in ("", " done")
    ]
    assert acts[-1] == ("removesenderkey failed", "shop", "UsageError")
    assert key not in told.out


@pytest.mark.parametrize("flag", ["--otlp-http", "--otlp-grpc"])
def test_a_door_to_the_world_without_a_key_is_refused_at_start(tmp_path: Path, flag: str) -> None:
    ports = {"--otlp-http": "127.0.0.1:0", "--otlp-grpc": "127.0.0.1:0"} | {flag: "0.0.0.0:0"}
    given = [part for pair in ports.items() for part in pair]
    ran = plumbline("collector", "--data-dir", tmp_path / "data", *given, cwd=tmp_path)
    assert ran.code == 2
    assert ran.error.count("\n") == 1
    assert f"{flag} 0.0.0.0:0 can be reached from other machines" in ran.error
    assert "plumbline keys add NAME" in ran.error
