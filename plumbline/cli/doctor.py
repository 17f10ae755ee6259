"""`plumbline doctor`: what is missing on this machine, and what to do about it."""

from __future__ import annotations

from pathlib import Path

from plumbline.cli import show
from plumbline.cli.examine import Examined, examine
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, Config, Dashboard, DataDir, Form, Format, OtlpGrpc, OtlpHttp


def run(
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    otlp_http: OtlpHttp = None,
    otlp_grpc: OtlpGrpc = None,
    api: Api = None,
    dashboard: Dashboard = None,
) -> int:
    """Examine environment, ports, disk, permissions and the sources seen; exit code 1 when something fails."""
    found = examine(resolve(Given(config, data_dir, otlp_http, api, dashboard, otlp_grpc), Path.cwd()))
    if form is Form.JSON:
        show.print_json(
            [{"check": e.name, "state": e.state, "found": e.found, "do": e.do, "why": e.why} for e in found]
        )
    else:
        _print(found)
    return 1 if any(examined.state == "fail" for examined in found) else 0


def _print(found: list[Examined]) -> None:
    """Lines that are to be pasted stand below the table: there nothing wraps them or cuts them off."""
    rows = [[e.state, e.name, e.found, _in_short(e.do or "")] for e in found]
    show.print_table(["", "check", "found", "what to do"], rows)
    for examined in found:
        _, below, pasted = (examined.do or "").partition("\n")
        if below:
            print(f"\n{show.harmless(examined.name)}:\n{show.harmless(pasted)}")


def _in_short(do: str) -> str:
    first, below, _ = do.partition("\n")
    return f"{first} (the lines below)" if below else first
