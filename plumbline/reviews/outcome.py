"""What follows from a review: rates by application and rule, what nobody judged, how far people agree with each other and with graders."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from monitor.review.draw import CENSUS
from monitor.review.errors import Checked, errors
from monitor.review.planning import Cell, shared
from monitor.review.results import Group, bounds, more_to_decide, rate, saved
from monitor.review.telling import learnt, not_judged, sentence
from monitor.stats.agreement import agreement
from monitor.stats.erring import Errors
from monitor.stats.ranks import Floats

Row = dict[str, Any]
DECISIVE: Final = ("violates", "complies")
Guesser = Callable[[str, str, Mapping[str, bool], Mapping[str, bool]], Mapping[str, float]]
"""(app, rule, verdicts on what was drawn by lot, verdicts on picks) -> unit -> guess, of those drawn and of some that nobody judged."""


def no_guess(_app: str, _rule: str, _drawn: Mapping[str, bool], _picks: Mapping[str, bool]) -> Mapping[str, float]:
    """Guess nothing."""
    return {}


@dataclass(frozen=True)
class Words:
    """What was said of the items of one review: the last word of each person on each unit and rule, oldest first."""

    said: Mapping[tuple[str, str], Sequence[Row]]

    @classmethod
    def of(cls, labels: Iterable[Row]) -> Words:
        """Return labels by unit and rule."""
        by_item: dict[tuple[str, str], list[Row]] = {}
        for label in labels:
            by_item.setdefault((label["unit_id"], label["rule_id"]), []).append(label)
        return cls(by_item)

    def decided(self, unit: str | None, rule: str) -> str | None:
        """Return what stands: decided, or agreed on; None where nobody said anything, or where people disagree."""
        told = self.said.get((unit or "", rule), ())
        last = next((label["verdict"] for label in reversed(told) if label["adjudicated"]), None)
        verdicts = {label["verdict"] for label in told}
        return last or (verdicts.pop() if len(verdicts) == 1 else None)

    def first(self, unit: str | None, rule: str) -> str | None:
        """Return what whoever looked first says: one person's word, with one person's errors."""
        told = [label for label in self.said.get((unit or "", rule), ()) if not label["adjudicated"]]
        return told[0]["verdict"] if told else None

    def pairs(self, rule: str | None = None) -> list[tuple[bool, bool]]:
        """Return what two people said of one answer where both could tell; of one rule or of all."""
        found = []
        for (_, of), told in self.said.items():
            alone = [label["verdict"] for label in told if not label["adjudicated"] and label["verdict"] in DECISIVE]
            if len(alone) >= 2 and rule in {None, of}:
                found.append((alone[0] == "violates", alone[1] == "violates"))
        return found


def checked(words: Words, known: Mapping[tuple[str, str], str], since: Mapping[tuple[str, str], int]) -> Checked:
    """Return how often people were right where the verdict is `known`, and how often two of them split.

    `since` says with which label it was decided: what was said before that is why somebody had to decide, and tells of no error.
    """
    tried = [
        (known[item] == "violates", label["verdict"] == "violates")
        for item, told in words.said.items()
        if known.get(item) in DECISIVE
        for label in told
        if label["verdict"] in DECISIVE and not label["adjudicated"] and label["seq"] > since[item]
    ]
    pairs = words.pairs()
    return Checked(
        comply=sum(not truth for truth, _ in tried),
        alarms=sum(told and not truth for truth, told in tried),
        violate=sum(truth for truth, _ in tried),
        missed=sum(truth and not told for truth, told in tried),
        pairs=len(pairs),
        splits=sum(a != b for a, b in pairs),
    )


def together(parts: Iterable[Checked]) -> Checked:
    """Return the sum of several counts."""
    return Checked(*map(sum, zip((0,) * 6, *(astuple(part) for part in parts), strict=True)))


@dataclass(frozen=True)
class Outcome:
    """What a review is held against: its items, what was said, the answers there were, and how often its people err."""

    items: Sequence[Row]
    words: Words
    units: pl.DataFrame
    errors: Errors | None
    titles: Mapping[str, str]
    limits: Mapping[str, float]
    guesser: Guesser = no_guess
    sessions: Collection[str] = ()  # rules that are about sessions: they are rates of the answers with which one ended

    def rules(self) -> list[Row]:
        """Return what follows for each application and rule that was asked about."""
        asked = sorted({(item["app"], rule) for item in self.items for rule in item["rules"]})
        return [self._rule(app, rule) for app, rule in asked]

    def planned(self, more: int, rule: str | None = None) -> tuple[str, str, dict[str, int]] | None:
        """Return of which app and rule `more` labels narrow the rate most that is known least, and how many go to which stratum.

        None where everything is judged, or `rule` is not asked about.
        """
        open_ones = [
            told for told in self.rules() if rule in {None, told["rule_id"]} and (told["value"] is None or _width(told))
        ]
        for told in sorted(open_ones, key=_width, reverse=True):
            asked = [i for i in self.items if i["app"] == told["app"] and told["rule_id"] in i["rules"]]
            given = {one["stratum"]: one["n"] for one in self._which(asked, told["rule_id"], more)}
            if given:
                return told["app"], told["rule_id"], given
        return None

    def _rule(self, app: str, rule: str) -> Row:
        asked = [item for item in self.items if item["app"] == app and rule in item["rules"]]
        panel = [item for item in asked if item["inclusion_probability"] is not None and item["unit_id"]]
        judged = [item for item in panel if self._verdict(item, rule) is not None]
        found = sum(self._verdict(item, rule) == "violates" for item in judged)
        picks = [item for item in asked if item["inclusion_probability"] is None]
        groups = list(
            self._groups(app, rule, panel, self.guesser(app, rule, self._said(panel, rule), self._said(picks, rule)))
        )
        worth = saved([group for group, _ in groups])
        told = rate([group for group, _ in groups], self.errors)
        whole = bounds([group for group, _ in groups], [missing for _, missing in groups])
        census = bool(panel) and all(item["stratum"] == CENSUS for item in panel)
        return {
            "app": app,
            "rule_id": rule,
            "title": self.titles.get(rule, rule),
            "n_asked": len(panel),
            "n_judged": len(judged),
            "n_violations": found,
            **({"value": None, "low": None, "high": None} if told is None else asdict(told)),
            "bound_low": whole.low,
            "bound_high": whole.high,
            "sentence": sentence(len(judged), found, told, census=census and len(judged) == len(panel)),
            "which": self._which(asked, rule, len(judged)),
            "saved": worth,
            "learnt": learnt(worth),
            "not_judged": not_judged(len(panel) - len(judged), len(panel), whole),
            "picks": {
                "n": len(picks),
                "judged": sum(self.words.decided(item["unit_id"], rule) in DECISIVE for item in picks),
                "violations": sum(self.words.decided(item["unit_id"], rule) == "violates" for item in picks),
            },
            "agreement": asdict(agreement(self.words.pairs(rule))),
            "graders": self._graders(asked, rule),
            "limit": self.limits.get(rule),
            "more_to_decide": None
            if told is None or rule not in self.limits
            else more_to_decide(told, len(judged), self.limits[rule]),
        }

    def _verdict(self, item: Row, rule: str) -> str | None:
        """What an item counts as. Where errors are corrected it is one person's word, since that is what they are known of."""
        by = self.words.first if self.errors is not None and self.errors.known else self.words.decided
        told = by(item["unit_id"], rule)
        return told if told in DECISIVE else None

    def _which(self, asked: Sequence[Row], rule: str, more: int) -> list[Row]:
        """Where `more` labels would narrow the interval most, by stratum of the panel."""
        strata: dict[str, list[Row]] = {}
        for item in asked:
            if item["inclusion_probability"] is not None:
                strata.setdefault(item["stratum"], []).append(item)
        told = {name: [self._verdict(item, rule) for item in items] for name, items in strata.items()}
        cells = [
            Cell(
                round(len(items) / items[0]["inclusion_probability"]),
                sum(verdict is not None for verdict in told[name]),
                sum(verdict == "violates" for verdict in told[name]),
            )
            for name, items in strata.items()
        ]
        return (
            [{"stratum": name, "n": n} for name, n in zip(strata, shared(cells, more), strict=True) if n]
            if cells
            else []
        )

    def _said(self, asked: Sequence[Row], rule: str) -> dict[str, bool]:
        """What stands of items: unit -> whether it violates."""
        told = {item["unit_id"]: self._verdict(item, rule) for item in asked}
        return {unit: verdict == "violates" for unit, verdict in told.items() if unit and verdict}

    def _groups(
        self, app: str, rule: str, panel: Sequence[Row], guesses: Mapping[str, float]
    ) -> Iterator[tuple[Group, Floats]]:
        """Answers by what graders said of them, with the weights of those that nobody judged."""
        says = pl.col("broken").list.contains(rule).fill_null(value=False)
        units = self.units.filter(pl.col("inside") & (pl.col("app") == app)).with_columns(says=says)
        if rule in self.sessions:
            units = units.filter("ends")
        where = {unit: (band, flag) for unit, band, flag in units.select("unit_id", "band", "says").iter_rows()}
        drawn = {item["unit_id"] for item in panel}
        others: dict[tuple[str, bool], list[float]] = {}
        for unit, guess in guesses.items():
            if unit not in drawn and unit in where:
                others.setdefault(where[unit], []).append(guess)
        for *key, n in sorted(units.group_by("band", "says").len().iter_rows()):
            mine = [item for item in panel if where.get(item["unit_id"]) == tuple(key)]
            judged = [item for item in mine if self._verdict(item, rule) is not None]
            weights = np.array([1 / item["inclusion_probability"] for item in judged])
            violates = np.array([float(self._verdict(item, rule) == "violates") for item in judged])
            lacking = [item for item in mine if self._verdict(item, rule) is None]
            told = np.array([guesses[item["unit_id"]] for item in judged if guesses])
            group = Group(n, weights, violates, told, np.array(others.get((key[0], key[1]), [])))
            yield group, np.array([1 / item["inclusion_probability"] for item in lacking])

    def _graders(self, asked: Sequence[Row], rule: str) -> Row:
        """How often graders and people say the same, of all that both judged, picks too: cases, not rates."""
        judged = {item["unit_id"]: self.words.decided(item["unit_id"], rule) for item in asked}
        rows = self.units.select("unit_id", "broken", "decided").iter_rows()
        machine = {unit: rule in (broken or ()) for unit, broken, decided in rows if rule in (decided or ())}
        both = [
            (machine[unit], said == "violates") for unit, said in judged.items() if said in DECISIVE and unit in machine
        ]
        return {
            "n": len(both),
            "agree": sum(flag == violates for flag, violates in both),
            "missed": sum(violates and not flag for flag, violates in both),
            "false_alarms": sum(flag and not violates for flag, violates in both),
            "silent": sum(said in DECISIVE and unit not in machine for unit, said in judged.items()),
        }


def _width(told: Row) -> float:
    """How little is known of a rate; of one of which nobody judged anything, nothing is."""
    return 1.0 if told["low"] is None else float(told["high"] - told["low"])


def own_errors(parts: Iterable[Checked]) -> Errors | None:
    """Return how often the people of several reviews err."""
    return errors(together(parts))
