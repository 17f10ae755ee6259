"""A policy file with one more example, and else as it was written: the change that a person reads before it counts."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any, Final

import msgspec
import yaml

from monitor.config.yaml_lines import YamlText
from monitor.errors import UsageError
from monitor.policy.cases import Example

_WORD: Final = re.compile(r"e\d+|violates|complies|borderline")
"""Ids and labels, which stand without quotation marks as people write them."""

_UNPRINTED: Final = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""Characters that YAML takes for a line break, or not at all, unless they are spelled out."""


def free_id(used: set[str]) -> str:
    """Return an id of an example that is not used yet: e1, e2 and so on.

    >>> free_id({"e1", "e3"})
    'e2'
    """
    return next(f"e{number}" for number in range(1, len(used) + 2) if f"e{number}" not in used)


def with_example(source: YamlText, rule_id: str, example: Example) -> str:
    """Return the text of a policy file in which the rule has one more example. Raises `UsageError` where it has no such rule."""
    rule = next((node for node in _rules(source) if _text(node, "id") == rule_id), None)
    if rule is None:
        raise UsageError(f"{source.path} has no rule {rule_id}")
    written = _flow(msgspec.to_builtins(example))
    listed = _value(rule, "examples")
    if listed is None or not listed.value:
        return _first(source.text, rule, listed, written)
    last = listed.value[-1]
    if listed.flow_style:
        return f"{source.text[: last.end_mark.index]}, {written}{source.text[last.end_mark.index :]}"
    end, indent = _line_end(source.text, _end(last)), " " * listed.start_mark.column
    gap = "" if source.text[:end].endswith("\n") else "\n"
    return f"{source.text[:end]}{gap}{indent}- {written}\n{source.text[end:]}"


def _end(node: Any) -> int:
    """Return the place behind the last character of a node: a block ends where its last part does."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    literal = isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}
    return int(node.end_mark.index) - (1 if literal else 0)


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _first(text: str, rule: Any, listed: Any, written: str) -> str:
    """The first example of a rule stands behind its id."""
    if listed is not None:
        return f"{text[: listed.start_mark.index]}[{written}]{text[listed.end_mark.index :]}"
    key = next(key for key, _ in rule.value if key.value == "id")
    value = _value(rule, "id")
    if rule.flow_style:
        return f"{text[: value.end_mark.index]}, examples: [{written}]{text[value.end_mark.index :]}"
    end, indent = _line_end(text, value.end_mark.index), " " * key.start_mark.column
    gap = "" if text[:end].endswith("\n") else "\n"
    return f"{text[:end]}{gap}{indent}examples:\n{indent}  - {written}\n{text[end:]}"


def difference(path: str, before: str, after: str) -> str:
    """Return how a file changes, as a unified diff that `git apply` and `patch` take."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{path}", f"b/{path}"
    )
    return "".join(lines)


def _rules(source: YamlText) -> list[Any]:
    listed = _value(source.root, "rules")
    return [] if listed is None else list(listed.value)


def _value(node: Any, name: str) -> Any:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for key, value in pairs if key.value == name), None)


def _text(node: Any, name: str) -> str | None:
    value = _value(node, name)
    return None if value is None else str(value.value)


def _flow(value: Any) -> str:
    """Return a value as YAML on one line; texts in quotation marks, so that nothing in them is YAML."""
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items() if item not in (None, [], ())) + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if isinstance(value, str) and _WORD.fullmatch(value):
        return value
    return _UNPRINTED.sub(lambda found: f"\\u{ord(found.group()):04x}", json.dumps(value, ensure_ascii=False))
