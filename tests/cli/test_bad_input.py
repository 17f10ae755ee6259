"""Whatever is typed or written wrongly: one line on stderr that says where, what and what to do, and the exit code."""

import os
import socket
from pathlib import Path

import pytest

from monitor.places import Address, Places, write_run
from tests.cli.plumbline import plumbline

CASES = [
    ("unknown command", ["slq"], "did you mean `sql`?"),
    ("unknown option", ["status", "--fromat", "json"], "--fromat"),
    ("missing argument", ["sql"], "plumbline sql --help"),
    ("one too many", ["sql", "SELECT 1", "SELECT 2"], "SELECT 2"),
    ("bad format", ["status", "--format", "xml"], "xml"),
    ("bad row limit", ["sql", "SELECT 1", "--max-rows", "0"], "--max-rows"),
    ("row limit no number", ["sql", "SELECT 1", "--max-rows", "many"], "--max-rows"),
    ("no data", ["sql", "SELECT 1"], "holds no data yet"),
    ("nothing to explain", ["explain", "abc"], "holds no data yet"),
    ("nothing to remove", ["demo", "--remove"], "holds no data yet"),
    ("config missing", ["check", "--config", "nowhere.yaml"], "nowhere.yaml is not a file"),
    ("config is a folder", ["check", "--config", "."], "is not a file"),
    ("address without port", ["check", "--api", "localhost"], "--api 'localhost' is not an address"),
    ("port not a number", ["check", "--otlp-http", "127.0.0.1:http"], "--otlp-http"),
    ("port too large", ["check", "--dashboard", "127.0.0.1:70000"], "--dashboard"),
    ("IPv6 without brackets", ["check", "--api", "::1:4319"], "is not an address"),
    ("a URL for an address", ["check", "--api", "http://127.0.0.1:4319"], "is not an address"),
    ("no from", ["replay", "--to", "2026-03-01"], "--from"),
    ("bad time", ["replay", "--from", "yesterday", "--to", "2026-03-01"], "--from 'yesterday' is not a time"),
    ("from after to", ["replay", "--from", "2026-03-02", "--to", "2026-03-01"], "must lie before"),
    ("bad step", ["replay", "--from", "2026-03-01", "--to", "2026-03-02", "--step", "soon"], "--step"),
    ("step of nothing", ["replay", "--from", "2026-03-01", "--to", "2026-03-02", "--step", "0s"], "--step"),
    ("import of nothing", ["import"], "plumbline import --help"),
    ("import of a ghost", ["import", "ghost.jsonl"], "ghost.jsonl does not exist"),
    ("import of a picture", ["import", "picture.png"], "nothing to import"),
    ("import of an empty folder", ["import", "empty"], "nothing to import in empty"),
    ("map without a column", ["import", "one.jsonl", "--map", "output"], "is not FIELD=COLUMN"),
    ("map to nowhere", ["import", "one.jsonl", "--map", "outptu=answer"], "there is no field `outptu`"),
    ("map of a missing column", ["import", "one.csv", "--map", "output=anser"], "did you mean `answer`?"),
    ("demo of no time", ["demo", "--seconds", "0"], "--seconds"),
    ("agent on a wrong address", ["agent", "--api", "nowhere"], "is not an address"),
    ("collector on a foreign host", ["collector", "--otlp-http", "192.0.2.1:0"], "cannot be used"),
]


