"""In the texts of a trace one value has one placeholder, however it is written, and a published test value says that it is one."""

import re

import pytest

from collectors.redaction.redact import Redactor
from monitor.graders.leaks import Kind, PersonalData
from monitor.privacy.canonical import canonical
from monitor.privacy.nobodys import publisher
from monitor.privacy.patterns import KINDS, PLACEHOLDER
from tests.graders.support import word

REDACTOR = Redactor(b"k" * 32, KINDS)


def told(text: str, scope: str = "4bf92f3577b34da6a3ce929d0e0e4736") -> str:
    (placeholder,) = PLACEHOLDER.findall(REDACTOR.text(text, scope))
    return str(placeholder)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ruth.P@posta.it", "ruth.p@POSTA.IT"),
        ("ruth@posta.it", "ruth [at] posta [dot] it"),
        ("ruth@posta.it", "\uff52\uff55\uff54\uff48\uff20posta.it"),
        ("5412 7512 3412 3452", "5412751234123452"),
        ("+49 171 234 5678", "0171 2345678"),
        ("DE02 1203 0000 0000 2020 51", "DE02120300000000202051"),
    ],
)
def test_one_value_in_two_forms(one: str, other: str) -> None:
    assert told(f"call {one} now") == told(f"call {other} now")
    assert told(f"call {one} now") != told(f"call {one} now", "another trace")


def test_where_ids_stand_the_form_is_part_of_the_id() -> None:
    """Placeholders that are stable everywhere were stored as the ids were written; to change them would split users."""
    assert told("Ruth@posta.it", "") != told("ruth@posta.it", "")


@pytest.mark.parametrize(
    "value", ["kim@example.org", "4242 4242 4242 4242", "GB82 WEST 1234 5698 7654 32", "192.0.2.7"]
)
def test_a_published_value_says_so_and_is_no_leak(value: str) -> None:
    redacted = REDACTOR.text(f"Use {value} here.", "t")
    assert re.search(r"<[A-Z]+_TEST_[0-9a-f]{4}>", redacted)
    kinds: tuple[Kind, ...] = ("email", "card", "iban", "ip")
    assert word(PersonalData(kinds=kinds), redacted).verdict == "complies"
    assert word(PersonalData(kinds=kinds, test_values="count"), redacted).verdict == "violates"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "ruth@posta.it"),
        ("email", "a@example.org.posta.it"),
        ("card", "5412751234123452"),
        ("phone", "0171 2345678"),
    ],
)
def test_others_are_somebodys(kind: str, value: str) -> None:
    assert publisher(kind, canonical(kind, value)) is None
