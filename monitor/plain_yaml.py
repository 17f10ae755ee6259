"""YAML by libyaml where PyYAML was built with it: ten times as fast, and every start reads some."""

from __future__ import annotations

from typing import Any, Final

import yaml

_FAST: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def plain(text: str) -> Any:
    """Return the value of one document; raises `yaml.YAMLError` where it is none, like `yaml.safe_load`.

    >>> plain("{a: [1, yes]}")
    {'a': [1, True]}
    """
    try:
        return yaml.load(text, Loader=_FAST)  # noqa: S506 - both are safe loaders
    except yaml.YAMLError:
        return yaml.safe_load(text)  # its words and lines are the ones that are told, on every machine


def nodes(text: str) -> yaml.Node | None:
    """Return one document as nodes that know their lines, None where it is empty; raises as `plain` does."""
    try:
        return yaml.compose(text, Loader=_FAST)
    except yaml.YAMLError:
        return yaml.compose(text, Loader=yaml.SafeLoader)
