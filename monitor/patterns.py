"""Personal data and secrets in text: patterns that can run on anything in linear time, each with its own check.

Payment cards carry the Luhn check digit (ISO/IEC 7812), IBANs the remainder 97 (ISO 13616); what fails its check is left
alone. Every repetition is bounded and no repetition contains another unbounded one, so that hostile text cannot make a pattern
slow. Not for names and places: those need a language model, and an opinion on what is personal.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

Span = tuple[int, int, str]
"""Start, end and kind of something found."""


@dataclass(frozen=True)
class Pattern:
    """One kind of data: how it looks, and the check that makes it more than a look. `check` may shorten the match."""

    kind: str
    look: re.Pattern[str]
    check: Callable[[str], int]


def _whole(text: str) -> int:
    return len(text)


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others.

    >>> luhn("4111111111111111")
    True
    """
    doubled = (sum(divmod(2 * int(d), 10)) for d in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def _card(text: str) -> int:
    digits = re.sub(r"[ -]", "", text)
    return len(text) if 12 <= len(digits) <= 19 and len(set(digits)) > 1 and luhn(digits) else 0


def iban_holds(text: str) -> bool:
    """Whether the ISO 13616 remainder of an IBAN without spaces is right.

    >>> iban_holds("GB82WEST12345698765432")
    True
    """
    moved = text[4:] + text[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def _iban(text: str) -> int:
    """The longest prefix that holds: capital words after an IBAN look like more of it."""
    for end in range(len(text), 14, -1):
        compact = text[:end].replace(" ", "")
        if 15 <= len(compact) <= 34 and text[end - 1] != " " and iban_holds(compact):
            return end
    return 0


def _ip(text: str) -> int:
    trimmed = text.rstrip(".:") if not text.endswith("::") else text
    try:
        ipaddress.ip_address(trimmed)
    except ValueError:
        return 0
    return len(trimmed) if "." in trimmed or len(trimmed) >= 6 else 0


def _phone(text: str) -> int:
    digits = re.sub(r"\D", "", text)
    dated = re.fullmatch(r"(19|20)\d\d[-. ](0\d|1[0-2])[-. ][0-3]\d|[0-3]?\d[-. ][01]?\d[-. ](19|20)\d\d", text)
    return len(text) if 7 <= len(digits) <= 15 and not dated else 0


def _ssn(text: str) -> int:
    area, group, serial = text.split(text[3])
    return len(text) if area not in {"000", "666"} and group != "00" and serial != "0000" else 0


_KEYS: Final = (
    r"sk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{20,200}",  # OpenAI, Anthropic
    r"(?:AKIA|ASIA)[0-9A-Z]{16}",  # AWS access key id
    r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{40,255}",
    r"xox[abprs]-[A-Za-z0-9-]{10,250}",  # Slack
    r"AIza[0-9A-Za-z_-]{35}",  # Google
    r"(?:sk|rk|pk)_(?:live|test)_[0-9A-Za-z]{16,250}",  # Stripe
    r"glpat-[0-9A-Za-z_-]{20,60}|hf_[A-Za-z0-9]{30,60}|npm_[A-Za-z0-9]{36}",
    r"eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,4000}",  # JWT
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[A-Za-z0-9+/=\s\\]{0,8000}(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?",
)

PATTERNS: Final = (
    Pattern("secret", re.compile(r"(?<![A-Za-z0-9_])(?:" + "|".join(_KEYS) + ")"), _whole),
    Pattern(
        "email",
        re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+'-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}"),
        _whole,
    ),
    Pattern("iban", re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]){11,30}"), _iban),
    Pattern("card", re.compile(r"(?<![\d.])\d(?:[ -]?\d){11,18}(?![\d])"), _card),
    Pattern("ssn", re.compile(r"(?<![\d-])\d{3}([- ])\d{2}\1\d{4}(?![\d-])"), _ssn),
    Pattern(
        "ip",
        re.compile(
            r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)|(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])"
        ),
        _ip,
    ),
    Pattern(
        "phone",
        re.compile(
            r"(?<![\w.+-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{1,5}\)[ .-]?)?\d{1,5}(?:[ .-]{1,2}\d{2,8}){1,4}(?: ?x\d{1,6})?(?![\w])"
            r"|(?<![\w.])\+\d{7,15}(?!\w)|(?<![\w.])\(\d{2,5}\)[ .-]?\d{5,9}(?!\w)|(?<![\w.])00\d{9,13}(?!\w)|(?<![\w.])[2-9]\d{2}[2-9]\d{6}(?![\w.])"
        ),
        _phone,
    ),
)
"""In order of precedence: where two kinds overlap, the earlier one stands."""

KINDS: Final = tuple(pattern.kind for pattern in PATTERNS)

PLACEHOLDER: Final = re.compile(r"<(?:" + "|".join(kind.upper() for kind in KINDS) + r")_[0-9a-f]{4,8}>")
"""What stands where something was redacted, such as `<EMAIL_3fa2>`."""

LIKELY: Final = (
    r"@|\d[ .()-]{0,2}\d[ .()-]{0,2}\d[ .()-]{0,2}\d[ .()-]{0,2}\d[ .()-]{0,2}\d|\d{1,3}\.\d{1,3}\.\d|[0-9A-Fa-f]:[0-9A-Fa-f]{0,4}:|::"
    r"|sk-|AKIA|ASIA|gh[pousr]_|github_pat_|xox[abprs]-|AIza|[srp]k_(?:live|test)|glpat-|hf_|npm_|eyJ|-----BEGIN|[A-Za-z]{2}\d{2}"
)
"""A text without this holds nothing of what is looked for; it suits the Rust regex engine and costs next to nothing."""


def find_personal(text: str, kinds: tuple[str, ...] = KINDS) -> list[Span]:
    """Return what `text` holds of `kinds`, in order, without overlaps.

    >>> find_personal("write to kim@example.org")
    [(9, 24, 'email')]
    """
    found: list[Span] = []
    taken = bytearray(len(text))
    for pattern in PATTERNS:
        for start, end, kind in _matches(pattern, text) if pattern.kind in kinds else ():
            if taken.find(1, start, end) < 0:
                taken[start:end] = b"\x01" * (end - start)
                found.append((start, end, kind))
    return sorted(found)


def _matches(pattern: Pattern, text: str) -> Iterator[Span]:
    for match in pattern.look.finditer(text):
        length = pattern.check(match.group())
        if length:
            yield match.start(), match.start() + length, pattern.kind
