"""Two hundred payloads in every text of a change, an incident, a policy and a review, in a real browser: nothing runs, nothing is fetched.

What the agent answers is taken as it is, and every text in it replaced, but for the few that say which of our own words to use.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import cycle, islice
from typing import Any, Final

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from monitor.clock import SystemClock
from monitor.policy import policies_in_force
from monitor.policy.telling import told
from plumbline.api import incident_questions, policy_questions, review_questions, seat_questions
from tests.dashboards.conftest import Served, utc_now
from tests.dashboards.running import CHROMIUM, dashboard
from tests.dashboards.test_browser import assert_harmless, open_page
from tests.support import fake_api
from tests.support.payloads import PAYLOADS
from tests.support.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium on this machine")]

LIST: Final = 50
"""Lines that a list shows."""

OWN: Final = {
    "fingerprint",
    "status",
    "state",
    "at",
    "label",
    "duty",
    "authority",
    "verdict",
    "outcome",
    "kind",
    "role",
}
"""Texts that choose among our own words, are ids of ours, or are times."""

OUTSIDE: Final = """return [...document.querySelectorAll('.stMainBlockContainer a[href]')]
    .map(link => link.href).filter(href => new URL(href).origin !== location.origin);"""
"""Links that lead out of the house; an id in the address of one of our pages is none."""


def spiked(value: Any, payloads: Iterator[str]) -> Any:
    """Return an answer with a payload for every text in it."""
    if isinstance(value, str):
        return next(payloads)
    if isinstance(value, Mapping):
        return {
            key: part if key in OWN or str(key).endswith("_at") else spiked(part, payloads)
            for key, part in value.items()
        }
    return [spiked(part, payloads) for part in value] if isinstance(value, (list, tuple)) else value


def from_(start: int) -> Iterator[str]:
    """Yield payloads without end, number `start` first."""
    return islice(cycle(PAYLOADS), start % len(PAYLOADS), None)


@pytest.fixture(scope="module")
def shown(hostile: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with dashboard(hostile.url, tmp_path_factory.mktemp("fields")) as url:
        yield url


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[type, Callable[[Any, Any], Any]]:
    """What the agent answers, to be changed for this test."""
    changed = dict(fake_api.ANSWERS)
    monkeypatch.setattr(fake_api, "ANSWERS", changed)
    return changed


def does_nothing(driver: Chrome, url: str, pages: Sequence[str]) -> None:
    """Open `pages` and demand that payloads are text on each of them, and nothing else."""
    for page in pages:
        open_page(driver, f"{url}/{page}")
        eventually(lambda: "pwned" in driver.find_element(By.TAG_NAME, "body").text)
        assert_harmless(driver)
        assert driver.execute_script(OUTSIDE) == []
        assert not driver.find_elements(By.CSS_SELECTOR, "[data-testid=stException]")


def a_change(number: int) -> dict[str, object]:
    now, texts = utc_now(), from_(number)
    names = ("metric", "app", "segment", "budget", "cause", "reason", "origin", "state_by", "state_reason")
    times = {name: now - timedelta(hours=2) for name in ("since", "since_low", "since_high")}
    sizes = {"reference_value": 0.1, "current_value": 0.3, "change": 0.2, "change_low": 0.1, "change_high": 0.3}
    fixed = {"id": f"hostile-{number}", "kind": "level", "detected_at": now, "state_at": now, "e_value": 9.0}
    return {name: next(texts) for name in names} | times | sizes | fixed | {"examples": "[]", "state": "accepted"}


def test_in_every_text_of_a_change(hostile: Served, shown: str, chrome: Chrome) -> None:
    for start in range(0, len(PAYLOADS), LIST):
        hostile.agent.store.insert("findings", [a_change(start + n) for n in range(LIST)])
        does_nothing(chrome, shown, ["drift?range=all", f"drift?finding=hostile-{start}", "?range=all"])


def test_in_every_text_of_an_incident(shown: str, chrome: Chrome, answers: dict[type, Any]) -> None:
    for start in range(0, len(PAYLOADS), LIST):
        rows = [spiked(fake_api.INCIDENT, from_(start + n)) | {"number": start + n} for n in range(LIST)]
        step = fake_api.INCIDENT["timeline"][0]  # type: ignore[index]  # a list of steps
        for alert in rows[0]["alerts"]:
            alert["examples"] = ["0" * 32]  # ids of traces
        whole = rows[0] | {"timeline": [spiked(step, from_(start + n)) for n in range(LIST)]}
        answers[incident_questions.Incidents] = lambda *_, rows=rows: rows
        answers[incident_questions.Incident] = lambda *_, whole=whole: whole
        does_nothing(chrome, shown, ["incidents", f"incidents?incident={start + 1}"])


def test_in_every_text_of_a_policy(shown: str, chrome: Chrome, answers: dict[type, Any]) -> None:
    [policy] = told(policies_in_force(None), SystemClock())
    for start in range(0, len(PAYLOADS), LIST):
        rules = [spiked(copy.deepcopy(policy["rules"][0]), from_(start + n)) | {"id": f"R{n}"} for n in range(LIST)]
        rules[0] |= {"allow": PAYLOADS[start : start + LIST], "cards": PAYLOADS[start : start + LIST]}
        known = [spiked({**policy, "rules": []}, from_(start)) | {"rules": rules}]
        answers[policy_questions.Policies] = lambda *_, known=known: known
        answers[policy_questions.Versions] = lambda *_, start=start: spiked(fake_api.VERSIONS, from_(start))
        answers[policy_questions.PromptCheck] = lambda *_, start=start: spiked(fake_api.PROMPTS, from_(start))
        does_nothing(chrome, shown, ["policy", "policy?rule=R0"])


REVIEW: Final = {
    "id": "review-1",
    "app": "shop",
    "closed_at": None,
    "signed_at": None,
    "signed_by": None,
    "minutes": "we met",
    "n_done": 1,
    "n_items": 2,
    "due_at": "2026-11-30T09:00:00+00:00",
    "opened_at": "2026-11-20T09:00:00+00:00",
    "opened_by": "ana",
    "seed": "seed",
}
RESULT: Final = {
    "title": "Help",
    "app": "shop",
    "rule_id": "HELP-01",
    "sentence": "You reviewed 10.",
    "learnt": "something",
    "not_judged": "two could not be judged",
    "picks": {"judged": 0},
    "graders": {"n": 0},
    "agreement": {"pairs": 0},
}
ITEM: Final = {
    "unit_id": "unit",
    "number": 1,
    "app": "shop",
    "severe": False,
    "draft": {},
    "rules": [
        {
            "id": "HELP-01",
            "title": "Help",
            "statement": "Help with it.",
            "policy": "starter",
            "version": "1",
            "examples": [{"label": "violates", "output": "no"}],
        }
    ],
    "texts": {
        "input_value": "a question",
        "output_value": "an answer",
        "context": [{"kind": "tool", "name": "look up", "asked": "q", "got": "a"}],
    },
}
SAID: Final = {"person": "ana", "verdict": "violates", "note": "clear"}


def test_in_every_text_of_a_review(shown: str, chrome: Chrome, answers: dict[type, Any]) -> None:
    for start in range(0, len(PAYLOADS), LIST):
        texts = [from_(start + n) for n in range(LIST)]
        reviews = [spiked(REVIEW, own) | {"id": f"review-{n}"} for n, own in enumerate(texts)]
        item = spiked(ITEM, from_(start))
        dispute = {"texts": item["texts"], "rule": item["rules"][0], "unit_id": "unit", "may_decide": True}
        dispute["said"] = [spiked(SAID, own) for own in texts]
        rules = [spiked(RESULT, own) | {"rule_id": f"{PAYLOADS[start]}{n}"} for n, own in enumerate(texts)]
        answers[review_questions.Reviews] = lambda *_, reviews=reviews: reviews
        answers[review_questions.ReviewResults] = lambda *_, rules=rules: {"rules": rules}
        answers[seat_questions.Disputes] = lambda *_, dispute=dispute: [dispute]
        answers[seat_questions.TakeItems] = lambda *_, item=item: {"items": [item], "left": 1, "done": 1}
        parts = ("Judge", "Disagreements", "Results")
        does_nothing(chrome, shown, [f"review?review=review-1&part={part}" for part in parts])
        open_page(chrome, f"{shown}/review")  # a table on a canvas: its texts are not in the page
        assert_harmless(chrome)
