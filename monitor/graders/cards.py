"""What graders are worth: one measured sentence a family, or the words "not measured"."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from monitor.graders.grader import Grader, kind_of
from monitor.plain_yaml import plain

NOT_MEASURED: Final = "not measured"


@cache
def cards() -> dict[str, str]:
    """Return the card of each family that was measured, by the name that stands behind `use:`."""
    text = (files("monitor.graders") / "cards.yaml").read_text(encoding="utf-8")
    return {str(name): str(card) for name, card in plain(text).items()}


def card_of(grader: Grader) -> str:
    """Return what is known of a grader's worth."""
    return cards().get(kind_of(grader), NOT_MEASURED)
