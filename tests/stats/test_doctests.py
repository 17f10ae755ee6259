"""The examples in the docstrings of the statistics run."""

import doctest
import importlib
import pkgutil

import pytest

import monitor.drift
import monitor.stats

MODULES = [
    *(f"monitor.stats.{m.name}" for m in pkgutil.iter_modules(monitor.stats.__path__)),
    "monitor.drift.tracker",
    "monitor.drift.heavy_users",
    "monitor.experiments.direction",
    "monitor.experiments.verdict",
    "monitor.drift.admission",
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_true(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0
