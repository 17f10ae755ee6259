"""Each page over a full store, an empty one and one full of hostile text."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dashboards.verdicts import SHOWN, answer_of, excerpt, places
from dashboards.views.chat import conversation
from dashboards.views.overview import methods
from dashboards.words import value_words
from plumbline.api.grading_questions import GradeNow
from plumbline.api.questions import Report
from tests.dashboards.conftest import Served
from tests.dashboards.one_view import VIEWS, run, texts
from tests.dashboards.running import N_TURNS
from tests.support.generated_texts import HOSTILE

TRACE = f"{N_TURNS - 40:032x}"


@pytest.mark.parametrize("view", VIEWS)
def test_a_page_draws_over_a_full_store(view: str, full: Served) -> None:
    page = run(view, full.url, full.token)
    assert not page.exception
    assert texts(page)


@pytest.mark.parametrize("view", VIEWS)
def test_a_page_draws_over_an_empty_store(view: str, empty: Served) -> None:
    page = run(view, empty.url, empty.token)
    assert not page.exception


@pytest.mark.parametrize("view", VIEWS)
def test_a_page_draws_over_hostile_text(view: str, hostile: Served) -> None:
    assert not run(view, hostile.url, hostile.token).exception


def test_overview_says_the_state_in_one_sentence(full: Served) -> None:
    said = texts(run("overview", full.url, full.token))
    assert "1 alert is firing; refusal is violated in" in said
    assert "graded answers of support-assistant" in said
    assert "10,014 received = 10,000 stored + 12 duplicate + 2 refused" in said
    assert "Refused because: otlp-http: span without a trace id" in said


def test_texts_that_a_rule_dropped_are_not_asked_of_the_application(empty: Served) -> None:
    store, trace = empty.agent.store, "c" * 32
    row = {"trace_id": trace, "span_id": "d" * 16, "time": store.now, "received_at": store.now, "kind": "llm"}
    store.insert("spans", [row | {"name": "chat", "flags": "by_rule:output_messages"}])
    said = texts(run("traces", empty.url, empty.token, {"trace": trace, "range": "all"}))
    assert "A rule of yours (collector.fields) drops texts of this trace" in said
    assert "CAPTURE_MESSAGE_CONTENT" not in said


def test_of_two_spans_of_one_name_each_can_be_looked_at(empty: Served) -> None:
    store, trace = empty.agent.store, "e" * 32
    row = {"trace_id": trace, "time": store.now, "received_at": store.now, "kind": "llm", "name": "chat"}
    store.insert("spans", [row | {"span_id": digit * 16} for digit in "ab"])
    page = run("traces", empty.url, empty.token, {"trace": trace, "range": "all"})
    picker = page.selectbox(key=f"span-{trace}")
    picked = [picker.select(name).run().selectbox(key=f"span-{trace}").value for name in picker.options]
    assert picked == ["a" * 16, "b" * 16]


def test_a_method_is_named_once_without_the_counts_of_a_single_rate() -> None:
    rates = [
        {"method": "hajek-wilson; left out: 48 cannot_judge"},
        {"method": "hajek-wilson; left out: 2 not_graded"},
        {"method": "hajek-exact"},
    ]
    assert methods(rates) == "hajek-wilson or hajek-exact"


def test_overview_marks_demo_data(full: Served) -> None:
    shown = run("overview", full.url, full.token)
    assert any("demo data" in str(element.value) for element in shown.markdown)


def test_the_range_is_taken_from_the_address(full: Served) -> None:
    short, whole = (run("overview", full.url, full.token, {"range": name}) for name in ("24h", "all"))
    assert f"{N_TURNS:,} turns in this range" in texts(whole)
    assert f"{N_TURNS:,} turns in this range" not in texts(short)


def test_an_unknown_range_in_the_address_is_the_usual_one(full: Served) -> None:
    page = run("overview", full.url, full.token, {"range": "<script>"})
    assert not page.exception
    assert "turns in this range" in texts(page)


def test_a_trace_shows_its_conversation_verdicts_and_sampling(full: Served) -> None:
    page = run("traces", full.url, full.token, {"trace": TRACE})
    assert not page.exception
    said = texts(page)
    assert TRACE in said
    assert "Sampled with probability 1: rate 1.0: every turn is graded" in said
    assert [message.name for message in page.chat_message][-2:] == ["User", "Assistant"]
    assert all(f". {rule}, by " in said for rule in ("refusal", "length", "personal-data"))
    assert "Picked by the plan poisson:1: its number 0.250000 is below the rate 1 of shop." in said
    assert "Never help with *self-harm* (HARM-01): it waits for a judge." in said


def test_a_verdict_is_told_in_words_colour_and_a_mark_and_its_place_is_shown() -> None:
    answer = "x" * 80 + "call r.pellam@mailbox.example now"
    assert excerpt(answer, 85, 109) == ("…" + "x" * 55 + "call ", "r.pellam@mailbox.example", " now")
    assert excerpt(answer, 85, 500) is None
    assert excerpt(None, 0, 1) is None
    assert len({words for words, _, _ in SHOWN.values()}) == len({icon for _, icon, _ in SHOWN.values()}) == len(SHOWN)


def test_the_funnel_is_split_by_whom_was_spoken_to_and_names_no_code(full: Served) -> None:
    page = run("quality", full.url, full.token)
    page.selectbox(key="by").select("region").run()
    assert not page.exception
    assert any("do not say it" in str(one.value) for one in page.caption)
    assert [value_words(value) for value in ("EU", "(others)", None)] == [
        "EU",
        "all others, beyond the first 200",
        "not said",
    ]


def test_what_was_found_is_marked_in_the_answer_and_nowhere_else() -> None:
    said = [{"role": "assistant", "parts": [{"type": "text", "content": "call me"}]}]
    saw = [{"role": "assistant", "parts": [{"type": "tool_call"}, {"type": "text", "content": "Please call me."}]}]
    content = {"input_messages": json.dumps(said), "output_messages": json.dumps(saw)}
    grade = {"rule_id": "R", "grader": "banned", "verdict": "violates", "found_from": 7, "found_to": 14}
    answer = answer_of(content)
    parts = conversation(content, answer, places([grade, {**grade, "found_from": 0, "found_to": 2}], answer))
    assert [part.marks for part in parts] == [(), (), ((7, 14),)]
    assert places([{**grade, "verdict": "complies"}, grade], answer) == []
    assert conversation(content, "another text", [(0, 3)])[2].marks == ()


def test_the_text_that_was_graded_is_the_first_that_the_user_saw() -> None:
    messages = [
        {"role": "assistant", "parts": [{"type": "tool_call"}]},
        {"parts": [{"type": "text", "content": "Yes."}]},
    ]
    assert answer_of({"output_messages": json.dumps(messages)}) == "Yes."
    assert answer_of({"output_value": "No.", "output_messages": json.dumps(messages)}) == "No."
    assert answer_of({"output_messages": "[7"}) is None


def test_a_turn_is_graded_at_the_press_of_a_button(full: Served) -> None:
    page = run("traces", full.url, full.token, {"trace": TRACE})
    next(button for button in page.button if button.label == "Grade it now").click().run()
    assert GradeNow(TRACE) in full.agent.asked


def test_a_trace_nobody_knows_says_so(full: Served) -> None:
    assert "Nothing is stored under this trace id." in texts(run("traces", full.url, full.token, {"trace": "f" * 32}))


def test_next_and_previous_stay_in_the_list(full: Served) -> None:
    page = run("traces", full.url, full.token, {"trace": TRACE})
    older = next(button for button in page.button if button.label == "Older")
    older.click().run()
    assert page.session_state["went"] == ("traces", {"trace": f"{N_TURNS - 41:032x}"})


def test_the_list_filters_by_rule_and_text(full: Served) -> None:
    page = run("traces", full.url, full.token, {"rule": "refusal", "q": "unable to assist"})
    rows = page.dataframe[0].value
    assert len(rows)
    assert rows["output_text"].str.startswith("I am unable").all()


def test_the_list_can_be_turned(full: Served) -> None:
    page = run("traces", full.url, full.token)
    first = list(page.dataframe[0].value["time"])
    next(button for button in page.button if button.label == "Next").click().run()
    assert max(page.dataframe[0].value["time"]) <= min(first)
    assert "51 to 100 of" in texts(page)


def test_quality_names_the_method_and_the_sample(full: Served) -> None:
    said = texts(run("quality", full.url, full.token))
    assert "Score interval, uncorrected: no human labels" in said
    assert "graded of" in said


def test_drift_says_what_cannot_be_told_yet(full: Served) -> None:
    page = run("drift", full.url, full.token)
    assert "137 of 250 answers" in texts(page)


def test_a_finding_shows_size_cause_budget_and_examples(full: Served) -> None:
    page = run("drift", full.url, full.token, {"finding": "f1refusal0000001"})
    said = texts(page)
    [title] = page.title
    assert title.value.replace("\\", "") == "“refusal” is broken more often: 12.1 % instead of 1.7 %, support-assistant"
    assert "+10.4 points (+8.0 to +13.0 points)" in said
    assert "at most 1 false alarm per 365 days over 14 streams" in said
    assert "model changed from lumen-1 to lumen-2-mini at the same time" in said


def test_the_report_of_a_finding_is_fetched_on_request(full: Served) -> None:
    page = run("drift", full.url, full.token, {"finding": "f1refusal0000001"})
    full.agent.asked.clear()
    next(button for button in page.button if button.label == "Prepare the report").click().run()
    assert Report("f1refusal0000001") in full.agent.asked
    assert not page.exception


def test_a_finding_nobody_knows_says_so(full: Served) -> None:
    assert "no finding of this id" in texts(run("drift", full.url, full.token, {"finding": "x"}))


def test_an_experiment_says_its_decision_in_words(full: Served) -> None:
    said = texts(run("experiments", full.url, full.token))
    assert "plain: +1.1 points (+0.2 to +2.0 points). The interval lies above 0" in said
    assert "18 of 30 users per arm." in said


def test_an_alert_shows_its_trail_and_its_deliveries(full: Served) -> None:
    page = run("alerts", full.url, full.token, {"alert": "a1b2c3d4e5f60001"})
    assert "value 0.121 above 0.02" in texts(page)
    assert {"console", "oncall-webhook"} <= {str(words.value) for words in page.text}


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_text_is_shown_as_plain_text_only(number: int, hostile: Served) -> None:
    """Markdown, HTML and labels of the page may carry it only with every mark escaped."""
    page = run("traces", hostile.url, hostile.token, {"trace": f"{200 + number:032x}"})
    assert not page.exception
    shown = "\n".join(str(element.value) for element in (*page.markdown, *page.caption, *page.subheader))
    assert HOSTILE[number] not in shown
    assert "pwned" not in shown


def test_overview_needs_neither_pandas_nor_altair(full: Served) -> None:
    """They cost the first page more than a second and 60 MB."""
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.dashboards.one_view", full.url, str(full.token)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "overview 0 False False" in ran.stdout


def test_sources_are_listed_with_state_in_words_and_shares(full: Served) -> None:
    page = run("sources", full.url, full.token)
    said = "\n".join(str(words.value) for words in page.markdown).replace("\\", "")
    names = ["otlp-http", "invoice-reader", "support-assistant", "import:march.jsonl"]
    assert min(names, key=said.index) == "otlp-http"  # two of its spans were refused
    assert "look" in said
    assert "texts 100 %, tokens 100 %, users 100 %, arms 100 %" in texts(page)
    assert not page.dataframe
    assert "4 sources in this range" in texts(page)
    assert "all that was received is accounted for" in texts(page)


def test_a_source_shows_problems_with_fixes_to_copy(full: Served) -> None:
    page = run("sources", full.url, full.token, {"source": "invoice-reader"})
    assert not page.exception
    said = texts(page)
    assert "invoice-reader: " in said
    assert "No call has a cost" in said
    assert "prices:" in said
    assert "The rules know every GenAI-looking key" in said


def test_the_ledger_of_a_source_goes_day_by_day(full: Served) -> None:
    page = run("sources", full.url, full.token, {"source": "otlp-http", "range": "all"})
    (ledger,) = (frame.value for frame in page.dataframe if "received" in frame.value)
    assert list(ledger["received"]) == [10_014]
    assert list(ledger["why"]) == ["span without a trace id"]


def test_unknown_keys_and_their_spans_are_shown(empty: Served) -> None:
    store = empty.agent.store
    spans = [
        {
            "trace_id": f"{n:032x}",
            "span_id": f"{n:016x}",
            "kind": "llm",
            "dialect": "otel-genai",
            "unknown_keys": "gen_ai.x",
            "scope": "opentelemetry.instrumentation.genai.openai",
        }
        | {"time": store.now, "received_at": store.now, "app": "shop", "source": "shop"}
        for n in range(6)
    ]
    store.insert("spans", spans)
    store.insert(
        "unknown_keys", [{"day": store.now, "source": "shop", "dialect": "otel-genai", "key": "gen_ai.x", "n": 6}]
    )
    page = run("sources", empty.url, empty.token, {"source": "shop"})
    said = texts(page)
    assert "100.0 % of spans have a GenAI-looking key" in said
    assert "No call carries its texts (6 calls)" in said
    assert "export OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=span_only" in said
    assert any(list(frame.value.get("key", [])) == ["gen_ai.x"] for frame in page.dataframe)


def test_a_source_nobody_knows_says_so(full: Served) -> None:
    assert "Nothing of this source was received" in texts(run("sources", full.url, full.token, {"source": "x"}))


def test_an_empty_store_says_how_to_connect(empty: Served) -> None:
    page = run("sources", empty.url, empty.token)
    assert "Nothing was received in this range." in texts(page)
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318" in texts(page)


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_source_is_shown_as_plain_text_only(number: int, hostile: Served) -> None:
    page = run("sources", hostile.url, hostile.token, {"source": HOSTILE[number]})
    assert not page.exception
    shown = "\n".join(str(element.value) for element in (*page.markdown, *page.caption, *page.subheader))
    assert HOSTILE[number] not in shown
    assert "pwned" not in shown


def test_the_rules_are_told_by_title_gravest_first_with_whom_lacks_them(full: Served) -> None:
    page = run("policy", full.url, full.token)
    said = texts(page)
    assert "What the AI may and may not do" in said
    assert "lacks 1 rule of starter" in said.replace("\\", "")


def test_one_rule_says_what_it_asks_why_whose_it_is_and_whether_its_examples_hold(full: Served) -> None:
    page = run("policy", full.url, full.token, {"rule": "PRIV-01"})
    said = texts(page).replace("\\", "")
    [title] = page.title
    assert title.value.replace("\\", "") == "Never reveal another person's contact or payment data"
    assert "Why: It belongs to somebody who did not agree" in said
    assert "Owner: whoever runs this installation" in said
    assert "1.0.0 (active): activated 1 Nov 2026, 09:00 UTC by olga, approved by legal" in said
    assert "plumbline policy rollback starter" in said


def test_a_rule_that_is_gone_is_said_to_be(full: Served) -> None:
    assert "No policy in force has a rule GONE" in texts(
        run("policy", full.url, full.token, {"rule": "GONE-1"})
    ).replace("\\", "")


def test_quality_says_what_became_of_the_turns(full: Served) -> None:
    page = run("quality", full.url, full.token)
    assert next(metric.label for metric in page.metric) == "came"
    assert [metric.label for metric in page.metric][-1] == "got a verdict that decides"
