"""Controls of laws and standards that a rule may say it counts towards: a dated table of frameworks beside this file."""

from __future__ import annotations

import difflib
import re
from datetime import date
from functools import cache
from importlib.resources import files

import msgspec

from monitor.config.schema import Section


class Framework(Section, frozen=True):
    """One framework: how it is called in a policy, and how its controls are written."""

    name: str
    title: str
    form: str
    example: str
    as_of: date


@cache
def frameworks() -> dict[str, Framework]:
    """Return the known frameworks by name."""
    text = (files("monitor.policy") / "controls.yaml").read_bytes()
    return {one.name: one for one in msgspec.yaml.decode(text, type=list[Framework])}


def unknown_control(control: str) -> str:
    """Return what to write instead of `control`; "" when it is one.

    >>> unknown_control("EU-AIA:26(5)")
    ''
    >>> unknown_control("EU-AI:26")
    'did you mean `EU-AIA`?'
    """
    name, _, code = control.partition(":")
    known = frameworks().get(name)
    if known is None:
        close = difflib.get_close_matches(name, list(frameworks()), n=1, cutoff=0.5)
        return f"did you mean `{close[0]}`?" if close else f"one of {', '.join(frameworks())}, then : and the control"
    return "" if re.fullmatch(known.form, code) else f"controls of {known.title} look like {name}:{known.example}"
