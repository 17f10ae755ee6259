"""What a rule of the setting `collector.fields` may say, and of which field."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from monitor.errors import ConfigError

TEXTS: Final = ("system_text", "input_messages", "output_messages", "input_value", "output_value")
FIELDS: Final = (
    *TEXTS,
    *("error_message", "user_id", "session_id", "message_id", "tool_name", "prompt_name", "prompt_version"),
    *("environment", "release", "attrs", "comment", "metadata"),
)
"""Fields that a rule may name."""

WHOLE: Final = ("attrs", "metadata", "user_id", "session_id", "message_id")
"""Fields that mean nothing when they are cut."""

_CAP: Final = re.compile(r"cap ([1-9][0-9]{0,8})")


@dataclass(frozen=True)
class FieldRule:
    """What becomes of one field."""

    action: Literal["keep", "drop", "hash", "cap"]
    limit: int = 0


def read_rules(given: Mapping[str, Mapping[str, str]], where: str) -> dict[str, dict[str, FieldRule]]:
    """Return the rules of the setting `collector.fields`. Raises `ConfigError` for a field or a rule that is none."""
    return {app: {name: _rule(app, name, told, where) for name, told in rules.items()} for app, rules in given.items()}


def _rule(app: str, name: str, told: str, where: str) -> FieldRule:
    stands = f"collector.fields.{app}.{name}"
    if name not in FIELDS:
        near = difflib.get_close_matches(name, FIELDS, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"fields: {', '.join(FIELDS)}"
        raise ConfigError(where, None, f"{stands}: there is no such field", hint)
    cap = _CAP.fullmatch(told)
    if cap and name not in WHOLE:
        return FieldRule("cap", int(cap[1]))
    if told in {"keep", "drop", "hash"}:
        return FieldRule(told)  # type: ignore[arg-type]  # one of the three, as was just seen
    also = "" if name in WHOLE else ', or "cap N" (bytes)'
    raise ConfigError(where, None, f"{stands}: {told!r} is not a rule for it", f"write keep, drop or hash{also}")
