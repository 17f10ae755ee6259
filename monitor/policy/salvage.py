"""A folder of policies in which something is broken: what was in force last holds in its place, and the others as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.clock import Clock
from monitor.config.yaml_lines import YamlText
from monitor.errors import ConfigError
from monitor.policy.checks import check_together
from monitor.policy.load import policy_files, read_policy, read_source, sound_policy
from monitor.policy.schema import Policy

Loaded = Sequence[tuple[YamlText, Policy]]


@dataclass(frozen=True)
class Salvaged:
    """The policies that can be held, and per broken file what holds in its place: nothing, or a version of before."""

    policies: list[Policy]
    instead: dict[str, Policy | None]


def salvage(folder: Path, last: Mapping[str, str], clock: Clock) -> Salvaged:
    """Return what of `folder` can be held. `last`: name of a file -> the text of it that was in force last.

    Files that are as they were come first, so that of two that contradict each other the one of before stays. A folder that is
    gone is taken to hold what it held. Never raises: without anything that can be held there are no policies.
    """
    loaded: list[tuple[YamlText, Policy]] = []
    instead: dict[str, Policy | None] = {}
    for path in sorted(_paths(folder, last), key=lambda path: (not _as_before(path, last), path.name)):
        found = _sound(path, loaded, clock)
        if found is None:
            found = _before(path, last, loaded)
            instead[str(path)] = None if found is None else found[1]
        if found is not None:
            loaded.append(found)
    return Salvaged([policy for _, policy in sorted(loaded, key=lambda one: one[0].path)], instead)


def _paths(folder: Path, last: Mapping[str, str]) -> list[Path]:
    try:
        return policy_files(folder)
    except (ConfigError, OSError):
        return [folder / name for name in last]


def _as_before(path: Path, last: Mapping[str, str]) -> bool:
    try:
        return path.read_text(encoding="utf-8") == last.get(path.name)
    except (OSError, UnicodeDecodeError):
        return False


def _sound(path: Path, others: Loaded, clock: Clock) -> tuple[YamlText, Policy] | None:
    try:
        source = read_source(path)
        policy = sound_policy(source, clock)
        check_together([*others, (source, policy)])
    except ConfigError:
        return None
    return source, policy


def _before(path: Path, last: Mapping[str, str], others: Loaded) -> tuple[YamlText, Policy] | None:
    """The version of before was in order when it was put in force; an exception that has run out since does not end it."""
    if path.name not in last:
        return None
    source = YamlText(str(path), last[path.name])
    try:
        policy = read_policy(source)
        check_together([*others, (source, policy)])
    except ConfigError:
        return None
    return source, policy
