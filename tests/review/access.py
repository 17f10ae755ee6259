"""What axe says of a page, told apart: what our own choices make, and what Streamlit's own parts are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from axe_selenium_python import Axe
from selenium.webdriver import Chrome

SERIOUS: Final = ("serious", "critical")

STREAMLITS: Final = {
    "aria-allowed-attr": "[role=radiogroup]",  # segmented controls and radios say how they lie
    "aria-required-attr": "[role=switch]",  # a toggle, whose state the browser knows by itself
    "color-contrast": "[data-testid=stIconMaterial]",  # its icons, which no reader hears and words stand beside
}
"""Rule of axe -> where Streamlit writes the markup that breaks it, and no argument of ours can mend it."""

INSIDE: Final = "return document.querySelector(arguments[0])?.closest(arguments[1]) !== null"


@dataclass(frozen=True)
class Violation:
    """One element that breaks one rule of axe."""

    rule: str
    impact: str
    target: str
    html: str
    streamlits: bool


def violations(driver: Chrome) -> list[Violation]:
    """Return what axe finds on the page that `driver` shows."""
    axe = Axe(driver)
    if not driver.execute_script("return Boolean(window.axe)"):
        axe.inject()
    return [one for found in axe.run()["violations"] for one in _of_rule(driver, found)]


def _of_rule(driver: Chrome, found: dict[str, Any]) -> Iterator[Violation]:
    theirs = STREAMLITS.get(found["id"])
    for node in found["nodes"]:
        target = str(node["target"][0])
        streamlits = theirs is not None and bool(driver.execute_script(INSIDE, target, theirs))
        yield Violation(found["id"], str(found["impact"]), target, node["html"][:300], streamlits)
