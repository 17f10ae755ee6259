"""Import by name, when it is needed: the one place where that is done.

A command loads only what it uses, so that `plumbline --help` and the supervisor stay light and quick, and so that a
question to a running agent does not pay for the store it does not open. The names stand in tables, as data.
"""

from __future__ import annotations

import importlib
from typing import Any


def load(path: str) -> Any:
    """Return what `path` ("package.module:name") names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
