"""Questions about findings: what the false-alarm budget buys, and what a person says of a change that was found."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from plumbline.api.question import Question


class DriftLedger(Question[dict[str, Any]], frozen=True):
    """What was raised, how many false findings to expect, every stream with the smallest change it shows, and what is not watched."""

    path: ClassVar[str] = "/v1/drift/ledger"


OF_FINDINGS: Final = (DriftLedger,)
"""In the order of the table of questions."""
