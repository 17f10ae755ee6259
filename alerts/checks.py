"""Load-time checks of the rule file: what would never fire, never be told, or flap, is refused with its line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Final

from alerts.channels import ReceiverSettings
from alerts.evaluation import RANK
from alerts.rules import OWN, SHORT, SIGNALS, STARTER, AlertRule, Clear, Rulebook, SignalKind, Watchdog, When, fits
from monitor.clock import is_zone
from monitor.config.durations import parse_duration
from monitor.config.read import read_yaml
from monitor.config.yaml_lines import Step, YamlText
from monitor.model.values import Severity
from monitor.outgoing import Guard

Problem = tuple[tuple[Step, ...], str, str]
"""Where in the file, what is wrong, what to do."""

STATS: Final = ("low", "value", "high")
STATIC: Final = frozenset({"severity", "category", "id", "signal"})
"""What a route can match that is known without a signal."""

OF_POLICY: Final = frozenset({"owner", "incident", "page"})
"""What a route can match of alerts on rules of a policy."""


def load_rules(path: Path | None) -> Rulebook:
    """Return the rules at `path`, or the starter rules. Raises `ConfigError` with the line of the first mistake."""
    return _starter() if path is None else _read(path)


@cache
def _starter() -> Rulebook:
    """The starter rules are part of this package: they stay as they are while it runs."""
    return _read(STARTER)


def _read(file: Path) -> Rulebook:
    rulebook = read_yaml(file, Rulebook)
    problem = next(find_problems(rulebook), None)
    if problem is not None:
        where, what, hint = problem
        raise YamlText(str(file), file.read_text(encoding="utf-8")).error(where, what, hint)
    return rulebook


def find_problems(rulebook: Rulebook) -> Iterator[Problem]:
    """Yield what cannot work in `rulebook`, in the order of the file."""
    yield from _twice("receivers", [receiver.name for receiver in rulebook.receivers])
    for i, receiver in enumerate(rulebook.receivers):
        refused = _refused(receiver)
        if refused:
            yield ("receivers", i, "url"), f"{receiver.name}: {refused}", "write https://host/path"
    yield from _twice("rules", [rule.id for rule in rulebook.rules])
    for i, rule in enumerate(rulebook.rules):
        yield from ((("rules", i, *where), what, hint) for check in CHECKS for where, what, hint in check(rule))
        yield from _told(rulebook, rule, i)
    yield from _routes(rulebook)
    yield from _muting(rulebook)


def _muting(rulebook: Rulebook) -> Iterator[Problem]:
    for i, mute in enumerate(rulebook.mute):
        if not is_zone(mute.zone):
            yield ("mute", i, "zone"), f"unknown zone `{mute.zone}`", "write one such as Europe/Berlin"
        if ("T" in mute.start) != ("T" in mute.end):
            yield ("mute", i), "`from` and `to` are both times of the day, or both dates with time", ""
        elif "T" in mute.start and mute.end <= mute.start:
            yield ("mute", i, "to"), "ends before it begins", ""
    for i, rule in enumerate(rulebook.rules):
        yield from _duration(rule.flapping.within, ("rules", i, "flapping", "within"))
    if rulebook.storm is not None:
        yield from _duration(rulebook.storm.within, ("storm", "within"))
    if rulebook.watchdog is not None:
        yield from _duration(rulebook.watchdog.every, ("watchdog", "every"))
        if refused := _refused(rulebook.watchdog):
            yield ("watchdog", "url"), refused, "write https://host/path"


def _twice(section: str, names: Sequence[str]) -> Iterator[Problem]:
    for i, name in enumerate(names):
        if name in names[:i]:
            yield (section, i), f"`{name}` stands twice under {section}", "give each its own name"


def _refused(receiver: ReceiverSettings | Watchdog) -> str:
    """Return why the address of a receiver would be refused when an alert is sent."""
    url = getattr(receiver, "url", None) if hasattr(receiver, "allow_private") else None  # Apprise connects by itself
    return "" if url is None else guard_of_receiver(receiver).refusal(url)


def guard_of_receiver(receiver: ReceiverSettings | Watchdog) -> Guard:
    """Return what a receiver may be reached by, as its own settings say."""
    return Guard(getattr(receiver, "allow_http", False), getattr(receiver, "allow_private", False))


def _name(rule: AlertRule) -> Iterator[Problem]:
    if rule.id.startswith(OWN):
        yield ("id",), f"`{rule.id}` begins with `{OWN}`", "those are Plumbline's alerts about itself"


def _signal(rule: AlertRule) -> Iterator[Problem]:
    if rule.signal not in SIGNALS:
        yield ("signal",), f"{rule.id}: unknown signal `{rule.signal}`", f"one of {', '.join(SIGNALS)}"


def _labels(rule: AlertRule) -> Iterator[Problem]:
    kind = SIGNALS.get(rule.signal)
    if kind is None:
        return
    for label in rule.where:
        if label not in (*kind.labels, *kind.changing):
            hint = f"{rule.signal} has {', '.join((*kind.labels, *kind.changing))}"
            yield ("where", label), f"{rule.id}: unknown label `{label}`", hint
    for label in rule.by:
        if label not in kind.labels:
            what = f"{rule.id}: `{label}` cannot tell one alert from another"
            yield ("by",), what, f"{rule.signal} has {', '.join(kind.labels)}"


def _limits(rule: AlertRule) -> Iterator[Problem]:
    if rule.limits == "policy" and rule.signal != "violation_rate":
        yield (
            ("limits",),
            f"{rule.id}: no policy has limits on {rule.signal}",
            "only violation_rate takes them from there",
        )


def _fire_after(rule: AlertRule) -> Iterator[Problem]:
    if rule.fire_after.bad > rule.fire_after.of:
        bad, of = rule.fire_after.bad, rule.fire_after.of
        yield ("fire_after",), f"{rule.id}: {bad} bad of {of} can never be", "`of` is at least `bad`"


def _reachable(rule: AlertRule) -> Iterator[Problem]:
    kind = SIGNALS.get(rule.signal)
    if kind is None:
        return
    for key, limit in (("when", rule.when), ("clear", rule.clear)):
        if limit is not None and not _can_be(limit, kind):
            what = f"{rule.id}: {rule.signal} can never be {limit.op} {limit.value:g}"
            yield (key, "value"), what, f"it lies between {kind.least} and {kind.greatest}"
    if rule.when is not None and rule.when.min_n and not kind.counts:
        yield ("when", "min_n"), f"{rule.id}: {rule.signal} carries no sample count", "leave `min_n` out"


def _can_be(limit: When | Clear, kind: SignalKind) -> bool:
    above = limit.op[0] == ">"
    bound = kind.greatest if above else kind.least
    if bound is None or (limit.value == bound and "=" in limit.op):
        return True
    return limit.value < bound if above else limit.value > bound


def _clear(rule: AlertRule) -> Iterator[Problem]:
    if rule.clear is None:
        return
    if rule.when is None:
        yield ("clear",), f"{rule.id}: `clear` without `when`", "without `when` the alert ends with its signal"
    elif rule.clear.op[0] == rule.when.op[0]:
        yield ("clear", "op"), f"{rule.id}: `clear` looks the same way as `when`", "turn the comparison around"
    elif _overlap(rule.when, rule.clear):
        what = f"{rule.id}: `clear` can hold while `when` does, so the alert would flap"
        yield ("clear",), what, "clear on the far bound, at the same value or beyond it"


def _overlap(when: When, clear: Clear) -> bool:
    """Whether one signal can meet both, knowing only that low <= value <= high."""
    up = when.op[0] == ">"
    fires, clears = STATS.index(SHORT.get(when.stat, when.stat)), STATS.index(SHORT.get(clear.stat, clear.stat))
    far = clears >= fires if up else clears <= fires
    apart = clear.value < when.value if up else clear.value > when.value
    touching = clear.value == when.value and not ("=" in when.op and "=" in clear.op)
    return not (far and (apart or touching))


def _worse(rule: AlertRule) -> Iterator[Problem]:
    if rule.worse is None:
        return
    if rule.when is None:
        yield ("worse",), f"{rule.id}: `worse` without `when`", "it continues the comparison of `when`"
    elif RANK[rule.worse.severity] <= RANK[rule.severity]:
        yield ("worse", "severity"), f"{rule.id}: {rule.worse.severity} is not worse than {rule.severity}", "raise it"
    elif (rule.worse.value > rule.when.value) != (rule.when.op[0] == ">"):
        yield ("worse", "value"), f"{rule.id}: `worse` is not beyond `when`", "move its value further out"


CHECKS: Final[tuple[Callable[[AlertRule], Iterator[Problem]], ...]] = (
    _name,
    _signal,
    _labels,
    _limits,
    _fire_after,
    _reachable,
    _clear,
    _worse,
)


def _told(rulebook: Rulebook, rule: AlertRule, i: int) -> Iterator[Problem]:
    """A rule needs a route that fits whatever its signal's labels turn out to be."""
    severities = [rule.severity, *([rule.worse.severity] if rule.worse else [])]
    severities = list(Severity) if rule.limits == "policy" else severities
    for severity in severities:
        facts = {"severity": str(severity), "category": rule.category, "id": rule.id, "signal": rule.signal}
        sure = (route for route in rulebook.routes if route.match.keys() <= STATIC)
        if not any(fits(route.match, facts) for route in sure):
            what = f"{rule.id}: no route is sure to take its {severity} alerts"
            yield ("rules", i, "id"), what, "end the routes with one that has no `match`"


