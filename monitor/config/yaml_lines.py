"""Where in a YAML file a thing stands: the one finder of lines, for everything that points a person at their own file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import yaml

from monitor.errors import ConfigError
from monitor.plain_yaml import nodes

Step = str | int
"""A key of a mapping, or a place in a list from 0."""

MOST_NODES: Final = 200_000


@dataclass(frozen=True)
class YamlText:
    """The text of one file, which is YAML: whoever reads it (`monitor.config.read`) has seen to that."""

    path: str
    text: str

    @cached_property
    def root(self) -> yaml.Node | None:
        """The file as nodes that know their lines; None for an empty file.

        Raises `yaml.YAMLError` where it is no YAML, and where its aliases make it endless or more than `MOST_NODES`.
        """
        root = nodes(self.text)
        if root is not None:
            _size(root, {}, set())
        return root

    def error(self, steps: tuple[Step, ...], problem: str, hint: str = "") -> ConfigError:
        """Return the error that `problem` is at `steps`, such as ("rules", 2, "id")."""
        return ConfigError(self.path, self.line(steps), problem, hint)

    def line(self, steps: tuple[Step, ...]) -> int | None:
        """Return the 1-based line of the deepest of `steps` that exists, or None for an empty file."""
        node, line = self.root, None if self.root is None else line_of(self.root)
        for step in steps:
            mark, node = _child(node, step)
            line = line if mark is None else line_of(mark)
        return line


def _size(node: yaml.Node, known: dict[int, int], above: set[int]) -> int:
    """Return how many nodes `node` is once each alias stands for what it names; each is counted once, so bombs are cheap."""
    if id(node) in above:
        raise yaml.MarkedYAMLError(problem="an alias holds itself", problem_mark=node.start_mark)
    if id(node) not in known:
        parts = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
        inside = parts if isinstance(node, yaml.CollectionNode) else ()
        known[id(node)] = 1 + sum(_size(part, known, above | {id(node)}) for part in inside)
    if known[id(node)] > MOST_NODES:
        problem = f"more than {MOST_NODES:,} values once its aliases are written out"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
    return known[id(node)]


def line_of(node: yaml.Node) -> int:
    """Return the 1-based line on which `node` begins."""
    return int(node.start_mark.line) + 1


def _child(node: yaml.Node | None, step: Step) -> tuple[yaml.Node | None, yaml.Node | None]:
    """Return the node that marks `step` (a key, or the item itself) and the node under it."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == step), (None, None))
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None, None


@dataclass(frozen=True)
class Written:
    """What stands in a file under one key, and on which line."""

    text: str
    line: int


def written_in(file: Path) -> dict[str, Written]:
    """Return dotted key -> what is written there."""
    return dict(_entries(YamlText(str(file), file.read_text(encoding="utf-8")).root, ""))


def _entries(node: yaml.Node | None, prefix: str) -> Iterator[tuple[str, Written]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            dotted = f"{prefix}.{key.value}" if prefix else str(key.value)
            yield dotted, Written(_flat(value), line_of(key))
            yield from _entries(value, dotted)


def _flat(node: yaml.Node) -> str:
    if isinstance(node, yaml.SequenceNode):
        return f"[{', '.join(_flat(item) for item in node.value)}]"
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""