@pytest.mark.parametrize(("arguments", "says"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_usage(tmp_path: Path, arguments: list[str], says: str) -> None:
    (tmp_path / "picture.png").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "one.jsonl").write_text('{"input": "a", "output": "b"}\n')
    (tmp_path / "one.csv").write_text("input,answer\na,b\n")
    ran = plumbline(*arguments, cwd=tmp_path)
    assert ran.error.startswith("plumbline: ")
    assert ran.error.count("\n") == 1
    assert says in ran.error
    assert (ran.code, ran.out) == (2, "")


CONFIGS = [
    ("unknown key", "collector:\n  otlp: 127.0.0.1:1\n", "2: unknown key `otlp` (did you mean `otlp_http`?)"),
    ("unknown section", "\nagnet: {}\n", "2: unknown key `agnet` (did you mean `agent`?)"),
    ("wrong type", "agent:\n  threads: two\n", "2: agent.threads: expected `int`, got `str`"),
    ("a list for a mapping", "agent: []\n", "1: agent: expected `object`"),
    ("a key twice", "data_dir: a\ndata_dir: b\n", "2: key `data_dir` stands here twice"),
    ("not YAML", "agent: {\n", "not valid YAML"),
    ("tabs", "agent:\n\tthreads: 1\n", "2: not valid YAML"),
    ("a missing secret", "dashboard:\n  title: ${env:NO_SUCH_THING}\n", "2: environment variable NO_SUCH_THING"),
    ("a missing file", "dashboard:\n  title: ${file:gone}\n", "2: file gone cannot be read"),
    ("a bad duration", "agent:\n  threads: 1\n  cycle_every: soon\n", "3: agent.cycle_every: 'soon' is not a duration"),
    ("a duration of nothing", "agent: {settle: 0s}\n", "agent.settle: '0s' is not a duration"),
    (
        "texts that outlive rows",
        "agent: {retention: {spans: 9d}}\n",
        "content would be kept longer (for ever) than spans",
    ),
    ("a rate above one", "sampling:\n  rate: 1.5\n", "2: sampling.rate: 1.5 is not a share"),
    ("a stratum below zero", "sampling:\n  strata: {shop: -1}\n", "2: sampling.strata:"),
    ("certainty", "estimates: {confidence: 1}\n", "estimates.confidence: 1.0 must lie between 0 and 1"),
    ("no body at all", "collector: {max_body_mb: 0}\n", "collector.max_body_mb: 0.0 must be above 0"),
    ("much memory", "agent: {memory_limit: much}\n", "agent.memory_limit: 'much' is not an amount of memory"),
    ("an address", "agent:\n  api: here\n", "agent.api 'here' is not an address"),
    ("no policies there", "policies: nowhere\n", "nowhere: is not a folder of policies"),
    ("no rules there", "alerts: nowhere.yaml\n", "nowhere.yaml"),
]


@pytest.mark.parametrize(("text", "says"), [case[1:] for case in CONFIGS], ids=[case[0] for case in CONFIGS])
def test_config(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "plumbline.yaml").write_text(text)
    ran = plumbline("check", cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.error.startswith("plumbline: ")
    assert ran.error.count("\n") == 1
    assert says in ran.error


def test_config_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "plumbline.yaml").write_bytes(b"\xff\xfe\x00")
    ran = plumbline("status", cwd=tmp_path)
    assert (ran.code, ran.error.count("\n")) == (2, 1)
    assert "UTF-8" in ran.error


def test_a_policy_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "mine.yaml").write_text("apiVersion: policy/v1\npolicy: {id: a, version: '1'}\nruls: []\n")
    (tmp_path / "plumbline.yaml").write_text("policies: policies\n")
    for command in ("check", "up"):
        doors = ("--otlp-http", "--api", "--dashboard")
        ran = plumbline(command, *(part for door in doors for part in (door, "127.0.0.1:0")), cwd=tmp_path)
        assert (ran.code, ran.error.count("\n")) == (2, 1), ran
        assert "mine.yaml" in ran.error


@pytest.mark.parametrize("command", ["collector", "agent", "dashboard", "up"])
def test_a_port_in_use(tmp_path: Path, command: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        flag = {"collector": "--otlp-http", "agent": "--api", "dashboard": "--dashboard", "up": "--otlp-http"}[command]
        others = ["--api", "127.0.0.1:0", "--dashboard", "127.0.0.1:0"] if command == "up" else []
        ran = plumbline(command, flag, address, *others, cwd=tmp_path)
    assert ran.code == 2
    assert ran.error.count("\n") == 1
    assert f"{flag} {address} cannot be used" in ran.error
    assert "another port" in ran.error


@pytest.mark.parametrize(
    "command", [["collector", "--otlp-http", "127.0.0.1:0"], ["agent"], ["up"], ["import", "a.jsonl"]]
)
def test_a_data_directory_that_cannot_be(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "a.jsonl").write_text('{"input": "a", "output": "b"}\n')
    (tmp_path / "file").touch()
    ran = plumbline(*command, "--data-dir", "file", cwd=tmp_path)
    assert (ran.code, ran.error.count("\n")) == (2, 1)
    assert "cannot be written" in ran.error


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_data_directory(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)
    ran = plumbline("agent", "--data-dir", "data", cwd=tmp_path)
    assert (ran.code, ran.error.count("\n")) == (2, 1)


def test_an_agent_that_does_not_answer(tmp_path: Path) -> None:
    """A run file of a living process behind a dead port: unreachable is neither "no data" nor a crash."""
    places = Places(tmp_path)
    places.token.write_text("t\n")
    with socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    write_run(places, "agent", Address("127.0.0.1", port), os.getpid())
    for command in (["sql", "SELECT 1"], ["explain", "x"], ["demo", "--remove"]):
        ran = plumbline(*command, "--data-dir", tmp_path, cwd=tmp_path)
        assert (ran.code, ran.out, ran.error.count("\n")) == (4, "", 1)
        assert "does not answer" in ran.error


def test_a_demo_without_a_collector(tmp_path: Path) -> None:
    ran = plumbline("demo", cwd=tmp_path)
    assert (ran.code, ran.error.count("\n")) == (4, 1)
    assert "no collector runs" in ran.error
