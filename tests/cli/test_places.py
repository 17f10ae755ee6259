"""Addresses, run files and the data directory."""

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.errors import UsageError
from monitor.places import (
    Address,
    Places,
    address_of,
    announced,
    bind,
    birth_of,
    is_alive,
    parse_address,
    prepare,
    read_run,
    remove_run,
    write_run,
)


@pytest.mark.parametrize(
    ("text", "host", "port", "url"),
    [
        ("127.0.0.1:4318", "127.0.0.1", 4318, "http://127.0.0.1:4318"),
        ("localhost:0", "localhost", 0, "http://localhost:0"),
        (" [::1]:80 ", "::1", 80, "http://[::1]:80"),
        ("0.0.0.0:1", "0.0.0.0", 1, "http://127.0.0.1:1"),  # noqa: S104 - parsed, not bound
        ("[::]:65535", "::", 65535, "http://[::1]:65535"),
    ],
)
def test_an_address_and_how_it_is_reached(text: str, host: str, port: int, url: str) -> None:
    address = parse_address(text, "--api")
    assert address == Address(host, port)
    assert str(address) == text.strip()
    assert address.url == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "a:",
        ":1",
        "a",
        "a:b",
        "a:-1",
        "a:65536",
        "a:1:2",
        "[::1]",
        "[]:1",
        "::1:1",
        "a b:1",
        "a/b:1",
        "u@h:1",
        "a:²",
        "a:1e3",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match=r"--api .* is not an address"):
        parse_address(text, "--api")


def test_port_zero_becomes_a_port_and_a_taken_one_is_told() -> None:
    with bind(Address("127.0.0.1", 0), "--api") as first:
        taken = address_of(first)
        assert taken.port > 0
        first.listen()
        with pytest.raises(UsageError, match=f"--api {taken} cannot be used.*another port"):
            bind(taken, "--api")
    bind(taken, "--api").close()


def test_a_bound_port_nobody_listens_on_yet_is_taken_too() -> None:
    with bind(Address("127.0.0.1", 0), "--api") as first:
        port = address_of(first).port
        first.close()
        with bind(Address("127.0.0.1", port), "--api"), pytest.raises(UsageError):
            bind(Address("127.0.0.1", port), "--api")


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_that_is_not_ours(host: str) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        bind(Address(host, 0), "--api")


def test_a_run_file_lives_as_long_as_its_process(tmp_path: Path) -> None:
    places = Places(tmp_path)
    assert read_run(places, "agent") is None
    with announced(places, "agent", Address("127.0.0.1", 4319)) as run:
        assert read_run(places, "agent") == run
        assert run.url == "http://127.0.0.1:4319"
    assert not places.run_file("agent").exists()


def test_a_dead_process_is_nobody_and_so_is_a_later_one_with_its_number(tmp_path: Path) -> None:
    places = Places(tmp_path)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    write_run(places, "agent", Address("127.0.0.1", 1), child.pid)
    assert read_run(places, "agent") is not None
    child.communicate(b"\n")
    assert read_run(places, "agent") is None
    if birth_of(os.getpid()):
        path = places.run_file("agent")
        path.write_text(json.dumps(json.loads(path.read_text()) | {"pid": os.getpid(), "birth": "1"}))
        assert read_run(places, "agent") is None


def test_a_zombie_is_nobody() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(child.pid, "")
    child.wait()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"pid": "x"}',
        '{"pid": -1, "address": "a:1", "birth": ""}',
        '{"pid": 1, "address": "nowhere", "birth": ""}',
        '{"pid": 1, "address": "a:1", "birth": "", "also": {"--otlp-grpc": "nowhere"}}',
        '{"pid": 1, "address": "a:1", "birth": "", "also": 7}',
        '{"pid": 99999999999999999999, "address": "a:1", "birth": ""}',
    ],
)
def test_a_damaged_run_file_is_nobody(tmp_path: Path, content: str) -> None:
    path = Places(tmp_path).run_file("agent")
    path.parent.mkdir()
    path.write_text(content)
    assert read_run(Places(tmp_path), "agent") is None


def test_a_run_file_that_another_has_taken_over_is_left_alone(tmp_path: Path) -> None:
    places = Places(tmp_path)
    write_run(places, "agent", Address("127.0.0.1", 1), os.getpid())
    remove_run(places, "agent", os.getpid() + 1)
    assert read_run(places, "agent") is not None


def test_the_data_directory_is_its_owners(tmp_path: Path) -> None:
    places = Places(tmp_path / "a" / "b")
    prepare(places)
    prepare(places)
    assert stat.S_IMODE(places.root.stat().st_mode) == 0o700
    assert list(places.root.iterdir()) == []
    assert not places.has_data()
    places.telemetry.touch()
    assert places.has_data()


def test_a_data_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "under"):
        with pytest.raises(UsageError, match=r"cannot be written.*--data-dir"):
            prepare(Places(path))


def test_sockets_are_really_on_the_family_of_their_host() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        bound = bind(Address("::1", 0), "--api")
    except UsageError:
        pytest.skip("no IPv6 loopback here")
    with bound:
        assert str(address_of(bound)).startswith("[::1]:")
