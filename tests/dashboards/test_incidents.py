"""The page of incidents, and lists that are text: links, nothing active, a file in which nothing is a formula."""

from __future__ import annotations

import csv
import io
import re
from operator import itemgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.listing import FORMULA, Column, as_csv
from dashboards.views.incidents import packed
from plumbline.api.incident_questions import CloseIncident, NoteIncident, OpenIncident
from tests.dashboards.conftest import Served
from tests.dashboards.one_view import VIEWS, run, texts

JARGON = re.compile(
    r"e-value|newcombe|hajek|lower bound|upper bound|p-value|cusum| [<>]=? |[0-9a-f]{16}", re.IGNORECASE
)


def test_an_incident_shows_who_has_it_what_happened_and_what_to_do(full: Served) -> None:
    page = run("incidents", full.url, full.token, {"incident": "1"})
    said = texts(page)
    assert not page.exception
    assert "opened by mira <b>x</b>" in said
    assert "# What to do" in said
    assert "harm 2, reach 3, reversibility 2 of 3" in said
    assert [title.value.replace("\\", "") for title in page.title] == ["30 % of answers of shop break *kindness*"]


def test_incidents_are_a_list(full: Served) -> None:
    page = run("incidents", full.url, full.token)
    assert "mira" in texts(page)
    assert not page.dataframe


def test_one_is_written_into_and_closed_from_the_page(full: Served) -> None:
    page = run("incidents", full.url, full.token, {"incident": "1"})
    full.agent.asked.clear()
    next(area for area in page.text_area if area.label == "Text").input("rolled back")
    next(button for button in page.button if button.label == "Write it down").click().run()
    next(area for area in page.text_area if area.label == "What was learnt").input("enough")
    next(button for button in page.button if button.label == "Close it").click().run()
    acted = [one for one in full.agent.asked if isinstance(one, (NoteIncident, CloseIncident))]
    assert acted == [NoteIncident(1, "rolled back"), CloseIncident(1, "enough")]


def test_an_alert_becomes_an_incident_at_the_press_of_a_button(full: Served) -> None:
    page = run("alerts", full.url, full.token, {"alert": "a1b2c3d4e5f60001"})
    next(button for button in page.button if button.label == "Open an incident").click().run()
    assert any(isinstance(one, OpenIncident) for one in full.agent.asked)


def test_a_bundle_is_one_archive() -> None:
    assert packed({"a.json": "{}"}).startswith(b"PK")


@given(st.lists(st.text(alphabet=st.sampled_from("=+-@\t\r\n a\"',;\0"), max_size=12), min_size=1, max_size=5))
def test_nothing_in_a_file_is_a_formula(cells: list[str]) -> None:
    columns = [Column(f"c{n}", itemgetter(n)) for n in range(len(cells))]
    file = as_csv(columns, [cells])
    for row in csv.reader(io.StringIO(file.replace("\0", ""))):
        assert not [field for field in row if field.strip().startswith(("=", "+", "-", "@"))]
    assert FORMULA


@pytest.mark.parametrize("view", ["overview", "alerts", "drift", "incidents"])
def test_a_list_shows_no_jargon_and_no_id_but_under_how_we_know(view: str, full: Served) -> None:
    page = run(view, full.url, full.token, {"range": "all"})
    folded = {str(text.value) for expander in page.expander for text in expander.text}
    shown = [str(one.value) for kind in (page.text, page.title, page.subheader, page.markdown) for one in kind]
    primary = [words for words in shown if words not in folded and not words.startswith("<")]
    assert [words for words in primary if JARGON.search(words.replace("\\", ""))] == []
    assert view in VIEWS
