"""The bundle of an incident: JSON and Markdown of the same, and the SHA-256 of each, so that a copy can be checked."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from alerts.message import clean
from monitor.wording import minute

Row = dict[str, Any]
MANIFEST: Final = "SHA256SUMS"


def bundle(shown: Row) -> dict[str, bytes]:
    """Return the files of an incident by name; `shown` is what the book tells of it.

    `sha256sum -c SHA256SUMS` checks them.
    """
    name = f"incident-{shown['number']}"
    files = {
        f"{name}.json": msgspec.json.format(msgspec.json.encode(shown), indent=2) + b"\n",
        f"{name}.md": markdown(shown).encode(),
    }
    sums = "".join(f"{hashlib.sha256(body).hexdigest()}  {file}\n" for file, body in files.items())
    return {**files, MANIFEST: sums.encode()}


def markdown(shown: Row) -> str:
    """Return an incident as a document; texts that came from elsewhere are one escaped line each."""
    weights = ", ".join(f"{name} {weight}" for name, weight in shown["weighed"].items())
    lines = [
        f"# Incident {shown['number']}: {_line(shown['title'])}",
        "",
        f"- Severity: {shown['severity']} ({weights})",
        f"- Owner: {_line(shown['owner'])}",
        f"- Opened: {minute(shown['opened_at'])} by {_line(shown['opened_by'])}",
        f"- Closed: {_closed(shown)}",
        f"- Users: {_known(shown['n_users'])}; answers: {_known(shown['n_turns'])}",
        f"- Playbook: {_line(shown['playbook'])}",
    ]
    for alert in shown["alerts"]:
        lines += ["", f"## {_line(alert['title'])}", "", *_facts(alert)]
    lines += ["", "## Timeline", ""]
    lines += [f"- {minute(step['at'])}, {_line(step['who'])}: {_line(step['what'])}" for step in shown["timeline"]]
    if shown["review"]:
        lines += ["", "## What was learnt", "", _line(shown["review"], 10_000)]
    return "\n".join([*lines, ""])


def _facts(alert: Row) -> list[str]:
    named = (("For whom", "affected"), ("Before and now", "change"), ("Likely cause", "cause"))
    lines = [f"- {name}: {_line(alert[key])}" for name, key in named if alert[key]]
    times = (("Began", "began_at"), ("Noticed", "noticed_at"), ("Ended", "ended_at"))
    lines += [f"- {name}: {minute(alert[key])}" for name, key in times if alert[key]]
    return [*lines, *(f"- Example: trace `{clean(trace, 64).replace('`', '')}`" for trace in alert["examples"])]


def _closed(shown: Row) -> str:
    return f"{minute(shown['closed_at'])} by {_line(shown['closed_by'])}" if shown["closed_at"] else "not yet"


def _known(number: int | None) -> str:
    return "not known" if number is None else f"{number:,}"


def _line(text: object, most: int = 400) -> str:
    """Return hostile text as one line that is no markup."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>#|!" else c for c in clean(text, most))
