"""Read a folder of policy files and refuse what could not be meant: the first mistake as one line with its place."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from monitor.clock import Clock, SystemClock
from monitor.config.read import parse_yaml
from monitor.config.yaml_lines import YamlText
from monitor.errors import ConfigError
from monitor.graders.grader import Tools
from monitor.graders.kinds import FAMILIES
from monitor.plain_yaml import plain
from monitor.policy.canonical import canonical
from monitor.policy.checks import check_examples, check_shape, check_together
from monitor.policy.schema import Policy, PolicyFile, Status, bind

_TODAY: Final = SystemClock()


def load_policies(folder: Path | None, clock: Clock = _TODAY) -> list[Policy]:
    """Return the policies of `folder` (*.yaml and *.yml, by name), or the starter policy when `folder` is None.

    `clock` says which exceptions have expired. Raises `ConfigError` for the first mistake: a file that is not a policy,
    two rules with one id, a rule whose examples contradict each other or its own graders, an expired exception.
    """
    loaded = [(source, sound_policy(source, clock)) for source in _sources(folder)]
    check_together(loaded)
    return [policy for _, policy in loaded]


def read_policies(path: Path | None, clock: Clock = _TODAY) -> list[Policy]:
    """Return the policies of a file or folder (None: the starter policy), each in order by itself, whatever its examples say.

    Raises `ConfigError` for the first mistake. For looking at a policy before it is held against the others, and for testing it.
    """
    loaded = [(source, read_policy(source)) for source in _sources(path)]
    for source, policy in loaded:
        check_shape(source, policy, clock)
    return [policy for _, policy in loaded]


def policies_in_force(folder: Path | None) -> list[Policy]:
    """Return the policies of `folder` and, for apps that none of them grades, the starter policy.

    So a new application is never without rules, and an app with a policy of its own is held to that alone.
    """
    return in_force(() if folder is None else load_policies(folder))


def in_force(own: Sequence[Policy]) -> list[Policy]:
    """Return the policies of a house that holds `own`: those, and the starter policy for apps that none of them grades."""
    starter = load_policies(None)
    return [*own, *(replace(policy, unless=tuple(own)) for policy in starter)] if own else list(starter)


def with_file(folder: Path, name: str, text: str, clock: Clock = _TODAY) -> list[Policy]:
    """Return the policies of `folder` as they would be with `text` in its file `name`. Raises `ConfigError`."""
    sources = [source for source in _sources(folder) if Path(source.path).name != name]
    loaded = [(source, sound_policy(source, clock)) for source in (*sources, YamlText(str(folder / name), text))]
    check_together(loaded)
    return [policy for _, policy in sorted(loaded, key=lambda one: one[0].path)]


def with_status(source: YamlText, status: Status) -> str:
    """Return the text of a policy file with this status in its header, and else as it was written."""
    header = next(value for key, value in source.root.value if key.value == "policy")  # type: ignore[union-attr]  # a policy
    said = next((value for key, value in header.value if key.value == "status"), None)
    if said is not None:
        return source.text[: said.start_mark.index] + status + source.text[said.end_mark.index :]
    first = header.value[0][0].start_mark
    between = ", " if header.flow_style else f"\n{' ' * first.column}"
    return f"{source.text[: first.index]}status: {status}{between}{source.text[first.index :]}"


def given_policy(name: str, text: str, clock: Clock = _TODAY) -> tuple[YamlText, Policy]:
    """Return the policy that is written in `text`, in order by itself; `name` is what errors call it. Raises `ConfigError`."""
    source = YamlText(name, text)
    return source, sound_policy(source, clock)


def policy_files(folder: Path) -> list[Path]:
    """Return the policy files of `folder`, by name, or the one file it is. Raises `ConfigError` where there is none."""
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise ConfigError(str(folder), None, "is not a folder of policies", "give a folder, or leave the key out")
    found = [path for path in sorted(folder.iterdir()) if path.name.endswith((".yaml", ".yml"))]
    if not found:
        raise ConfigError(str(folder), None, "holds no policy file", "put a *.yaml file there, or leave the key out")
    return found


def _sources(folder: Path | None) -> Iterator[YamlText]:
    starter = files("monitor.policy") / "starter"
    paths: Sequence[Any] = (
        sorted(starter.iterdir(), key=lambda path: path.name) if folder is None else policy_files(folder)
    )
    return map(read_source, paths)


def read_source(path: Any) -> YamlText:
    """Return the text of a policy file. Raises `ConfigError` where it cannot be read."""
    return YamlText(str(path), _text(path))


def _text(path: Any) -> str:
    try:
        return str(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), None, f"cannot be read: {error}", "check that it is UTF-8") from None


def sound_policy(source: YamlText, clock: Clock) -> Policy:
    """Return one policy that is in order by itself; `clock` says which exceptions have expired. Raises `ConfigError`."""
    policy = read_policy(source)
    check_shape(source, policy, clock)
    _check_examples(source)
    return policy


@lru_cache(maxsize=64)
def _check_examples(source: YamlText) -> None:
    """Hold the examples of a file against its graders, once for one text: what agreed agrees again."""
    check_examples(source, read_policy(source), Tools(_TODAY))


@lru_cache(maxsize=64)  # files are looked at again and again, and seldom change
def read_policy(source: YamlText) -> Policy:
    """Return one policy file as a value. Raises `ConfigError` where it does not follow the schema."""
    _check_graders(source)
    file = parse_yaml(source.text, PolicyFile, source.path)
    rules = tuple(bind(rule, file.defaults) for rule in file.rules)
    return Policy(source.path, hashlib.sha256(canonical(file)).hexdigest(), file, rules)


def _check_graders(source: YamlText) -> None:
    """Look at graders before the rest, each as the family it names: only so can an error tell what was meant."""
    try:
        data = plain(source.text) if source.root is not None else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return  # the strict reader says it better
    for rule_number, rule in enumerate(_listed(data, "rules")):
        for number, entry in enumerate(_listed(rule, "graders")):
            _check_grader(source, entry, ("rules", rule_number, "graders", number))


def _listed(data: Any, key: str) -> list[Any]:
    listed = data.get(key) if isinstance(data, dict) else None
    return listed if isinstance(listed, list) else []


def _check_grader(source: YamlText, entry: Any, steps: tuple[str | int, ...]) -> None:
    name = entry.get("use") if isinstance(entry, dict) else None
    if name not in FAMILIES:
        problem = "a grader needs `use: <name>`" if name is None else f"unknown grader `{name}`"
        raise source.error((*steps, "use"), problem, _meant(str(name), sorted(FAMILIES)))
    family = FAMILIES[name]
    unknown = [key for key in entry if key not in ("use", *family.__struct_fields__)]
    if unknown:
        problem = f"grader {name} has no setting `{unknown[0]}`"
        raise source.error((*steps, str(unknown[0])), problem, _meant(str(unknown[0]), list(family.__struct_fields__)))
    try:
        msgspec.convert(entry, family, strict=True)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$")
        key = where.strip(".`").partition("[")[0]
        raise source.error((*steps, key), f"grader {name}: {problem[0].lower()}{problem[1:]}") from None


def _meant(name: str, allowed: list[str]) -> str:
    close = difflib.get_close_matches(name, allowed, n=1, cutoff=0.5)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"allowed here: {', '.join(allowed)}" if allowed else "it has none"
