"""Import by name, when it is needed: the one place where that is done.

A command loads only what it uses, so that `plumbline --help` and the supervisor stay light and quick, and so that a
question to a running agent does not pay for the store it does not open. The names stand in tables, as data.
"""

from __future__ import annotations

import importlib
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def load(path: str) -> Any:
    """Return what `path` ("package.module:name") names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def keep_out(package: str) -> None:
    """Let every import of `package` fail in this process; one that is loaded already stays.

    Where pandas is installed pyarrow loads it, merely to ask whether a list is a Series: a second, and 50 MB for as long
    as the process lives. Reports need it, and are rendered by a child process.
    """
    sys.meta_path.insert(0, _Absent(package))


class _Absent(MetaPathFinder, Loader):
    """Finds one package, so that it can refuse to load it."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, fullname: str, _path: object, _target: object = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname == self.package else None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        raise ModuleNotFoundError(f"{spec.name} is kept out of this process", name=spec.name)

    def exec_module(self, module: ModuleType) -> None:
        raise ModuleNotFoundError(f"{module.__name__} is kept out of this process", name=module.__name__)
