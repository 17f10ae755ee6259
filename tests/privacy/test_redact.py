"""Redaction of whole frames: every column, every depth, every escape; stable within a trace; failing closed."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collectors.batch import Batch
from collectors.frames import to_tables
from collectors.redaction.likely import FEW, _asked, _found, any_of
from collectors.redaction.redact import NAMES, OURS, PEOPLE, Redactor
from collectors.redaction.terms import HEADER, hashed, pattern_problem, read_terms
from monitor.errors import ConfigError
from monitor.model.rows import TABLES
from monitor.privacy.escapes import plain_view
from monitor.privacy.patterns import KINDS

KEY = b"k" * 32
MAIL = "kim.lee@example.org"
TRACE = "ab" * 16


def redactor(**more: Any) -> Redactor:
    return Redactor(KEY, KINDS, **more)


def stored(batch: Batch, using: Redactor | None = None) -> dict[str, list[dict[str, Any]]]:
    tables = to_tables(batch, using or redactor())
    return {name: pl.read_ipc_stream(data).to_dicts() for name, data in tables.items()}


DEPTHS = {
    "plain": MAIL,
    "JSON": json.dumps({"to": MAIL}),
    "JSON in JSON": json.dumps({"arguments": json.dumps({"to": MAIL})}),
    "JSON in JSON in JSON": json.dumps([json.dumps({"a": json.dumps({"to": MAIL})})]),
    "escaped at sign": json.dumps({"to": MAIL}).replace("@", "\\u0040"),
    "escaped at sign, twice": json.dumps(json.dumps({"to": MAIL}).replace("@", "\\u0040")),
    "all escaped": json.dumps("".join(f"\\u{ord(c):04x}" for c in MAIL)),
    "after a newline": json.dumps({"text": f"hello\n{MAIL}\nbye"}),
    "after a newline, twice": json.dumps({"text": json.dumps(f"hello\n{MAIL}\nbye")}),
    "URL": f"https://x.test/?to={quote(MAIL, safe='')}&y=1",
    "URL in URL": quote(f"https://x.test/?to={quote(MAIL, safe='')}", safe=""),
    "HTML": f"<a href='mailto:{MAIL.replace('@', '&#64;')}'>",
    "HTML in HTML": html.escape(MAIL.replace("@", "&#x40;")),
    "Python": repr({"to": MAIL}),
}


@pytest.mark.parametrize("name", DEPTHS)
def test_no_escape_hides_an_address(name: str) -> None:
    text = DEPTHS[name]
    told = redactor().text(text, TRACE)
    assert "example.org" not in told.replace("%2E", ".")
    assert "kim.lee" not in plain_view(told).plain
    if name.startswith("JSON") or "escaped" in name or "newline" in name:
        assert type(json.loads(told)) is type(json.loads(text))


def test_the_same_address_looks_the_same_however_it_is_written() -> None:
    tokens = {
        redactor().text(text, TRACE)[-12:] for text in (MAIL, MAIL.replace("@", "\\u0040"), MAIL.replace("@", "%40"))
    }
    assert len(tokens) == 1


def test_a_bare_number_in_json_stays_json() -> None:
    told = json.loads(redactor().text('{"card": 4111111111111111, "n": 3, "ok": true}', TRACE))
    assert told["card"].startswith("<CARD_")
    assert (told["n"], told["ok"]) == (3, True)


@given(st.text(alphabet=st.sampled_from('ab1@.%4 0\\"u/n&#;:é<'), max_size=60))
def test_a_view_leads_back_to_the_text(text: str) -> None:
    """Every place of the plain view has its place in the original; they are in order and cover it."""
    view = plain_view(text)
    reached = 0
    for place in range(len(view.plain)):
        start, end = view.original(place, place + 1)
        assert start == reached
        assert end > start
        reached = end
    assert reached == len(text)


@given(
    st.recursive(
        st.text(max_size=20) | st.just(MAIL) | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    )
)
def test_json_of_any_depth_stays_json_without_the_address(value: Any) -> None:
    told = redactor().text(json.dumps([value, json.dumps(value)]), TRACE)
    json.loads(told)
    assert MAIL not in told


@pytest.mark.parametrize("kinds", [KINDS, ("email", "card"), ("phone",)], ids=lambda kinds: kinds[0])
def test_a_few_rows_are_redacted_as_they_are_among_many(kinds: tuple[str, ...]) -> None:
    """Columns of few rows are looked through as one, those of many side by side, short texts of one row by another engine."""
    texts = [*DEPTHS.values(), "nothing", "call 415-555-2671", "4111 1111 1111 1111", "AKIAIOSFODNN7EXAMPLE", None]
    names = [name for name, kind in TABLES["spans"].items() if kind == "str" and name != "trace_id"]
    few = pl.DataFrame(
        {"trace_id": [TRACE] * len(texts)}
        | {name: texts[place % 5 :] + texts[: place % 5] for place, name in enumerate(names)}
    )
    assert few.height <= FEW
    using = Redactor(KEY, kinds)
    alone, among = using.frame("spans", few), using.frame("spans", pl.concat([few] * (FEW // few.height + 1)))
    assert alone.equals(among.head(few.height))
    assert alone.equals(pl.concat([using.frame("spans", row) for row in few.iter_slices(1)]))
    assert not alone.equals(few)


PIECES = st.sampled_from(
    [*"aAdgGkvVzZ 0179.:-_/=@%&#;'\"\\([{)}]~", "sk-", "AKIA", "eyJ", "hf_", "secret", "PassWord", "pwd", "token", "SIG", "://", "authorization",
     " at ", "(at)", " dot ", "\\u", "\\n", "bc1", "0x", "12345678", "0123456789abcdef", "GB29 NWBK", "commat", "é", "\u017f", "\x1c", "\u2003", "\n", "@"]
)  # fmt: skip


@given(st.lists(st.lists(PIECES, max_size=20).map("".join) | st.none(), max_size=6))
@example(["pwd\x1c=hunter2", None])  # white space to Python alone
def test_a_short_text_is_likely_to_hold_something_by_whichever_engine_it_is_looked_through(
    texts: list[str | None],
) -> None:
    for patterns in (redactor()._all, redactor()._named):
        assert _found(texts, any_of(patterns)) == _asked(texts, any_of(patterns))


# -- columns


def text_columns() -> list[tuple[str, str]]:
    return [
        (table, column)
        for table, columns in TABLES.items()
        for column, kind in columns.items()
        if kind in {"str", "text"} and column not in OURS and table != "features"
    ]


@pytest.mark.parametrize(("table", "column"), text_columns())
def test_no_column_of_a_client_keeps_an_address(table: str, column: str) -> None:
    """Columns that are added later are redacted unless somebody says they are ours."""
    row: dict[str, Any] = dict.fromkeys(TABLES[table]) | {"trace_id": TRACE, column: f"to {MAIL}"}
    schema = {name: pl.String if kind in {"str", "text"} else pl.Int64 for name, kind in TABLES[table].items()}
    frame = pl.DataFrame([{name: row.get(name) for name in schema}], schema=schema)
    told = redactor().frame(table, frame)[column][0]
    assert told.startswith("to <EMAIL_")
    stable = column in NAMES | PEOPLE or "trace_id" not in schema
    assert (len(told.split("_")[1]) == 9) == stable


def test_names_of_things_keep_numbers_and_versions() -> None:
    batch = Batch()
    names = {"release": "10.2.30.4", "prompt_version": "415-555-2671", "response_id": "4111111111111111"}
    batch.add("spans", trace_id=TRACE, span_id="cd" * 8, time=1, received_at=1, name="n", **names)
    (span,) = stored(batch)["spans"]
    assert {name: span[name] for name in names} == names


def test_one_user_stays_one_user_in_every_trace_and_another_installation_cannot_tell() -> None:
    batch = Batch()
    for n in range(2):
        batch.add("spans", trace_id=f"{n:032x}", span_id="cd" * 8, time=1, received_at=1, name="n", user_id=MAIL)
    first, second = stored(batch)["spans"]
    assert first["user_id"] == second["user_id"]
    assert first["user_id"] != stored(batch, Redactor(b"other", KINDS))["spans"][0]["user_id"]


def test_placeholders_are_stable_within_a_trace_and_differ_between_traces() -> None:
    using = redactor()
    assert using.text(MAIL, "t1") == redactor().text(MAIL, "t1") != using.text(MAIL, "t2")


def test_what_cannot_be_redacted_is_dropped_counted_and_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = Batch()
    for n in ("1", "2"):
        batch.add("spans", trace_id=TRACE, span_id=n * 16, time=1, received_at=1, name="n")
        batch.add("content", trace_id=TRACE, span_id=n * 16, time=1, origin="span", output_value=f"{n} {MAIL}")

    def failing(self: Redactor, text: str, *rest: Any) -> str:
        if text.startswith("1"):
            raise RuntimeError
        return original(self, text, *rest)

    original = Redactor._redacted
    monkeypatch.setattr(Redactor, "_redacted", failing)
    using = redactor()
    tables = stored(batch, using)
    assert [row["output_value"] is None for row in tables["content"]] == [True, False]
    assert [row["flags"] for row in tables["spans"]] == ["redaction_failed", None]
    assert using.failed == 1


def test_redacting_twice_changes_nothing() -> None:
    text = f"{MAIL} 4111 1111 1111 1111 https://a:b@c.de Bearer 0123456789abcdef0"
    once = redactor().text(text, TRACE)
    assert redactor().text(once, TRACE) == once


# -- terms of your own


def test_patterns_of_your_own() -> None:
    terms = read_terms({"ticket": r"\bTCK-\d+\b"}, {}, KEY, "x")
    told = redactor(terms=terms).text(r'{"a":"TCK-12\nTCK-12, TCK-99x"}', TRACE)
    first, second, rest = told.partition("\\n")
    assert first.removeprefix('{"a":"') == rest.partition(",")[0]
    assert (first[:13], second) == ('{"a":"<TICKET', "\\n")
    assert "TCK-99x" in told


@pytest.mark.parametrize(
    ("name", "pattern", "problem"),
    [
        ("a b", "x", "must be letters"),
        ("a", "(", "not a regex"),
        ("a", r"(?=x)y", "not a regex"),
        ("a", r"x*", "matches the empty text"),
        ("a", r"x+", None),
    ],
)
def test_a_pattern_that_cannot_work_is_told_at_start(name: str, pattern: str, problem: str | None) -> None:
    told = pattern_problem(name, pattern)
    assert (told is None) == (problem is None)
    assert problem is None or problem in str(told)
    if problem is not None:
        with pytest.raises(ConfigError, match=r"collector\.redaction\.patterns"):
            read_terms({name: pattern}, {}, KEY, "plumbline.yaml")


def test_dictionaries_hold_no_names_and_find_them(tmp_path: Path) -> None:
    file = tmp_path / "customers.terms"
    file.write_text("\n".join(hashed(KEY, ["Acme", "Globex Corp.", "Émile Zola", ""])), encoding="utf-8")
    assert "acme" not in file.read_text(encoding="utf-8").lower()
    terms = read_terms({}, {"customer": str(file)}, KEY, "x")
    told = redactor(terms=terms).text("ACME, globex  corp and émile ZOLA; Acmes stay", TRACE)
    assert told.count("<CUSTOMER_") == 3
    assert told.endswith("; Acmes stay")
    other = read_terms({}, {"customer": str(file)}, b"another key", "x")
    assert redactor(terms=other).text("ACME", TRACE) == "ACME"


def test_a_dictionary_of_plain_names_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "customers.txt"
    file.write_text("Acme\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="plumbline terms"):
        read_terms({}, {"customer": str(file)}, KEY, "plumbline.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_terms({}, {"customer": str(tmp_path / "none")}, KEY, "plumbline.yaml")
    with pytest.raises(ValueError, match="line 2"):
        hashed(KEY, ["fine", "..."])
    assert hashed(KEY, []) == [HEADER]


BEHIND = {
    "card": "4111 1111 1111 1111",
    "card without spaces": "4111111111111111",
    "iban": "GB82WEST12345698765432",
    "ssn": "123-45-6789",
    "ip": "192.168.77.12",
    "mac": "aa:bb:cc:dd:ee:0f",
    "phone": "+1 415 555 2671",
    "wallet": "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "secret": "sk-abcdefghij0123456789ABCD",
    "AWS": "AKIAIOSFODNN7EXAMPLE",
    "password": "password=hunter2abc",
    "bearer": "Bearer abcdefghijklmnop123456",
}


@pytest.mark.parametrize(
    "escape", ["\\n", "\\t", "\\r", "\\u000a", "\\u0009", "\\\\n", "\\\\u000a", "%0A", "&#10;", "\\x0a"]
)
@pytest.mark.parametrize("name", BEHIND)
def test_the_letter_of_an_escape_hides_nothing_behind_it(name: str, escape: str) -> None:
    """`\\n4111...` is a card at the beginning of a line, not a word with an `n` in front; through hints and patterns."""
    value = BEHIND[name]
    hidden = value.split("=")[-1].split(" ")[-1]
    batch = Batch()
    place: dict[str, Any] = {"trace_id": TRACE, "span_id": "cd" * 8, "time": 1}
    batch.add("spans", **place, attrs=f'{{"a":"hello{escape}{value}"}}', error_message=f"log: x{escape}{value}")
    said = f'[{{"role":"user","parts":[{{"type":"text","content":"hi{escape}{value}"}}]}}]'
    batch.add("content", **place, origin="span", input_messages=said)
    (span,), (texts,) = (stored(batch)[table] for table in ("spans", "content"))
    assert [told for told in (span["attrs"], span["error_message"], texts["input_messages"]) if hidden in told] == []