def _routes(rulebook: Rulebook) -> Iterator[Problem]:
    names = [receiver.name for receiver in rulebook.receivers]
    labels = {label for kind in SIGNALS.values() for label in (*kind.labels, *kind.changing)}
    for i, route in enumerate(rulebook.routes):
        yield from _receivers(route.to, names, ("routes", i, "to"))
        for j, step in enumerate(route.escalate):
            yield from _receivers(step.to, names, ("routes", i, "escalate", j, "to"))
            yield from _duration(step.after, ("routes", i, "escalate", j, "after"))
        known = STATIC | OF_POLICY | labels
        for key in route.match.keys() - known:
            yield ("routes", i, "match", key), f"no alert has a `{key}`", f"one of {', '.join(sorted(known))}"
        for key in ("notify_after", "remind_every"):
            yield from _duration(getattr(route, key), ("routes", i, key))
        if not _duration_problem(route.remind_every) and parse_duration(route.remind_every) < timedelta(minutes=1):
            yield ("routes", i, "remind_every"), "a reminder more often than each minute", "write 1h or more"


def _receivers(told: Iterable[str], names: list[str], where: tuple[Step, ...]) -> Iterator[Problem]:
    for name in told:
        if name not in names:
            yield where, f"unknown receiver `{name}`", f"one of {', '.join(names)}"


def _duration(text: str, where: tuple[Step, ...]) -> Iterator[Problem]:
    problem = _duration_problem(text)
    if problem:
        yield where, problem, ""


def _duration_problem(text: str) -> str:
    try:
        parse_duration(text)
    except (ValueError, OverflowError) as error:
        return str(error)
    return ""
