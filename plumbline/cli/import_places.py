"""What `plumbline import` is pointed at: files, folders, patterns and URLs; extras are loaded only when a URL needs them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from collectors.importers.files import ImportSource, find
from monitor.errors import UsageError
from plumbline.cli.deferred import deferred

if TYPE_CHECKING:
    from collectors.importers import remote
else:
    remote = deferred("collectors.importers.remote")

URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def find_all(places: Iterable[str], folder: Path) -> tuple[list[ImportSource], int]:
    """Return what can be imported at `places`, each once, and how many files were passed over; `folder` is where paths begin.

    Raises `UsageError` for a place that cannot be read, and when there is nothing.
    """
    asked = list(places)
    found: dict[str, ImportSource] = {}
    passed: set[str] = set()
    for place in asked:
        sources, left = _at(place, folder)
        found |= {source.name: source for source in sources}
        passed.update(left)
    if not found:
        raise UsageError(f"nothing to import in {', '.join(asked)}")
    return list(found.values()), len(passed)


def _at(place: str, folder: Path) -> tuple[list[ImportSource], list[str]]:
    if URL.match(place) and not place.lower().startswith("file://"):
        return _remote(place)
    path = Path(unquote(urlsplit(place).path)) if URL.match(place) else Path(place)
    sources, passed = find([(folder / path).resolve()])
    return sources, [str(left) for left in passed]


def _remote(url: str) -> tuple[list[ImportSource], list[str]]:
    try:
        find_remote = remote.find_remote
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] != "fsspec":
            raise
        raise UsageError(f"{url}: URLs are read through fsspec (pip install 'plumbline[s3]')") from None
    sources, passed = find_remote(url)
    return list(sources), list(passed)
