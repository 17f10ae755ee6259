"""Whose texts somebody may see: who is given applications by name sees texts of those and of no other.

Counts, rates, changes and alerts hold no text and are seen by everybody who may read; words that a change of wording quotes stand behind
its sentence and are left out for others. A trace that several applications
wrote is seen by who sees all of them. SQL can reach every text in a hundred ways, so it is for those who see all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from monitor.drift.finding_sentences import sentence_of
from monitor.errors import Forbidden, UsageError
from plumbline.api.call import Actor
from plumbline.api.erasure_questions import AskErasure
from plumbline.api.finding_questions import AcceptFinding
from plumbline.api.note_questions import AddNote, Notes
from plumbline.api.question import Question
from plumbline.api.questions import Explain, Page, Report, Sql

TEXTS: Final = frozenset({"input_text", "output_text", "reason"})
"""Columns of lists over many applications that hold texts, or quote from them."""

LISTS: Final = frozenset({"traces", "search_reach", "neighbours", "turns_by_id", "turns_before", "violations"})
CHANGES: Final = frozenset({"findings", "finding"})
"""Lists whose reasons may quote words behind their sentence."""

Apps = Callable[[str], frozenset[str]]
"""Return the applications that wrote a trace, or that a finding is about; none for what is neither."""


@dataclass(frozen=True)
class Sight:
    """What one actor may see; `apps_of` looks up whose a trace or a finding is."""

    actor: Actor
    apps_of: Apps

    def demand(self, question: Question[Any]) -> None:
        """Raise `Forbidden` where the answer would show texts of other applications, `UsageError` where it may not be so wide."""
        if self.actor.apps is None:
            return
        match question:
            case Sql():
                raise Forbidden(f"{self.actor.name} sees texts of {self._named()} only, and SQL would show all of them")
            case Explain() | Report() | Notes() | AddNote() | AskErasure() | AcceptFinding():
                self._demand(self.apps_of(question.id))
            case Page():
                self._page(question.name, question.parameters)

    def _page(self, name: str, given: Mapping[str, str]) -> None:
        if given.get("trace_id"):
            self._demand(self.apps_of(given["trace_id"]))
        if name not in LISTS or not given.get("text"):
            return
        if not given.get("app"):
            raise UsageError(f"choose an application to search its texts ({self._named()})")
        self._demand(frozenset([given["app"]]))

    def _demand(self, apps: frozenset[str]) -> None:
        if self.actor.apps is not None and apps - self.actor.apps:
            raise Forbidden(f"{self.actor.name} sees texts of {self._named()} only (an admin gives applications)")

    def _named(self) -> str:
        return ", ".join(sorted(self.actor.apps or ())) or "no application"

    def veiled(self, question: Question[Any], rows: pa.Table) -> pa.Table:
        """Return the rows of a list with the texts of other applications left out, and of their changes all but the sentence."""
        if self.actor.apps is None or not isinstance(question, Page) or "app" not in rows.column_names:
            return rows
        if question.name in CHANGES:
            return self._without(rows, frozenset({"reason"}), sentence_of)
        return self._without(rows, TEXTS, lambda _: None) if question.name in LISTS else rows

    def _without(self, rows: pa.Table, names: frozenset[str], left: Callable[[str], str | None]) -> pa.Table:
        """Return rows with what is `left` of the texts of other applications."""
        seen = [app in (self.actor.apps or ()) for app in rows["app"].to_pylist()]
        for index, field in enumerate(rows.schema):
            if field.name in names:
                texts = zip(rows[field.name].to_pylist(), seen, strict=True)
                told = [text if mine or text is None else left(text) for text, mine in texts]
                rows = rows.set_column(index, field, pa.array(told, field.type))
        return rows
