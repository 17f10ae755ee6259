"""The supervisor with real processes, real signals and real ports."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.places import NAMES, Places, is_alive, read_run
from tests.support.waiting import eventually

PROGRAM = [sys.executable, "-m", "tests.supervisor.fake_process"]
ROOT = Path(__file__).resolve().parents[2]


class Up:
    """A running supervisor over fake children."""

    def __init__(self, root: Path, *, demo: list[str] | None = None) -> None:
        flags = ("--otlp-http", "--otlp-grpc", "--api", "--dashboard")
        ports = [part for flag in flags for part in (flag, "127.0.0.1:0")]
        asked = {"root": str(root), "program": PROGRAM, "options": ["--data-dir", str(root), *ports], "demo": demo}
        self.places = Places(root)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "plumbline.supervisor", json.dumps(asked)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def read_until(self, text: str) -> str:
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if text in line:
                return "".join(lines)
        raise AssertionError(f"ended before saying {text!r}: {lines} {self.process.communicate()}")

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=20)
        return self.process.returncode, out

    def pid_of(self, name: str) -> int:
        run = read_run(self.places, name)
        assert run is not None
        return run.pid


Starter = Callable[..., Up]


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Starter]:
    started: list[Up] = []

    def start(behave: dict[str, Any] | None = None, **more: Any) -> Up:
        (tmp_path / "behave.json").write_text(json.dumps(behave or {}))
        started.append(Up(tmp_path, **more))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


def test_it_says_what_runs_where_and_stops_everything_on_sigterm(up: Starter, tmp_path: Path) -> None:
    house = up()
    said = house.read_until("ready in")
    assert said.startswith("starting collector, agent, dashboard on ")
    pids = [house.pid_of(name) for name in NAMES]
    for name, pid in zip(NAMES, pids, strict=True):
        line = next(line for line in said.splitlines() if line.startswith(name))
        run = read_run(house.places, name)
        assert run is not None
        assert run.url in line
        assert f"pid {pid}" in line
    assert house.end() == (0, "stopping\n")
    assert all((tmp_path / f"{name}.stopped").exists() for name in NAMES)
    assert not any(is_alive(pid, "") for pid in pids)
    assert read_run(house.places, "supervisor") is None


def test_ctrl_c_is_a_clean_end_too(up: Starter) -> None:
    house = up()
    house.read_until("ready in")
    assert house.end(signal.SIGINT)[0] == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_child_comes_back_on_its_port(up: Starter, name: str) -> None:
    house = up()
    house.read_until("ready in")
    before = read_run(house.places, name)
    assert before is not None
    os.kill(before.pid, signal.SIGKILL)
    said = house.read_until("is back")
    after = read_run(house.places, name)
    assert after is not None
    assert (after.address, after.also) == (before.address, before.also)
    assert after.pid != before.pid
    assert said.count("\n") == 2
    assert f"{name} was ended by SIGKILL; starts again in 0.5 s" in said


@pytest.mark.parametrize(("code", "words"), [(2, "port in use"), (3, "store in use")])
def test_what_a_restart_cannot_mend_ends_the_house_with_that_code(up: Starter, code: int, words: str) -> None:
    house = up({"agent": {"exit": code, "say": f"noise\nplumbline: {words} (do this)\nmore noise"}})
    out, error = house.process.communicate(timeout=20)
    assert (house.process.returncode, error) == (code, f"plumbline: {words} (do this)\n")
    assert "ready" not in out


def test_a_child_that_never_gets_up_is_given_up(up: Starter, tmp_path: Path) -> None:
    house = up({"dashboard": {"exit": 1, "say": "Traceback"}})
    out, error = house.process.communicate(timeout=20)
    assert house.process.returncode == 1
    assert error == f"plumbline: dashboard ended with exit code 1 (see {tmp_path}/logs/dashboard.log)\n"
    assert out.count("starts again") == 2
    assert (tmp_path / "logs" / "dashboard.log").read_text().count("Traceback") == 3


def test_a_crash_after_being_ready_is_never_given_up(up: Starter, tmp_path: Path) -> None:
    house = up()
    house.read_until("ready in")
    (tmp_path / "behave.json").write_text(json.dumps({"agent": {"exit": 2}}))
    os.kill(house.pid_of("agent"), signal.SIGKILL)
    house.read_until("ended with exit code 2; starts again in 1 s")
    (tmp_path / "behave.json").write_text("{}")
    house.read_until("agent is back")
    assert house.end()[0] == 0


def test_a_second_house_on_one_directory_is_refused(up: Starter) -> None:
    first = up()
    first.read_until("ready in")
    second = up()
    _, error = second.process.communicate(timeout=20)
    assert second.process.returncode == 3
    assert "in use by another `plumbline up`" in error
    assert error.count("\n") == 1
    assert first.process.poll() is None


def test_a_process_that_runs_alone_is_not_doubled(up: Starter, tmp_path: Path) -> None:
    options = ["--data-dir", str(tmp_path), "--api", "127.0.0.1:0"]
    alone = subprocess.Popen([*PROGRAM, "agent", *options], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: read_run(Places(tmp_path), "agent") is not None)
        house = up()
        _, error = house.process.communicate(timeout=20)
        assert house.process.returncode == 3
        assert f"in use by the agent with pid {alone.pid}" in error
    finally:
        alone.kill()
        alone.wait()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs PR_SET_PDEATHSIG")
def test_children_die_with_a_killed_supervisor(up: Starter) -> None:
    house = up()
    house.read_until("ready in")
    pids = [house.pid_of(name) for name in NAMES]
    house.process.kill()
    eventually(lambda: not any(is_alive(pid, "") for pid in pids))
    again = up()
    again.read_until("ready in")
    assert again.end()[0] == 0


@pytest.mark.slow
def test_a_stubborn_child_is_killed(up: Starter) -> None:
    house = up({"collector": {"stubborn": True}})
    house.read_until("ready in")
    pid = house.pid_of("collector")
    began = time.monotonic()
    assert house.end()[0] == 0
    assert 9 < time.monotonic() - began < 15
    assert not is_alive(pid, "")


def test_the_demo_runs_once_in_sight_with_the_ports_that_were_taken(up: Starter) -> None:
    house = up(demo=[sys.executable, "-c", "import sys; print('PLAYED', sys.argv[1:])"])
    said = house.read_until("PLAYED")
    assert said.index("ready in") < said.index("PLAYED")
    for name in NAMES:
        run = read_run(house.places, name)
        assert run is not None
        assert f"'{run.address}'" in said
        assert all(f"'{flag}', '{address}'" in said for flag, address in run.also.items())
        assert list(run.also) == (["--otlp-grpc"] if name == "collector" else [])
    assert house.end() == (0, "stopping\n")


def test_a_large_log_makes_room(up: Starter, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "agent.log").write_bytes(b"x" * 5_000_001)
    house = up()
    house.read_until("ready in")
    assert (tmp_path / "logs" / "agent.log").stat().st_size < 1000
    assert (tmp_path / "logs" / "agent.log.1").stat().st_size == 5_000_001


def test_it_is_small(up: Starter) -> None:
    house = up()
    house.read_until("ready in")
    status = Path(f"/proc/{house.process.pid}/status").read_text()
    resident_kb = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
    assert resident_kb < 20_000
