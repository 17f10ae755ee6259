"""`plumbline terms`: a dictionary file that finds names without holding them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from collectors.redaction.terms import hashed
from monitor.errors import UsageError
from monitor.places import prepare
from monitor.privacy.keyed import install_key
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Config, DataDir


def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="One term a line; - reads standard input.")],
    config: Config = None,
    data_dir: DataDir = None,
) -> int:
    """Print FILE with every term as a keyed hash, for `collector.redaction.dictionaries`.

    A term has one to eight words; case and punctuation do not matter. The hashes hold with the key of this data directory
    only (redaction.key): make the file again where another key is used. Delete the plain list afterwards.
    """
    places = resolve(Given(config, data_dir), Path.cwd()).places
    prepare(places)
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        lines = hashed(install_key(places.root), text.splitlines())
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise UsageError(f"{file}: {getattr(error, 'strerror', None) or error}") from None
    print("\n".join(lines))
    return 0
