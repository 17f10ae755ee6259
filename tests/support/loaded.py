"""Everything of ours that a command or a process may need, loaded once and for all (see `forks.py`)."""

import gc
import importlib
import pkgutil

from plumbline import cli

for module in pkgutil.iter_modules(cli.__path__):
    importlib.import_module(f"plumbline.cli.{module.name}")
importlib.import_module("monitor.store.user_sql.child")  # the process that reads for people
gc.collect()
gc.freeze()  # what is loaded stays: collecting in a fork would copy its pages
