"""`plumbline check`: is everything a person wrote right? Reads files only; starts nothing, pages nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from alerts.channels import ReceiverSettings
from alerts.checks import guard_of_receiver, load_rules
from collectors.dialects.own import own_dialects
from collectors.redaction.redact import redactor_for
from monitor.clock import SystemClock
from monitor.config.schema import Settings
from monitor.errors import ConfigError, Undeliverable
from monitor.outgoing import Lookup, addresses_of
from monitor.policy.checks import lint
from monitor.policy.load import load_policies
from monitor.policy.reminders import due, waiting
from monitor.policy.schema import Policy
from plumbline.cli import show
from plumbline.cli.exposure import check_exposure
from plumbline.cli.origins import origins
from plumbline.cli.settings import Given, Resolved, resolve
from plumbline.cli.typed import Api, Config, Dashboard, DataDir, Form, Format, OtlpGrpc, OtlpHttp
from plumbline.people.addresses import guard_of


def run(
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    otlp_http: OtlpHttp = None,
    otlp_grpc: OtlpGrpc = None,
    api: Api = None,
    dashboard: Dashboard = None,
) -> int:
    """Validate config, policies, dialects and alert rules; print every setting with its origin. Pages nobody.

    What is weak in a policy but does not stop it is printed as a warning.
    """
    resolved = resolve(Given(config, data_dir, otlp_http, api, dashboard, otlp_grpc), Path.cwd())
    found = gather(resolved)
    if form is Form.JSON:
        show.print_json(found)
    else:
        _print(found)
    return 0


def gather(resolved: Resolved) -> dict[str, Any]:
    """Return settings, policies and rules as they will be used. Raises `ConfigError` at the first mistake."""
    check_exposure(resolved)
    settings = resolved.settings
    redactor_for(settings.collector, b"")
    policies = load_policies(None if settings.policies is None else Path(settings.policies))
    book = load_rules(None if settings.alerts is None else Path(settings.alerts))
    refuse_private(book.receivers, settings)
    own = settings.collector.dialects
    dialects = own_dialects(None if own is None else Path(own))
    return {
        "config": None if resolved.file is None else str(resolved.file),
        "settings": [asdict(setting) for setting in origins(resolved)],
        "policies": [
            {"id": p.id, "version": p.version, "status": p.status, "rules": len(p.rules), "file": p.path}
            for p in policies
        ],
        "dialects": [{"dialect": d.dialect, "rank": d.rank, "rules": len(d.rows) + len(d.bag_rows)} for d in dialects],
        "alert_rules": [{"id": r.id, "signal": r.signal, "severity": r.severity} for r in book.rules],
        "receivers": [{"name": r.name, "kind": r.__struct_config__.tag} for r in book.receivers],
        "warnings": [
            *(warning for policy in policies for warning in _warnings(policy, settings.judges)),
            *(warning for policy in policies for warning in _nobody(policy, [r.name for r in book.receivers])),
        ],
    }


def refuse_private(receivers: Sequence[ReceiverSettings], settings: Settings, lookup: Lookup = addresses_of) -> None:
    """Refuse what a call would be refused for, where its name resolves now: agents resolve it again at every call.

    Raises `ConfigError`.
    """
    named = [(f"receiver {r.name}", guard_of_receiver(r), str(getattr(r, "url", None) or "")) for r in receivers]
    named.append(("people.oidc.issuer", guard_of(settings), settings.people.oidc.issuer or ""))
    for what, guard, url in named:
        try:
            if url and not settings.outgoing.proxy:
                guard.target(url, lookup)
        except Undeliverable as refused:
            raise ConfigError(what, None, str(refused), "write another address") from None
        except OSError:
            continue  # not known here and now; that is for whoever calls to find out


def _warnings(policy: Policy, judges: Collection[str]) -> Iterator[dict[str, Any]]:
    """Yield what makes a policy weak, waits or is due, without stopping it, with the line to look at."""
    text = Path(policy.path).read_text(encoding="utf-8")
    for weak in (*lint(policy, text), *waiting(policy, text, judges), *due(policy, text, SystemClock().now().date())):
        yield {"place": f"{weak.path}:{weak.line}", "rule": weak.rule_id or "", "warning": weak.warning}


def _nobody(policy: Policy, receivers: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the pages of `policy` that reach nobody by name; the routes of the alert rules still tell somebody."""
    for rule in policy.rules:
        page = rule.text.incident.page if rule.text.incident else None
        if page is not None and page not in receivers:
            told = f"page {page} is no receiver of the alert rules, so only their routes are told"
            yield {"place": policy.path, "rule": rule.id, "warning": told}


def _print(found: dict[str, Any]) -> None:
    for title in ("settings", "policies", "dialects", "alert_rules", "receivers", "warnings"):
        records = found[title]
        if title in {"dialects", "warnings"} and not records:
            continue
        if title != "settings":
            print(f"\n{title.replace('_', ' ')}")
        if records:
            show.print_table(list(records[0]), [list(record.values()) for record in records])
    print(f"\nin order: {found['config'] or 'the defaults'}")
