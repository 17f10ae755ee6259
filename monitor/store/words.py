"""SQL of what machines and people said: the parts that reads of rates and of errors have in common."""

from __future__ import annotations

from typing import Final

from monitor.store.precedence import BY_MACHINE, CONTESTED, HUMAN, JUDGE, rank

BY_REVIEWER: Final = "label"
BY_ADJUDICATOR: Final = "adjudicated"
"""Versions of a grader that is a person; an adjudicator decides where others disagree."""

BELIEF: Final = f"""CASE WHEN {rank("g")} = {JUDGE} AND proposed IS NULL
    THEN coalesce(score, CASE verdict WHEN 'violates' THEN 1 WHEN 'complies' THEN 0 END) END"""
"""How sure a judge is of a violation by grade `g`, or its word where it does not say; NULL where no judge can tell."""

_NEWEST: Final = f"QUALIFY row_number() OVER (PARTITION BY unit_id, rule_id ORDER BY {rank('g')}, graded_at DESC) = 1"

WORDS_OF_PEOPLE: Final = f"""
    people AS (
        SELECT unit_id, rule_id, {rank("g")} = {CONTESTED} AS contested,
               CASE WHEN {rank("g")} < {CONTESTED} THEN verdict END AS label
        FROM said g WHERE starts_with(g.grader, '{HUMAN}') {_NEWEST}),
    planned AS (
        SELECT unit_id, rule_id, 1 - product(1 - p) AS label_probability FROM (
            SELECT unit_id, rule_id, plan, max(inclusion_probability) AS p FROM said
            WHERE starts_with(grader, '{HUMAN}') AND plan IS NOT NULL GROUP BY ALL)
        GROUP BY ALL)"""
"""Of the grades `said`: what stands of people, and how probable it was that somebody was asked."""

WORDS_OF_MACHINES: Final = f"""
    machine AS (SELECT unit_id, rule_id, verdict FROM said g WHERE {BY_MACHINE} {_NEWEST})"""
"""Of the grades `said`: the machine's word that stands."""
