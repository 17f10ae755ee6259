"""Each state of the page Review, reached as a person reaches it, for whoever looks: tests, and pictures for the documentation."""

from __future__ import annotations

from collections.abc import Iterator

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from plumbline.agent import Agent
from plumbline.api.review_questions import CloseReview, OpenReview
from plumbline.api.seat_questions import CommitItem, TakeItems
from tests.dashboards.test_browser import open_page
from tests.review.conftest import RULE, ask
from tests.review.watching import becomes, heading, key, says


def states(driver: Chrome, agent: Agent, url: str) -> Iterator[str]:
    """Yield the name of each state once it stands on the screen of `driver`, which looks at the dashboard at `url`."""
    open_page(driver, f"{url}/review")
    yield "none"
    review = str(ask(agent, OpenReview(size=40, rules=(RULE, "PRIV-01")))["id"])
    open_page(driver, f"{url}/review")
    yield "list"
    page = f"{url}/review?review={review}"
    open_page(driver, page)
    becomes(lambda: heading(driver))
    yield from _judging(driver)
    _split(agent, review)
    open_page(driver, f"{page}&part=Disagreements")
    says(driver, "They disagree because")
    yield "disagreement"
    yield from _deciding(driver)
    for _ in range(20):
        taken = ask(agent, TakeItems(review, most=1), "ana")["items"][0]
        ask(agent, CommitItem(review, taken["unit_id"], {RULE: "complies", "PRIV-01": "complies"}), "ana")
    open_page(driver, f"{page}&part=Results")
    says(driver, "You reviewed")
    yield "results"
    ask(agent, CloseReview(review))
    open_page(driver, page)
    says(driver, "Sign off")
    yield "closed"


def _judging(driver: Chrome) -> Iterator[str]:
    yield "item"
    key(driver, "2")
    says(driver, "Which rule?")
    yield "which-rule"
    for pressed, wanted in (("a", "next key is for this rule"), ("2", "You say: violates"), ("1", "You said:")):
        key(driver, pressed)
        becomes(lambda wanted=wanted: wanted in driver.page_source)  # type: ignore[misc]
    yield "reveal"
    key(driver, "n")
    says(driver, "A better answer")
    yield "note"


def show_note(driver: Chrome) -> None:
    """Bring the form of a note into sight: on a telephone it stands far below."""
    driver.execute_script("document.querySelector('textarea').scrollIntoView({block: 'center'})")


def _split(agent: Agent, review: str) -> None:
    unit = ask(agent, TakeItems(review, most=1), "ana")["items"][0]["unit_id"]
    ask(agent, CommitItem(review, unit, {RULE: "violates"}, note="refuses a plain question"), "ana")
    ask(agent, CommitItem(review, unit, {RULE: "complies"}), "ben")


def _deciding(driver: Chrome) -> Iterator[str]:
    for choice in ("violates", "The rule is unclear"):
        driver.find_element(By.XPATH, f"//label[.//p[text()='{choice}']]").click()
    driver.find_element(By.XPATH, "//button[.//p[text()='Decide']]").click()
    says(driver, "Decided.")
    yield "adjudication"
