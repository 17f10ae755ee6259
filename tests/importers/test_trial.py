"""`plumbline import --dry-run`: everything is read, nothing is written, and nobody's words or names are shown."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.dialects.table import table
from collectors.importers.formats import BY_NAME, FORMATS
from collectors.importers.meanings import KEPT, NOTHING, Meaning, meanings_in, words
from collectors.importers.readers import ImportItem
from collectors.importers.trial import HIDDEN, MAX_KEYS, Trial
from tests.cli.plumbline import Ran, plumbline
from tests.importers.importing import imported, lines

PEOPLE = ("Priya", "kim@example.org", "4111 1111 1111 1111", "u-4711", "s-0815")
TALK: dict[str, Any] = {
    "user": "u-4711",
    "session": "s-0815",
    "input": "I am Priya, kim@example.org",
    "output": "Priya",
    "model": "g",
    "input_tokens": 3,
    "card": "4111 1111 1111 1111",
    "metadata": {"customer": {"name": "Priya"}, "plan": "gold"},
}
SPAN = {
    "traceId": "a" * 32,
    "spanId": "b" * 16,
    "name": "chat",
    "startTimeUnixNano": "1790000000000000000",
    "attributes": [
        {"key": "gen_ai.request.model", "value": {"stringValue": "g"}},
        {"key": "user.id", "value": {"stringValue": "u-4711"}},
        {"key": "gen_ai.prompt.0.content", "value": {"stringValue": "Priya"}},
        {"key": "gen_ai.weather", "value": {"stringValue": "fine"}},
        {"key": "shop.aisle", "value": {"stringValue": "kim@example.org"}},
    ],
}
REQUEST = {"resourceSpans": [{"scopeSpans": [{"spans": [SPAN, {**SPAN, "traceId": "0" * 32}]}]}]}


def dry(tmp_path: Path, *arguments: str | Path) -> Ran:
    ran = plumbline("import", "--dry-run", *arguments, "--data-dir", tmp_path / "home", cwd=tmp_path)
    assert not (tmp_path / "home").exists()
    return ran


def keys(ran: Ran, name: str) -> dict[str, dict[str, Any]]:
    (found,) = (one for one in json.loads(ran.out)["formats"] if one["format"] == name)
    return {key["key"]: key for key in found["keys"]}


def test_it_writes_nothing_and_tells_how_each_column_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("input,answer,lang,output,cost_usd\nhi,hello,en,x,1\nhi,,de,,dear\n")
    before = sorted(tmp_path.iterdir())
    ran = dry(tmp_path, path, "--map", "output=answer", "--format", "json")
    assert sorted(tmp_path.iterdir()) == before
    told = json.loads(ran.out)
    assert (ran.code, told["dry_run"], told["accepted"], told["refused"]) == (1, True, 1, 1)
    assert told["rows"] == {"spans": 1, "content": 1, "refusals": 1}
    assert told["problems"][0].endswith("log.csv:3: `cost_usd` 'dear' is not a number")
    seen = {name: (key["understood"], key["field"], key["count"]) for name, key in keys(ran, "interactions").items()}
    assert seen == {
        "input": ("field", "input", 2),
        "answer": ("field", "output", 1),
        "lang": ("attribute", None, 2),
        "output": ("left out", "output is taken from answer", 1),
        "cost_usd": ("field", "cost_usd", 2),
    }
    assert keys(ran, "interactions")["lang"]["example"] == "en"


def test_the_table_for_people(tmp_path: Path) -> None:
    ran = dry(tmp_path, lines(tmp_path / "a.jsonl", TALK))
    assert ran.code == 0
    assert "interactions: one interaction a record" in ran.out
    assert "1 records in 1 files: 1 would be imported, 0 refused" in ran.out
    assert "kept as attribute" in ran.out
    assert "dry run, nothing was written: 1 items from 1 files (0 refused)" in ran.out


@pytest.mark.parametrize("form", ["table", "json"])
def test_no_person_is_shown(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    lines(folder / "a.jsonl", TALK, {"input": "x", "output": "y", "time": "kim@example.org"})
    lines(folder / "b.json", REQUEST)
    pl.DataFrame([{"input": "Priya", "output": "Priya", "kim@example.org": "x"}]).write_parquet(folder / "c.parquet")
    ran = dry(tmp_path, folder, "--format", form)
    assert ran.code == 1
    for person in PEOPLE:
        assert person not in ran.out + ran.error
    assert "<EMAIL_" in ran.out


def test_redaction_cannot_be_switched_off_for_it(tmp_path: Path) -> None:
    (tmp_path / "plumbline.yaml").write_text("collector: {redaction: {enabled: false}}\n")
    ran = dry(tmp_path, lines(tmp_path / "a.jsonl", TALK | {"mail_of_shop": "x", "shop": "kim@example.org"}))
    assert "kim@example.org" not in ran.out
    assert "<EMAIL_" in ran.out


@pytest.mark.parametrize("form", ["table", "json"])
def test_what_a_file_says_is_never_obeyed_by_the_terminal(tmp_path: Path, form: str) -> None:
    record = {
        "input": "a",
        "output": "b",
        "\x1b[31mkey\x9b": "\x1b]0;title\x07",
        "turn\u202eed": "\u202e",
        "n": "\r\x08",
    }
    ran = dry(tmp_path, lines(tmp_path / "a.jsonl", record, b"\x1b[2J{"), "--format", form)
    shown = ran.out + ran.error
    assert not {"\x1b", "\x07", "\x08", "\x9b", "\r", "\u202e"} & set(shown)
    assert "key" in shown


def test_a_wrong_column_is_told_without_obeying_the_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\x9b31minput,b\x7f\nx,y\n", encoding="utf-8")
    ran = dry(tmp_path, tmp_path / "a.csv", "--map", "output=zzz")
    assert (ran.code, ran.error.count("\n"), {"\x9b", "\x7f"} & set(ran.error)) == (2, 1, set())


def test_spans_by_attribute(tmp_path: Path) -> None:
    ran = dry(tmp_path, lines(tmp_path / "a.json", REQUEST), "--format", "json")
    told = json.loads(ran.out)
    assert (told["accepted"], told["refused"], told["formats"][0]["records"]) == (1, 1, 1)
    seen = keys(ran, "otlp")
    assert {name: (key["understood"], key["field"]) for name, key in seen.items()} == {
        "gen_ai.request.model": ("field", "request_model"),
        "user.id": ("field", "user_id"),
        "gen_ai.prompt.N.content": ("field", "input_messages"),
        "gen_ai.weather": ("unknown", "kept as attribute"),
        "shop.aisle": ("attribute", None),
    }
    assert seen["user.id"]["example"] == HIDDEN
    assert seen["user.id"]["count"] == 2


def test_a_dry_run_counts_what_an_import_takes(tmp_path: Path) -> None:
    records = [TALK, {"input": "a"}, b"no json", TALK | {"id": 1}, {"input": "a", "output": "b", "scores": {"s": 1}}]
    path = lines(tmp_path / "a.jsonl", *records)
    told = json.loads(dry(tmp_path, path, "--format", "json").out)
    with imported(tmp_path / "real", path) as done:
        assert (told["accepted"], told["refused"]) == (done.report.accepted, done.report.refused) == (3, 2)
        stored = {name: done.row(f"SELECT count(*) AS n FROM {name}")["n"] for name in ("spans", "scores")}
    assert {name: told["rows"][name] for name in stored} == stored


def test_files_that_cannot_be_read_are_refused_and_told(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing else")
    ran = dry(tmp_path, tmp_path / "a.parquet")
    assert (ran.code, "unknown: nothing that can be imported" in ran.out) == (1, True)
    assert "refused: " in ran.out


def trial() -> Trial:
    return Trial(lambda text: text, {}, table())


def test_keys_without_end_are_counted_and_not_kept() -> None:
    seen = trial()
    seen.see(BY_NAME["interactions"], ImportItem(1, {f"k{chr(0x4E00 + n)}": n for n in range(MAX_KEYS + 7)}))
    told = seen.formats["interactions"]
    assert (len(told.keys), told.more) == (MAX_KEYS, 7)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(st.text(), JSON), st.sampled_from(FORMATS))
def test_any_record_can_be_looked_at(record: dict[str, Any], format_: Any) -> None:
    seen = trial()
    raw = b"" if not format_.raw else json.dumps(record).encode("utf-8", "surrogatepass")
    seen.see(format_, ImportItem(1, None if format_.raw else record, raw=raw))
    told = seen.formats[format_.name]
    assert told.records == 1
    assert all(words(one.meaning) for one in told.keys.values())


@given(st.recursive(st.just("Priya"), lambda inner: st.lists(inner, min_size=1) | st.dictionaries(st.text(), inner)))
def test_words_of_a_text_field_are_never_shown(value: Any) -> None:
    seen = trial()
    seen.see(BY_NAME["interactions"], ImportItem(1, {"output": value}))
    assert "Priya" not in (seen.formats["interactions"].keys["output"].example or "")


def test_meanings() -> None:
    exposures = meanings_in(BY_NAME["exposures"], {"user": "who"}, table())
    assert exposures("who") == Meaning("field", "user")
    assert exposures("variant") == Meaning("field", "variant")
    assert exposures("colour") == NOTHING
    langfuse = meanings_in(BY_NAME["langfuse"], {}, table())
    assert langfuse("parentObservationId") == Meaning("field", "parent_id")
    azure = meanings_in(BY_NAME["azure-apim"], {}, table())
    assert azure("properties.promptTokens") == Meaning("field", "input_tokens")
    assert azure("Region") == KEPT
