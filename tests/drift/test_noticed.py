"""What a cause names that somebody did is a change; who writes, or what was told already, is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.drift.cause import AT_ONCE, NOTHING
from monitor.drift.noticed import is_told, noticed
from tests.drift.test_served import FINDING

SWAP = "model changed from a to b on 2026-11-20"
SERVED = "the model was served otherwise: fingerprint fp_b went from 0 % to 100 % of calls on 2026-11-20"
TOLD = "release: v12, told for 2026-11-20 09:00 UTC"


@pytest.mark.parametrize(
    ("cause", "kinds"),
    [
        (NOTHING, []),
        (SWAP, ["model"]),
        (SERVED, ["model"]),
        (SERVED.removesuffix(" on 2026-11-20"), ["model"]),
        ("prompt_version 7 went from 3 % to 64 % of outputs on 2026-11-20", ["prompt"]),
        ("variant changed from a to b on 2026-11-20", ["other"]),
        (f"{SWAP}; release changed from 1 to 2 on 2026-11-20{AT_ONCE}", ["model", "release"]),
        (TOLD, []),
        (f"{SWAP}; {TOLD}{AT_ONCE}", ["model"]),
        ("traffic mix: model=b went from 10 % to 80 % of outputs", []),
        (
            "one heavy user, mia, went from 1 % to 40 % of user-hours on 2026-11-20; without that user little is left",
            [],
        ),
        ("", []),
    ],
)
def test_what_the_application_did_is_noticed_and_nothing_else(cause: str, kinds: list[str]) -> None:
    assert [event.kind for event in noticed(replace(FINDING, cause=cause))] == kinds


def test_findings_of_one_change_name_one() -> None:
    one, another = (
        noticed(replace(FINDING, metric=metric, cause=cause))[0]
        for metric, cause in [
            ("error", "model b went from 3 % to 80 % of outputs on 2026-11-20"),
            ("duration_ms", "model changed from a to b on 2026-11-20"),
        ]
    )
    assert one.key == another.key


@pytest.mark.parametrize(
    "other", [{"app": "help"}, {"cause": SWAP.replace("20", "21")}, {"cause": SWAP[:-15] + "c on 2026-11-20"}]
)
def test_elsewhere_another_day_or_to_something_else_is_another_change(other: dict[str, str]) -> None:
    [here] = noticed(replace(FINDING, cause=SWAP))
    [there] = noticed(replace(FINDING, **{"cause": SWAP, **other}))  # type: ignore[arg-type]  # texts
    assert here.key != there.key


def test_what_was_told_about_then_of_the_same_kind_is_what_was_noticed() -> None:
    [event] = noticed(replace(FINDING, cause=SWAP))
    told = replace(event, app=None, what="b is live", time=event.time - timedelta(minutes=50))
    assert is_told(event, told)
    assert not is_told(event, replace(told, kind="prompt"))
    assert not is_told(event, replace(told, app="help"))
    assert not is_told(event, replace(told, time=event.time - timedelta(hours=2)))
