"""`plumbline demo`: two weeks of a made-up support assistant, through the real OTLP door."""

from __future__ import annotations

import shutil
import sys
import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from monitor.clock import SystemClock
from monitor.errors import Unreachable
from monitor.places import read_run
from monitor.wording import counted, minute
from plumbline.api.questions import Erase, Sql
from plumbline.cli.progress import bar
from plumbline.cli.session import session
from plumbline.cli.settings import Given, Resolved, resolve
from plumbline.cli.typed import Api, Config, Dashboard, DataDir, OtlpGrpc, OtlpHttp
from plumbline.demo import play_demo
from plumbline.demo.drill import hold_drill
from plumbline.demo.telemetry import APP


def run(
    seed: Annotated[int, typer.Option("--seed", help="Another seed tells another two weeks.")] = 20260101,
    seconds: Annotated[float, typer.Option("--seconds", min=1, help="How long the two weeks take.")] = 120,
    remove: Annotated[bool, typer.Option("--remove", help="Erase everything the demo has made.")] = False,
    if_empty: Annotated[bool, typer.Option("--if-empty", help="Do nothing when anything is stored.")] = False,
    drill: Annotated[
        bool, typer.Option("--drill", help="Live through a page in virtual time, in a folder of its own.")
    ] = False,
    config: Config = None,
    data_dir: DataDir = None,
    otlp_http: OtlpHttp = None,
    otlp_grpc: OtlpGrpc = None,
    api: Api = None,
    dashboard: Dashboard = None,
) -> int:
    """Play the demo into a running collector, or remove it. Everything it makes is labelled as demo.

    --drill needs no running house and leaves none: in virtual time the demo's model is swapped, the page at a stand-in of PagerDuty is
    taken up, closes when the swap is taken back, and the incident is exported to the current folder. It takes some minutes. With
    --if-empty it follows the demo, and the incident is exported to the data directory.
    """
    resolved = resolve(Given(config, data_dir, otlp_http, api, dashboard, otlp_grpc), Path.cwd())
    if remove:
        return _remove(resolved)
    if if_empty and not _is_empty(resolved):
        return 0
    if drill and not if_empty:
        return _drill(resolved, seed, Path.cwd())
    played = _play(resolved, seed, seconds)
    if not drill:
        return played
    print(
        "drill: the same swap once more in virtual time, with a stand-in of PagerDuty and somebody on call; some minutes"
    )
    return _drill(resolved, seed, resolved.places.root / "drill")


def _remove(resolved: Resolved) -> int:
    with session(resolved) as asked:
        counts = asked.ask(Erase("app", APP))
    print(f"demo removed: {sum(counts.values())} rows of app {APP}")
    return 0


def _is_empty(resolved: Resolved) -> bool:
    with session(resolved, create=True) as asked:
        return not asked.ask(Sql("SELECT 1 FROM spans LIMIT 1", 1))["rows"]


def _play(resolved: Resolved, seed: int, seconds: float) -> int:
    clock = SystemClock()
    endpoint = _door(resolved)
    until = clock.now().replace(minute=0, second=0, microsecond=0)  # so that playing again within the hour adds nothing
    print(f"demo: two weeks until {minute(until)} as app {APP}, in about {timedelta(seconds=round(seconds))}")
    with bar("demo") as progress:
        report = play_demo(
            endpoint, seed=seed, seconds=seconds, until=until, clock=clock, pause=time.sleep, progress=progress
        )
    print(f"demo: {report.turns} turns, {report.spans} spans sent; `plumbline demo --remove` takes them out again")
    return 0


def _drill(resolved: Resolved, seed: int, out: Path) -> int:
    until = SystemClock().now().replace(minute=0, second=0, microsecond=0)
    with TemporaryDirectory(prefix="plumbline-drill-") as folder:
        done = hold_drill(
            resolved.settings, Path(folder), seed, until, lambda at, what: print(f"{minute(at)}  {what}", flush=True)
        )
        if done.bundle is None:
            print(
                "drill: nothing was paged and closed; its policy is policies/support.yaml of the checkout",
                file=sys.stderr,
            )
            return 1
        kept = shutil.copytree(done.bundle, out / done.bundle.name, dirs_exist_ok=True)
    print(
        f"drill: {counted(done.opened, 'page')} opened, {done.left_open} left open, {done.refused} refused; see {kept}"
    )
    return 0


def _door(resolved: Resolved) -> str:
    run = read_run(resolved.places, "collector")
    if run is None:
        raise Unreachable(f"no collector runs on {resolved.places.root} (start `plumbline up` in another terminal)")
    return run.url
