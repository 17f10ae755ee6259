"""What stands directly behind an escaped line break, tab or quote is found: the letter of the escape is no part of its word."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

import polars as pl
import pytest

from collectors.batch import Batch
from collectors.frames import to_tables
from collectors.redaction.redact import Redactor
from monitor.privacy.escapes import plain_view
from monitor.privacy.patterns import KINDS

KEY = "a1B2" * 8
VALUES = {
    "email": ("kim@example.org", "kim@"),
    "card": ("4111111111111111", "4111111"),
    "card in groups": ("4111 1111 1111 1111", "1111"),
    "IBAN": ("DE89370400440532013000", "DE89"),
    "IBAN in small letters": ("de89 3704 0044 0532 0130 00", "de89"),
    "SSN": ("078-05-1120", "1120"),
    "phone": ("+14155552671", "2671"),
    "phone, national": ("(415) 555-2671", "2671"),
    "IPv4": ("10.20.30.40", "10.20"),
    "IPv6": ("2001:db8::7:1", "db8"),
    "MAC": ("00:1b:44:11:3a:b7", "1b:44"),
    "Bitcoin": ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1"),
    "Bitcoin, script": ("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "3J98t1"),
    "Bitcoin, new": ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "bc1qar"),
    "Ethereum": ("0x52908400098527886E0F7030069857D2E4169EE7", "0x5290"),
    "OpenAI": (f"sk-{KEY}", KEY),
    "AWS": ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
    "JWT": ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", "eyJz"),
    "Telegram": ("123456789:AA" + "x1_" * 11, "123456789"),
    "password": ("password=hunter22x", "hunter22x"),
    "password behind tabs": ("password\t=\thunter22x", "hunter22x"),
    "password in JSON of many lines": ('"password"\n:\n"hunter22x"', "hunter22x"),
    "bearer": ("Bearer\tabcdef0123456789abcdef", "abcdef0123"),
    "URL": ("postgres://kim:hunter22x@h/db", "hunter22x"),
}
BLANKS = {"line feed": "\n", "tab": "\t", "return": "\r\n", "backspace": "\b", "quote": '"', "two": "\n\t"}


def as_json(text: str) -> str:
    return json.dumps({"text": text})


def as_code_points(text: str) -> str:
    told = as_json(text)
    for short, code in (("\\n", "\\u000a"), ("\\t", "\\u0009"), ("\\r", "\\u000D"), ("\\b", "\\u0008")):
        told = told.replace(short, code)
    return told


WRITTEN: dict[str, Callable[[str], str]] = {
    "JSON": as_json,
    "JSON in JSON": lambda text: as_json(as_json(text)),
    "JSON in JSON in JSON": lambda text: as_json(as_json(as_json(text))),
    "code points": as_code_points,
    "code points in JSON": lambda text: as_json(as_code_points(text)),
    "Python": repr,
    "URL": lambda text: quote(text, safe=" =:/@"),
}


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("name", VALUES)
def test_no_value_hides_behind_an_escape(name: str, written: str) -> None:
    """Through whole frames, since it is the cheap hint that may miss what the pattern would find."""
    value, told = VALUES[name]
    texts = [WRITTEN[written](f"see{blank}{value}{end}") for blank in BLANKS.values() for end in ("", "\n", "\tx")]
    batch = Batch()
    for number, text in enumerate(texts):
        batch.add("content", trace_id="ab" * 16, span_id=f"{number:016x}", time=1, origin="span", input_value=text)
    stored = pl.read_ipc_stream(to_tables(batch, Redactor(b"k" * 32, KINDS))["content"])["input_value"]
    assert [text for text in stored if told in plain_view(text).plain] == []
    if "JSON" in written or "code" in written:
        assert all(isinstance(json.loads(text), dict) for text in stored)
