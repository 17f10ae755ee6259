"""Modules that are loaded at their first use: a command pays for what it does, not for what it could do.

Where a module is deferred it stands twice: as an ordinary import for those who read the code (people, the type
checker, the import contracts), and as `deferred("its.name")` for the process that runs. `plumbline --help`, the
supervisor and a question to a running agent stay light and quick by this; a test holds what each of them loads.
"""

from __future__ import annotations

import importlib
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class _Deferred(ModuleType):
    """Stands for a module until something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


def deferred(name: str) -> ModuleType:
    """Return what stands for module `name`; an attribute of it imports it."""
    return _Deferred(name)


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
