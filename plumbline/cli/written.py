"""What stands in a config file, key by key, with its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Written:
    """What stands in the file under one key, and on which line."""

    text: str
    line: int


def written_in(file: Path) -> dict[str, Written]:
    """Return dotted key -> what is written there."""
    node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    return dict(_marks(node, ""))


def _marks(node: yaml.Node | None, prefix: str) -> Iterator[tuple[str, Written]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            dotted = f"{prefix}.{key.value}" if prefix else str(key.value)
            yield dotted, Written(_text(value), key.start_mark.line + 1)
            yield from _marks(value, dotted)


def _text(node: yaml.Node) -> str:
    if isinstance(node, yaml.SequenceNode):
        return f"[{', '.join(_text(item) for item in node.value)}]"
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""
