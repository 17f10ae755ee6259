"""The settings a command works with: defaults, then `plumbline.yaml`, then what the command line says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from monitor.config.field_rules import read_rules
from monitor.config.read import read_yaml
from monitor.config.schema import Settings
from monitor.errors import UsageError
from monitor.places import Address, Places, parse_address
from plumbline.cli.limits import check_limits

CONFIG: Final = "plumbline.yaml"

OPTIONS: Final = {
    "otlp_http": ("--otlp-http", "collector", "otlp_http"),
    "otlp_grpc": ("--otlp-grpc", "collector", "otlp_grpc"),
    "api": ("--api", "agent", "api"),
    "dashboard": ("--dashboard", "dashboard", "address"),
}
"""Address options: flag, section and key of the setting they stand for."""


@dataclass(frozen=True)
class Given:
    """The common options as given; None is not given."""

    config: Path | None = None
    data_dir: Path | None = None
    otlp_http: str | None = None
    api: str | None = None
    dashboard: str | None = None
    otlp_grpc: str | None = None


@dataclass(frozen=True)
class Resolved:
    """Settings with every path absolute, the data directory, and which keys the command line has set."""

    settings: Settings
    places: Places
    file: Path | None
    overridden: dict[str, str] = field(default_factory=dict)  # dotted key -> option

    def address(self, option: str) -> Address:
        """Return the address that option `otlp_http`, `otlp_grpc`, `api` or `dashboard` stands for."""
        flag, section, key = OPTIONS[option]
        named = flag if f"{section}.{key}" in self.overridden else f"{section}.{key}"
        return parse_address(getattr(getattr(self.settings, section), key), named)

    def arguments(self) -> list[str]:
        """Return the common options that give a child process these same settings, as pairs of flag and value."""
        listed = [] if self.file is None else ["--config", str(self.file)]
        listed += ["--data-dir", str(self.places.root)]
        for option, (flag, _, _) in OPTIONS.items():
            listed += [flag, str(self.address(option))]
        return listed


def given_from(arguments: Sequence[str]) -> Given:
    """Return the options that `Resolved.arguments` wrote. What a person types goes through typer, never through here."""
    pairs = dict(zip(arguments[::2], arguments[1::2], strict=True))
    paths = {name: pairs.get(flag) for name, flag in (("config", "--config"), ("data_dir", "--data-dir"))}
    addresses = {option: pairs.get(flag) for option, (flag, _, _) in OPTIONS.items()}
    return Given(**{name: path and Path(path) for name, path in paths.items()}, **addresses)  # type: ignore[arg-type]  # paths, then text


def resolve(given: Given, folder: Path) -> Resolved:
    """Return the settings for `given`, in the current folder `folder`. Raises `ConfigError` and `UsageError`."""
    file = _find(given.config, folder)
    settings = Settings() if file is None else _read(file)
    base = folder if file is None else file.parent
    root = _expand(settings.data_dir, base) if given.data_dir is None else _expand(str(given.data_dir), folder)
    collector = msgspec.structs.replace(settings.collector, dialects=_maybe(settings.collector.dialects, base))
    settings = msgspec.structs.replace(settings, collector=collector)
    settings = msgspec.structs.replace(
        settings, data_dir=str(root), policies=_maybe(settings.policies, base), alerts=_maybe(settings.alerts, base)
    )
    settings = _with_recordings(_with_dictionaries(settings, base), base)
    backup = msgspec.structs.replace(settings.agent.backup, folder=_maybe(settings.agent.backup.folder, base))
    settings = _replaced(settings, "agent", "backup", backup)
    overridden = {} if given.data_dir is None else {"data_dir": "--data-dir"}
    for option, (flag, section, key) in OPTIONS.items():
        text: str | None = getattr(given, option)
        if text is not None:
            settings = _replaced(settings, section, key, text)
            overridden[f"{section}.{key}"] = flag
    resolved = Resolved(settings, Places(root), file, overridden)
    for option in OPTIONS:
        resolved.address(option)
    return resolved


def _read(file: Path) -> Settings:
    settings = read_yaml(file, Settings)
    check_limits(settings, file)
    read_rules(settings.collector.fields, str(file))  # refused here, before anything starts
    return settings


def _find(config: Path | None, folder: Path) -> Path | None:
    if config is not None:
        path = _expand(str(config), folder)
        if not path.is_file():
            raise UsageError(f"--config {config} is not a file (write one, or leave the option out for the defaults)")
        return path
    default = folder / CONFIG
    return default if default.is_file() else None


def _replaced(settings: Settings, section: str, key: str, value: Any) -> Settings:
    changed = msgspec.structs.replace(getattr(settings, section), **{key: value})
    return msgspec.structs.replace(settings, **{section: changed})


def _with_dictionaries(settings: Settings, base: Path) -> Settings:
    redaction = settings.collector.redaction
    paths = {name: str(_expand(path, base)) for name, path in redaction.dictionaries.items()}
    changed = msgspec.structs.replace(redaction, dictionaries=paths)
    return _replaced(settings, "collector", "redaction", changed)


def _with_recordings(settings: Settings, base: Path) -> Settings:
    judges = {
        name: msgspec.structs.replace(judge, file=_maybe(judge.file, base)) for name, judge in settings.judges.items()
    }
    return msgspec.structs.replace(settings, judges=judges)


def _expand(path: str, folder: Path) -> Path:
    return (folder / Path(path).expanduser()).resolve()


def _maybe(path: str | None, folder: Path) -> str | None:
    return None if path is None else str(_expand(path, folder))
