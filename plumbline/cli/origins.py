"""Every setting with its value and where that comes from: the default, a line of the config file, or an option.

A value that was written as a reference to a secret is shown as it was written; a secret that stands in the file itself is not shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from monitor.config.yaml_lines import Written, written_in
from plumbline.cli.settings import Resolved

HIDDEN: Final = "(a secret; better ${env:NAME} or ${file:PATH})"


@dataclass(frozen=True)
class Setting:
    """One key of the resolved configuration."""

    key: str
    value: Any
    origin: str


def origins(resolved: Resolved) -> list[Setting]:
    """Return every setting of `resolved`, in the order of the schema."""
    written = {} if resolved.file is None else written_in(resolved.file)
    return [
        _setting(key, value, resolved, written) for key, value in _leaves(msgspec.to_builtins(resolved.settings), "")
    ]


def _setting(key: str, value: Any, resolved: Resolved, written: dict[str, Written]) -> Setting:
    if key in resolved.overridden:
        return Setting(key, value, resolved.overridden[key])
    stands = written.get(key)
    if stands is None:
        return Setting(key, value, "default")
    shown = HIDDEN if key.endswith(("secret", ".key")) else value
    return Setting(key, stands.text if "${" in stands.text else shown, f"{resolved.file}:{stands.line}")


def _leaves(value: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and (value or not prefix):
        for name, item in value.items():
            yield from _leaves(item, f"{prefix}.{name}" if prefix else str(name))
    else:
        yield prefix, value
