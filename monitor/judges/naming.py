"""What is wrong with judges as they are written down, and by which names they are asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from monitor.config.durations import parse_duration
from monitor.config.schema import JudgeSettings
from monitor.outgoing import Guard

NEVER: Final = "never"
"""A canary that asks nothing."""

HOUR_S: Final = 3600
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")


def wrong_with(name: str, judge: JudgeSettings, judges: Mapping[str, JudgeSettings]) -> tuple[str, str] | None:
    """Return what is wrong with a judge and what to do, or None."""
    if name == "none" or NAME.fullmatch(name) is None:
        return (
            "this cannot be the name of a judge",
            "use letters, digits, dots and dashes, at most 40; `none` means nobody",
        )
    return _wrong_panel(judge, judges) if judge.panel else _wrong_alone(judge) or _wrong_numbers(judge)


def _wrong_panel(judge: JudgeSettings, judges: Mapping[str, JudgeSettings]) -> tuple[str, str] | None:
    for member in judge.panel:
        if member not in judges:
            return f"no judge is named {member}", f"there are {', '.join(judges)}"
        if judges[member].panel:
            return f"{member} is a panel itself", "name its members"
    if len(set(judge.panel)) < max(2, len(judge.panel)):
        return "a panel needs two different judges at least, and each of them once", "name others"
    return None


def _wrong_alone(judge: JudgeSettings) -> tuple[str, str] | None:
    if judge.transport == "recorded":
        return None if judge.file else ("transport recorded has no file", "write file: PATH")
    if not judge.model and judge.transport != "systemone":
        return "no model is named", "write model: NAME"
    if not judge.url and judge.transport == "systemone":
        return "no url is given", "write url: https://HOST"
    refused = Guard(allow_private=judge.allow_private).refusal(judge.url) if judge.url else ""
    if refused.startswith("http goes in the clear"):
        return (
            f"url {judge.url}: http goes in the clear",
            "write https; allow_private: true allows http within your network",
        )
    return (f"url {judge.url}: {refused}", "write another address") if refused else None


def _wrong_span(span: str) -> str:
    try:
        return "" if parse_duration(span).total_seconds() >= HOUR_S else f"{span} is shorter than an hour"
    except ValueError as error:
        return str(error)


def _wrong_numbers(judge: JudgeSettings) -> tuple[str, str] | None:
    if not 1 <= judge.concurrency <= 200:
        return f"concurrency {judge.concurrency} is not between 1 and 200", "write 4"
    if not 0 <= judge.canary.at_most <= 0.5:
        return f"canary.at_most {judge.canary.at_most:g} is not between 0 and 0.5", "write 0.2"
    if judge.canary.notice_within != NEVER and (wrong := _wrong_span(judge.canary.notice_within)):
        return f"canary.notice_within: {wrong}", "write 7d, or never"
    if min(judge.budget.calls_per_day, judge.budget.usd_per_day or 0, *judge.budget.rules.values()) < 0:
        return "a budget is below 0", "write 0 to ask nobody"
    try:
        seconds = parse_duration(judge.timeout).total_seconds()
    except ValueError as error:
        return f"timeout: {error}", "write 20s"
    return None if 0 < seconds <= 600 else (f"timeout {judge.timeout} is not between 0 and 10 minutes", "write 20s")
