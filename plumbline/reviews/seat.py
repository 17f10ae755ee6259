"""Who sits down to review: the next answers, locked for one person; what is said of them, revealed to nobody before; taken back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import yaml

from monitor.errors import NotFound, UsageError
from monitor.labels import NewLabel
from monitor.review.draw import GOLD
from monitor.state import Transaction, desks, labels, reviews
from monitor.store.review_units import machine_verdicts, review_texts, session_texts
from plumbline.api.call import Call
from plumbline.api.seat_questions import CommitItem, DecideItem, SaveDraft, SkipItem, TakeItems, UndoItem
from plumbline.labels import LabelBook
from plumbline.people.commands import Commands
from plumbline.reviews.desk import ReviewDesk
from plumbline.reviews.trial import trial_of, trials

Row = dict[str, Any]
LOCKED: Final = timedelta(minutes=15)
"""How long an answer lies on one desk before somebody else may have it."""

EXAMPLES: Final = 2
"""Of a rule, of each verdict there is an example for, beside an answer."""


@dataclass(frozen=True)
class Seats:
    """The seats at the reviews of one data directory."""

    desk: ReviewDesk
    book: LabelBook

    @property
    def _commands(self) -> Commands:
        return self.desk.commands

    def take(self, call: Call, asked: TakeItems) -> Row:
        """Return the next answers for whoever asks, and how far they are. Raises `NotFound`, `UsageError`."""
        person, now, apps = call.actor.name, self._commands.record.clock.now(), call.actor.apps
        with self._commands.record.state.transaction() as txn:
            review = self.desk.opened(txn, asked.id)
            trial = trial_of(txn, person, now)
            apart = self._apart(txn, asked.id, person, now)
            waiting = [
                row
                for row in desks.waiting(txn, asked.id, person, now, apart, GOLD if trial.begins else None)
                if (apps is None or row["app"] in apps) and (asked.severe or not row["severe"])
            ]
            taken = waiting[: asked.most]
            desks.hold(txn, asked.id, [row["unit_id"] for row in taken], person, now + LOCKED)
            kept = {row["unit_id"]: reviews.item(txn, asked.id, row["unit_id"]) for row in taken}
            done = desks.done_by(txn, asked.id, person)
        texts = review_texts(self.desk.store, list(kept))
        items = [_shown(row, kept[row["unit_id"]] or {}, review, texts.get(row["unit_id"], {})) for row in taken]
        for item in items:
            if any(rule.get("unit") == "session" for rule in item["rules"]):
                item["texts"] = item["texts"] | {"session": session_texts(self.desk.store, item["unit_id"])}
        known = bool(waiting) and trial.begins and waiting[0]["stratum"] == GOLD
        return {"items": items, "left": len(waiting), "done": done} | ({"trial": asdict(trial)} if known else {})

    def _apart(self, txn: Transaction, review_id: str, person: str, now: datetime) -> list[str]:
        """Who else judged here and does not yet count as one of the people that an answer needs."""
        others = desks.judges(txn, review_id) - {person}
        return [name for name, trial in trials(txn, others, now).items() if trial.failed]

    def skip(self, call: Call, asked: SkipItem) -> Row:
        """Put an answer off."""
        with self._commands.record.state.transaction() as txn:
            self._item(txn, asked)
            desks.skip(txn, asked.id, asked.unit_id, call.actor.name, self._commands.record.clock.now())
        return {"skipped": asked.unit_id}

    def draft(self, call: Call, asked: SaveDraft) -> Row:
        """Keep what was begun, redacted as everything is."""
        until = self._commands.record.clock.now() + LOCKED
        kept = json.loads(self.book.redact(json.dumps(asked.draft), asked.unit_id))
        with self._commands.record.state.transaction() as txn:
            self._item(txn, asked)
            desks.draft(txn, asked.id, asked.unit_id, call.actor.name, kept, until)
        return {"kept": True}

    def commit(self, call: Call, asked: CommitItem) -> Row:
        """Keep what a person says of an answer, and reveal what others say. Raises `NotFound`, `BadRows`."""
        said = [
            NewLabel(asked.unit_id, rule, verdict, note=asked.note, corrected=asked.corrected, review_id=asked.id)
            for rule, verdict in asked.verdicts.items()
        ]
        told = self._say(call, asked, said)
        return told | self._revealed(asked, call.actor.name)

    def undo(self, call: Call, asked: UndoItem) -> Row:
        """Take back what one said. Raises `NotFound` where one said nothing."""
        person, now = call.actor.name, self._commands.record.clock.now()

        def write(txn: Transaction) -> Row:
            self._item(txn, asked)
            said = {row["rule_id"]: row for row in labels.in_review(txn, asked.id) if _by(row, person, asked.unit_id)}
            if not labels.withdraw(txn, person, asked.unit_id, now):
                raise NotFound("what you said of this answer: you have said nothing of it, or have taken it back")
            last = next((row for row in said.values()), {})
            begun = {"verdicts": {rule: row["verdict"] for rule, row in said.items()}, "note": last.get("note")}
            desks.draft(txn, asked.id, asked.unit_id, person, begun, now + LOCKED)
            return {"undone": asked.unit_id}

        with self.book.taking:
            told: Row = self._commands.carry_out(call, asked, write)
        return told

    def disputes(self, call: Call, review_id: str) -> list[Row]:
        """Return what people disagree on, undecided; with the texts, and whether whoever asks may decide."""
        with self._commands.record.state.transaction() as txn:
            review = self.desk.named(txn, review_id)
            split = _split(labels.in_review(txn, review_id))
            kept = {unit: reviews.item(txn, review_id, unit) for unit, _ in split}
        seen = {
            unit for unit, item in kept.items() if item and (call.actor.apps is None or item["app"] in call.actor.apps)
        }
        texts = review_texts(self.desk.store, sorted(seen))
        return [
            {
                "unit_id": unit,
                "rule": _rule(review, kept[unit] or {}, rule),
                "said": [{name: row[name] for name in ("person", "verdict", "note")} for row in said],
                "may_decide": call.actor.name not in {row["person"] for row in said},
                "texts": texts.get(unit, {}),
            }
            for (unit, rule), said in split.items()
            if unit in seen
        ]

    def decide(self, call: Call, asked: DecideItem) -> Row:
        """Decide as a third person; of an unclear rule the answer is the example to add. Raises `NotFound`, `UsageError`."""
        with self._commands.record.state.transaction() as txn:
            split = _split(labels.in_review(txn, asked.id))
        said = split.get((asked.unit_id, asked.rule_id))
        if said is None:
            raise NotFound("a disagreement on this answer and rule (somebody may have decided it)")
        if call.actor.name in {row["person"] for row in said}:
            raise UsageError(
                "somebody decides who has not looked at it: two of you disagree, and a third person ends that"
            )
        note = asked.why.replace("_", " ") + (f": {asked.note}" if asked.note else "")
        label = NewLabel(asked.unit_id, asked.rule_id, asked.verdict, note=note, review_id=asked.id, adjudicated=True)
        told = self._say(call, asked, [label])
        if asked.why in {"unclear_rule", "missing_example"}:
            told["example"] = self._example(asked)
        return told

    def _say(self, call: Call, asked: CommitItem | DecideItem, said: Sequence[NewLabel]) -> Row:
        person = call.actor.name
        with self.book.taking:
            units = self.book.units([asked.unit_id], call.actor.apps)

            def write(txn: Transaction) -> Row:
                self._item(txn, asked)
                new = self.book.take_within(txn, person, said, units)
                desks.clear(txn, asked.id, asked.unit_id, person)
                return {"unit_id": asked.unit_id, "new": sum(new), "done": desks.done_by(txn, asked.id, person)}

            told: Row = self._commands.carry_out(call, asked, write)
        return told

    def _item(self, txn: Transaction, asked: CommitItem | DecideItem | SkipItem | SaveDraft | UndoItem) -> Row:
        self.desk.opened(txn, asked.id)
        found = reviews.item(txn, asked.id, asked.unit_id)
        if found is None:
            raise NotFound(f"this answer in review {asked.id} (it may have been erased)")
        return found

    def _revealed(self, asked: CommitItem, person: str) -> Row:
        """What graders and colleagues say, of the rules that were asked, and what was decided before."""
        now = self._commands.record.clock.now()
        with self._commands.record.state.transaction() as txn:
            said, known = labels.in_review(txn, asked.id), labels.adjudicated(txn, now, now)
        others = [
            {name: row[name] for name in ("person", "rule_id", "verdict")}
            for row in said
            if row["unit_id"] == asked.unit_id and row["person"] != person
        ]
        decided = [
            {"rule_id": rule, "verdict": known[asked.unit_id, rule][0]}
            for rule in asked.verdicts
            if (asked.unit_id, rule) in known
        ]
        machine = machine_verdicts(self.desk.store, asked.unit_id)
        of_rules = [row for row in machine if row["rule_id"] in asked.verdicts]
        return {"machine": of_rules, "others": others, "decided": decided}

    def _example(self, asked: DecideItem) -> str:
        """The answer as an example of the rule, as a policy file has them."""
        texts = review_texts(self.desk.store, [asked.unit_id]).get(asked.unit_id, {})
        label = "borderline" if asked.verdict == "cannot_judge" else asked.verdict
        example = {"id": f"r{asked.unit_id[:8]}", "label": label}
        example |= {"in": _last(texts, "input"), "out": _last(texts, "output")}
        told: str = yaml.safe_dump([example], sort_keys=False, allow_unicode=True)
        return told


def _by(row: Row, person: str, unit: str) -> bool:
    return bool(row["person"] == person and row["unit_id"] == unit and not row["adjudicated"])


def _split(said: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """What people disagree on and nobody has decided: (unit, rule) -> what they said."""
    by_item: dict[tuple[str, str], list[Row]] = {}
    for row in said:
        by_item.setdefault((row["unit_id"], row["rule_id"]), []).append(row)
    return {
        item: rows
        for item, rows in by_item.items()
        if len({row["verdict"] for row in rows}) > 1 and not any(row["adjudicated"] for row in rows)
    }


def _shown(row: Row, item: Row, review: Row, texts: Row) -> Row:
    """One answer as it is laid before a person: nothing of what anybody says of it."""
    desk = row["desk"] or {}
    return {
        "unit_id": row["unit_id"],
        "app": row["app"],
        "number": row["number"],
        "severe": bool(row["severe"]),
        "rules": [_rule(review, item, rule) for rule in item["rules"]],
        "draft": json.loads(desk["draft"]) if desk.get("draft") else {},
        "texts": texts,
    }


def _rule(review: Row, item: Row, rule: str) -> Row:
    """The words of a rule as they were when the review was opened, with two examples of each verdict at most."""
    for hash_ in item["policy_hash"].split():
        one = review["policies"].get(hash_, {})
        if rule in one.get("rules", {}):
            words = one["rules"][rule]
            kept = [
                example
                for label in ("violates", "complies")
                for example in [e for e in words["examples"] if e["label"] == label][: EXAMPLES // 2]
            ]
            return {**words, "id": rule, "policy": one["policy"], "version": one["version"], "examples": kept}
    return {"id": rule, "title": rule, "statement": "", "rationale": "", "severity": "", "examples": []}


def _last(texts: Row, side: str) -> str:
    """What was said last on one side of a turn, as plain text."""
    told = texts.get(f"{side}_value")
    if told:
        return str(told)
    try:
        messages = json.loads(texts.get(f"{side}_messages") or "[]")
        parts = [part.get("content") for part in messages[-1]["parts"] if part.get("type") == "text"]
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    return "\n".join(str(part) for part in parts)
