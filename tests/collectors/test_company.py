"""A small group waits a moment where that has brought company lately, and for nobody else."""

from __future__ import annotations

from collectors.company import FEW, HOPE, RECENT_S, TRIED_EVERY, Company

NEAR_S = RECENT_S / 2


def waits(company: Company, groups: int, *, apart_s: float = NEAR_S, came: int = 0, bodies: int = 1) -> int:
    """How many of so many groups wait, when every moment brings `came` bodies."""
    waited = 0
    for _ in range(groups):
        at = max(company.last_s, 0.0) + apart_s
        if company.worth(bodies, at):
            waited += 1
            company.came(came)
    return waited


def test_where_company_comes_every_small_group_waits() -> None:
    assert waits(company := Company(), 1) == 0, "the first has nobody near"
    assert waits(company, 100, came=1) == 100


def test_a_client_that_sends_body_after_body_is_hardly_ever_kept_waiting() -> None:
    waits(company := Company(), 1)
    assert waits(company, 320) <= HOPE + 320 // TRIED_EVERY


def test_one_that_was_given_up_is_found_again_once_others_come() -> None:
    waits(company := Company(), 1)
    waits(company, 100)
    assert waits(company, TRIED_EVERY + 50, came=2) >= 50


def test_neither_large_groups_nor_rare_ones_wait() -> None:
    waits(company := Company(), 1)
    assert waits(company, 50, came=1, bodies=FEW) == 0
    assert waits(company, 50, came=1, apart_s=2 * RECENT_S) == 0
    assert waits(company, 1, bodies=0) == 0
