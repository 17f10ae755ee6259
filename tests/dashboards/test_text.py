"""Text and numbers as they are shown."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from dashboards.numbers import change, count, measure, money, share, share_interval, took, when, wilson
from dashboards.text import JOINER, as_sentence, label, one_line, parsed, pretty_json, visible
from dashboards.views.chat import answered, conversation
from dashboards.words import NOTHING, circumstances
from tests.support.generated_texts import HOSTILE


@given(st.text(max_size=300))
def test_a_label_escapes_every_mark_of_markdown(text: str) -> None:
    shown = label(text)
    bare = shown.replace("\\\\", "")
    for place, character in enumerate(bare):
        if character in "*_`[]()<>!#$:&~|@.":
            assert bare[place - 1] == "\\"
    assert "\n" not in shown


@pytest.mark.parametrize("text", HOSTILE)
def test_a_label_of_hostile_text_keeps_no_tag_and_no_link(text: str) -> None:
    shown = label(text)
    assert "<script" not in shown.replace("\\<", "")
    assert "](" not in shown


@pytest.mark.parametrize(
    "text", ["kim@example.org", "http://evil.example/x", "see WWW.evil.example", "xmpp:a@b.example/c"]
)
def test_nothing_in_a_label_is_made_a_link_of(text: str) -> None:
    shown = label(text).replace("\\", "")
    assert not re.search(r"@\w|://|www\.", shown, re.IGNORECASE)
    assert shown.replace(JOINER, "") == text


def drawn(text: str, places: list[tuple[int, int]]) -> tuple[list[str], list[str]]:
    """What `marked` draws: lines that are plain, and lines that are Markdown."""
    page = AppTest.from_function(_marked, kwargs={"text": text, "places": places}).run()
    assert not page.exception
    return [one.value for one in page.text], [one.value for one in page.markdown]


def _marked(text: str, places: list[tuple[int, int]]) -> None:
    from dashboards.text import marked  # noqa: PLC0415 the function is run as a script of its own

    marked(text, places)


def test_the_place_is_flagged_in_its_line_and_the_others_are_plain() -> None:
    text = "Dear *Kim*,\n  write to kim@example.org, now.\n\nBye"
    start = text.index("kim@")
    plain, lines = drawn(text, [(start, start + 15)])
    assert plain == ["Dear *Kim*,", "Bye"]
    assert lines == [f"write to :red-background[:material/flag: kim\\@{JOINER}example\\.org]\\, now\\."]


def test_a_place_over_several_lines_is_marked_in_each() -> None:
    plain, lines = drawn("one\ntwo\nthree", [(2, 9)])
    assert plain == []
    assert [line.count(":material/flag:") for line in lines] == [1, 1, 1]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_marked_hostile_text_keeps_no_tag_and_no_link(text: str) -> None:
    _, lines = drawn(text, [(0, len(text))])
    shown = "".join(lines)
    assert "<script" not in shown.replace("\\<", "")
    assert "](" not in shown


@given(st.text())
def test_visible_text_has_no_control_or_direction_characters(text: str) -> None:
    assert not set(visible(text)) & set("\x00\x07\x1b\u202e\u2066\u200b\ufeff")


def test_long_text_is_cut_with_a_count() -> None:
    assert visible("a" * 30, cap=10) == "a" * 10 + "\n[20 more characters]"


def test_one_line_folds_blanks_and_keeps_unknown() -> None:
    assert one_line("a\n\n  b") == "a b"
    assert one_line(None) is None
    assert one_line("x" * 500, 10) == "x" * 9 + "…"


def test_json_that_is_none_is_shown_as_it_is() -> None:
    assert pretty_json("{not json") == "{not json"
    assert pretty_json('{"a":"ü"}') == '{\n  "a": "ü"\n}'
    assert parsed(None, []) == []
    assert parsed("[" * 100_000, "deep") == "deep"


def test_a_sentence_begins_and_ends_as_one() -> None:
    assert as_sentence("the interval holds 0") == "The interval holds 0."
    assert as_sentence("") == ""


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (share(None), "not known"),
        (share(0.124), "12.4 %"),
        (share(0.00431), "0.43 %"),
        (share(0.0), "0.0 %"),
        (share_interval(0.11, 0.139), "11.0 to 13.9 %"),
        (share_interval(None, 0.1), "interval not known"),
        (count(1204), "1,204"),
        (took(None), "not known"),
        (took(840), "840 ms"),
        (took(1449), "1.4 s"),
        (took(90_000), "1.5 min"),
        (took(8_640_000), "2.4 h"),
        (took(-300), "-300 ms"),
        (took(400_000_000), "4.6 days"),
        (money(None), "not known"),
        (money(0.0), "$0.00"),
        (money(0.0018), "$0.0018"),
        (money(-5.5e-5), "$-0.000055"),
        (money(1234.5), "$1,234.50"),
        (measure("rule:refusal", 0.5), "50.0 %"),
        (measure("output_chars", 590.0), "590"),
        (change("error", -0.104), "-10.4 points"),
        (change("duration_ms", -80.0), "-80 ms"),
        (when(datetime(2026, 11, 20, 2, 5)), "20 Nov 2026, 02:05 UTC"),  # noqa: DTZ001 as the store has it
        (when(datetime(2026, 11, 20, 2, 5, tzinfo=UTC)), "20 Nov 2026, 02:05 UTC"),
        (when("2026-11-20T02:05:00"), "20 Nov 2026, 02:05 UTC"),
        (when(None), "not known"),
    ],
)
def test_numbers_and_times(shown: str, expected: str) -> None:
    assert shown == expected


def test_the_score_interval_agrees_with_a_published_value() -> None:
    """Newcombe 1998, table I: 81 of 263 gives .2553 to .3662."""
    low, high = wilson(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("content", "is_answered"),
    [
        ({"input_value": "Hi", "output_value": "Hello"}, True),
        ({"input_value": "Hi"}, False),
        ({"system_text": "Be kind."}, False),
        ({"input_messages": '[{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]'}, False),
        ({"input_value": "Hi", "output_messages": '[{"role": "tool", "content": "c"}]'}, True),
    ],
)
def test_a_question_without_an_answer_is_noticed(content: dict[str, str], is_answered: bool) -> None:
    assert answered(conversation(content)) is is_answered


def test_a_change_says_since_when_after_what_and_whether_it_goes_on() -> None:
    row = {
        "since": "2026-09-16T16:25:53",
        "cause": "model changed from m-1 to m-2 on 2026-09-16",
        "reason": "Median length of answers in shop went from 146 to 207 since then; it goes on, by +2.6 a day"
        "; also seen in prompt faq. How we know: it goes nowhere; e-value 1e9",
    }
    assert circumstances(row) == (
        "Since 16 Sep 2026, 16:25 UTC, after this: model changed from m-1 to m-2 on 2026-09-16. It goes on, by +2.6 a day."
    )
    unknown = row | {"cause": NOTHING, "reason": "It rose. How we know: e-value 7"}
    assert circumstances(unknown) == "Since 16 Sep 2026, 16:25 UTC, and nothing on record explains it."


def test_a_change_that_went_on_says_until_when() -> None:
    row = {
        "since": "2026-09-16T16:25:00Z",
        "cause": NOTHING,
        "reason": "It went up; it went on until 2026-10-02. How we know: it goes x",
    }
    assert circumstances(row).endswith("explains it. It went on until 2026-10-02.")
