"""The last word on a unit and rule: which of several grades stands, as `monitor.store.precedence` has it."""

from __future__ import annotations

from typing import Final

from monitor.store.precedence import LATER

VERDICTS: Final = ("violates", "complies", "borderline", "cannot_judge", "not_graded")


def last_words(wanted: str) -> str:
    """Return SQL for the grades that pass `wanted` (of `g`) and are the last word on their unit and rule.

    A unit may be graded again by a newer policy. Only what passes is held against the others: ordering the grades of a year
    to answer with a few of them costs far more than the answer.
    """
    return f"(SELECT g.* FROM base.grades g ANTI JOIN base.grades l ON {LATER} WHERE {wanted})"


EVERY_LAST_WORD: Final = f"""(
    WITH rules AS (
        SELECT rule_id, 1::HUGEINT << (row_number() OVER () - 1)::INTEGER % 120 AS bit
        FROM (SELECT DISTINCT rule_id FROM base.grades)),
    again AS MATERIALIZED (
        SELECT unit FROM (SELECT hash(g.unit_id) AS unit, count(*) AS n, bit_or(r.bit) AS bits
                          FROM base.grades g JOIN rules r USING (rule_id) GROUP BY 1)
        WHERE n > bit_count(bits))
    SELECT unit_id, rule_id, verdict FROM base.grades WHERE hash(unit_id) NOT IN (FROM again)
    UNION ALL
    SELECT unit_id, rule_id, verdict FROM {last_words("hash(g.unit_id) IN (FROM again)")})"""
"""The last word on every unit and rule. Units with as many grades as rules have been graded once: only the others are compared."""
