"""Read a YAML file into the class that is its schema.

The class decides what is allowed; this module finds the line that is wrong and the name that was probably meant.
Secrets come in only by reference: `${env:NAME}` or `${file:path}`.
"""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from monitor.config.yaml_lines import Step, YamlText, line_of
from monitor.errors import ConfigError
from monitor.plain_yaml import plain

T = TypeVar("T")
_REFERENCE = re.compile(r"\$\{(env|file):([^}]+)\}")
_UNKNOWN = re.compile(r"unknown field `([^`]+)`(?: - at `\$?([^`]*)`)?")
_AT = re.compile(r"(.*) - at `\$?([^`]*)`")


def read_yaml(path: Path, schema: type[T]) -> T:
    """Return the content of `path` as a `schema`.

    Raises `ConfigError` with the line of the first mistake: bad YAML, an unknown key, a wrong type, a missing secret.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), None, f"cannot be read: {error}", "check the path and that it is UTF-8") from None
    return parse_yaml(text, schema, str(path))


def parse_yaml(text: str, schema: type[T], path: str) -> T:
    """Return YAML `text` as a `schema`; `path` only names it in errors."""
    file = YamlText(path, text)
    try:
        data = plain(text) if file.root is not None else {}
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise ConfigError(path, line, f"not valid YAML: {error.problem}", "check the indentation and quotes") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(path, None, f"not valid YAML: {' '.join(str(error).split())[:300]}") from None
    _refuse_duplicates(file.root, path)
    resolved = _resolve(data, file.root, path, Path(path).parent)
    try:
        return msgspec.convert(resolved, schema, strict=True)
    except msgspec.ValidationError as error:
        raise _located(_without(_filled_in(data, resolved), str(error)), file, resolved, schema) from None


def _filled_in(plain: Any, resolved: Any) -> list[str]:
    """Return the texts that references have put in: secrets, which no error shows."""
    if isinstance(plain, dict) and isinstance(resolved, dict):
        return [text for key, value in plain.items() for text in _filled_in(value, resolved.get(str(key)))]
    if isinstance(plain, list) and isinstance(resolved, list):
        return [text for pair in zip(plain, resolved, strict=False) for text in _filled_in(*pair)]
    return [resolved] if isinstance(resolved, str) and resolved and resolved != plain else []


def _without(secrets: list[str], message: str) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        message = message.replace(secret, "(a secret)")
    return message


def _refuse_duplicates(node: yaml.Node | None, path: str) -> None:
    """YAML silently lets the last of two equal keys win, which hides half of what a person wrote."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise ConfigError(path, line_of(key), f"key `{key.value}` stands here twice", "keep one")
            seen.add(key.value)
            _refuse_duplicates(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_duplicates(item, path)


def with_secrets(text: str, where: str, folder: Path) -> str:
    """Return `text` with its references filled in; paths begin in `folder`, `where` only names it in errors."""
    return _REFERENCE.sub(lambda match: _secret(match, where, None, folder), text)


def _resolve(value: Any, node: yaml.Node | None, path: str, folder: Path) -> Any:
    if isinstance(value, dict) and isinstance(node, yaml.MappingNode):
        children = {key.value: child for key, child in node.value}
        return {str(k): _resolve(v, children.get(str(k)), path, folder) for k, v in value.items()}
    if isinstance(value, list) and isinstance(node, yaml.SequenceNode):
        return [_resolve(item, child, path, folder) for item, child in zip(value, node.value, strict=True)]
    if isinstance(value, str) and "\x00" in value:
        raise ConfigError(path, None if node is None else line_of(node), "a NUL character in a text", "remove it")
    if isinstance(value, str) and "${" in value:
        line = None if node is None else line_of(node)
        return _REFERENCE.sub(lambda match: _secret(match, path, line, folder), value)
    return value


def _secret(match: re.Match[str], path: str, line: int | None, folder: Path) -> str:
    kind, name = match.groups()
    if kind == "env":
        if name not in os.environ:
            raise ConfigError(path, line, f"environment variable {name} is not set", f"export {name}=...")
        return os.environ[name]
    try:
        return (folder / name).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(path, line, f"file {name} cannot be read: {error.strerror}", "check the path") from None


def _located(message: str, file: YamlText, data: Any, schema: Any) -> ConfigError:
    unknown = _UNKNOWN.search(message)
    if unknown:
        key, where = unknown.group(1), unknown.group(2) or ""
        near = _nearest(key, _allowed(schema, data, _steps(where)))
        return file.error((*_steps(where), key), f"unknown key `{key}`", near)
    found = _AT.match(message)
    problem, where = found.groups() if found else (message, "")
    name = where.lstrip(".") or "the file"
    return file.error(_steps(where), f"{name}: {problem[0].lower()}{problem[1:]}")


def _steps(where: str) -> tuple[Step, ...]:
    found = re.findall(r"\.?([^.\[\]]+)|\[(\d+)\]", where)
    return tuple(int(index) if index else name for name, index in found)


def _allowed(schema: Any, data: Any, steps: tuple[Any, ...]) -> list[str]:
    """Names that may stand at `steps`: walk the schema beside the data, since a tagged union depends on its tag."""
    info = msgspec.inspect.type_info(schema)
    for step in steps:
        info = _descend(info, data, step)
        data = data[step] if isinstance(data, dict | list) and step is not None else data
    fields = getattr(_pick(info, data), "fields", ())
    return [field.encode_name for field in fields]


def _pick(info: Any, data: Any) -> Any:
    """Of a union, the member whose tag is written in `data`, or the first that has fields."""
    members = getattr(info, "types", (info,))
    tag = data.get("kind") if isinstance(data, dict) else None
    tagged = [m for m in members if getattr(m, "tag", None) == tag and tag is not None]
    return next(iter(tagged or [m for m in members if hasattr(m, "fields")] or members))


def _descend(info: Any, data: Any, step: Any) -> Any:
    if isinstance(step, int):
        listed = next((m for m in getattr(info, "types", (info,)) if hasattr(m, "item_type")), None)
        return getattr(listed, "item_type", info)
    picked = _pick(info, data)
    if hasattr(picked, "value_type"):
        return picked.value_type
    field = next((f for f in getattr(picked, "fields", ()) if f.encode_name == step), None)
    return field.type if field else info


def _nearest(key: str, allowed: list[str]) -> str:
    close = difflib.get_close_matches(key, allowed, n=1, cutoff=0.5)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"allowed here: {', '.join(sorted(allowed))}" if allowed else ""
