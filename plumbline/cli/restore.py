"""`plumbline restore`: a data directory out of a backup."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plumbline.cli import show
from plumbline.cli.deferred import deferred
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Config, DataDir, Form, Format

if TYPE_CHECKING:
    from monitor import backup as backups
else:
    backups = deferred("monitor.backup")


def run(
    backup: Annotated[
        Path, typer.Argument(metavar="BACKUP", help="A folder plumbline-... that `plumbline backup` made.")
    ],
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
) -> int:
    """Check every file of a backup against its digest and make an empty data directory out of it; nothing is overwritten."""
    root = resolve(Given(config, data_dir), Path.cwd()).places.root
    manifest = backups.restore_backup((Path.cwd() / backup.expanduser()).resolve(), root)
    told = {"data_dir": str(root), "made_at": f"{manifest.made_at:%Y-%m-%dT%H:%M:%SZ}", "turns": manifest.rows["turns"]}
    if form is Form.JSON:
        show.print_json(told)
    else:
        show.print_pairs(told)
    return 0
