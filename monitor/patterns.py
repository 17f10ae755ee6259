"""Personal data and secrets in text: what they look like, and the check that makes a look more than a look.

Payment cards carry the Luhn check digit (ISO/IEC 7812), IBANs the remainder 97 and a length by country (ISO 13616), phone
numbers a shape that decimals, dates and thousands do not have, or a word beside them. Everything runs in linear time on
hostile text: repetitions are bounded and their parts cannot stand for each other. Not for names and places: those need a
language model, and an opinion on what is personal.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple


class Found(NamedTuple):
    """Something found: `text[start:end]` is of `kind`."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Pattern:
    """One kind of data. `check` gets (text, start, end) of a match and returns its true end, or 0 when it is none.

    `hint` stands in every text that holds a match; it suits the Rust regex engine and costs next to nothing there.
    """

    kind: str
    look: re.Pattern[str]
    check: Callable[[str, int, int], int]
    hint: str


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others.

    >>> luhn("4111111111111111")
    True
    """
    doubled = (sum(divmod(2 * int(d), 10)) for d in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def _as_it_is(_: str, __: int, end: int) -> int:
    return end


_SEPARATORS: Final = str.maketrans("", "", " -./()+x")


def _card(text: str, start: int, end: int) -> int:
    digits = text[start:end].translate(_SEPARATORS)
    issued = digits[0] in "3456" or "2221" <= digits[:4] <= "2720" or digits[:4] in {"1800", "2131"}
    return end if issued and len(set(digits)) > 1 and luhn(digits) else 0


_IBAN_REGISTRY: Final = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
    "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 "
    "LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 "
    "QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
_IBAN_LENGTHS: Final = {entry[:2]: int(entry[2:]) for entry in _IBAN_REGISTRY.split()}


def _iban(text: str, start: int, end: int) -> int:
    """Cut to the length its country has: capital words after an IBAN look like more of it."""
    left = _IBAN_LENGTHS.get(text[start : start + 2].upper(), 99)
    at = start
    while at < end and left:
        left -= text[at] != " "
        at += 1
    whole = not left and not text[at : at + 1].isalnum()
    return at if whole and iban_holds(text[start:at].replace(" ", "")) else 0


def iban_holds(compact: str) -> bool:
    """Whether the remainder of an IBAN without spaces is right.

    >>> iban_holds("GB82WEST12345698765432")
    True
    """
    return int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1


def _ip(text: str, start: int, end: int) -> int:
    trimmed = text[start:end] if text[start:end].endswith("::") else text[start:end].rstrip(":")
    try:
        address = ipaddress.ip_address(trimmed)
    except ValueError:
        return 0
    nobody = address.is_loopback or address.is_unspecified or len(trimmed) < 6
    return 0 if nobody else start + len(trimmed)


_PLAIN_PHONE: Final = re.compile(
    r"(?:\+|00)[ ]?[1-9].*"  # international
    r"|\(?[0-9]{3}\)?[ .-]?[0-9]{3}[ .-][0-9]{4}(?:x[0-9]+)?"  # North America
    r"|0[0-9]{1,4}[ ./-].*"  # trunk prefix
    r"|\([0-9]{1,5}\).*",  # area code in parentheses
    re.DOTALL,
)
_LOCAL_PHONE: Final = re.compile(r"[2-9][0-9]{9}|[0-9]{2,4}([ .-])[0-9]{2,6}(?:\1[0-9]{2,4}){0,3}")
_PHONE_WORDS: Final = re.compile(
    r"(?i)phone|\btel\b|\bfax\b|mobile|\bcell\b|\bcall\b|\bdesk\b|\boffice\b|whatsapp|\bsms\b|\bdial\b|\breach\b|telefon"
    r"|\bregistered\b|\bmessages? (?:to|on|at)\b|\banswering at\b"
)
_NO_PHONE: Final = re.compile(
    r"[0-9]+[.][0-9]+"  # a decimal
    r"|(?:19|20)[0-9]{2}[-./ ](?:0?[0-9]|1[0-2])[-./ ][0-3]?[0-9](?:[ .-].*)?"  # a date
    r"|[0-3]?[0-9][-./ ][0-3]?[0-9][-./ ](?:19|20)?[0-9]{2}(?:[ .-].*)?"
    r"|(?:19|20)[0-9]{2}[ -]+(?:19|20)[0-9]{2}"  # years
)


def _phone(text: str, start: int, end: int) -> int:
    match = text[start:end]
    n_digits = sum(map(str.isdigit, match.partition("x")[0]))
    if not 7 <= n_digits <= 15 or _NO_PHONE.fullmatch(match):
        return 0
    if _PLAIN_PHONE.fullmatch(match) and (n_digits >= 9 or "(" in match):
        return end
    around = text[max(0, start - 40) : start] + "\n" + text[end : end + 12]
    return end if _LOCAL_PHONE.fullmatch(match) and _PHONE_WORDS.search(around) else 0


def _ssn(text: str, start: int, end: int) -> int:
    area, group, serial = text[start:end].replace(" ", "-").split("-")
    return end if area not in {"000", "666"} and group != "00" and serial != "0000" else 0


_KEYS: Final = (
    r"sk-[A-Za-z0-9_-]{20,200}",  # OpenAI, Anthropic and many that copy them
    r"(?:AKIA|ASIA)[0-9A-Z]{16}",  # AWS access key id
    r"gh[pousr]_[A-Za-z0-9]{36,255}",
    r"github_pat_[A-Za-z0-9_]{40,255}",
    r"xox[abprs]-[A-Za-z0-9-]{10,250}",  # Slack
    r"AIza[0-9A-Za-z_-]{35}",  # Google
    r"[srp]k_(?:live|test)_[0-9A-Za-z]{16,250}",  # Stripe
    r"glpat-[0-9A-Za-z_-]{20,60}",
    r"hf_[A-Za-z0-9]{30,60}",
    r"npm_[A-Za-z0-9]{36}",
)
_JWT: Final = r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,4000}"
_PRIVATE_KEY: Final = (
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:\s{0,4}[A-Z][A-Za-z-]{2,15}: [^\n]{1,80}){0,3}[A-Za-z0-9+/=\s]{0,16000}"
    r"(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
)
_LETTER: Final = "0-9A-Za-zÀ-ɏ"

PATTERNS: Final = (
    Pattern(
        "secret",
        re.compile(r"(?<![A-Za-z0-9_])(?:" + "|".join(_KEYS) + ")|" + _JWT + "|" + _PRIVATE_KEY),
        _as_it_is,
        r"sk-[A-Za-z0-9_-]{20}|AKIA|ASIA|gh[pousr]_|github_pat_|xox[abprs]-|AIza|[srp]k_(?:live|test)_|glpat-|hf_|npm_|eyJ|-----BEGIN",
    ),
    Pattern(
        "email",
        re.compile(
            rf"(?<![{_LETTER}])[{_LETTER}][{_LETTER}._%+'-]{{0,127}}@(?:[{_LETTER}-]{{1,63}}\.){{1,6}}[A-Za-z]{{2,24}}"
        ),
        _as_it_is,
        "@",
    ),
    Pattern(
        "iban",
        re.compile(
            r"(?<![A-Za-z0-9])(?:[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}"
            r"|[a-z]{2}[0-9]{2} ?(?:[a-z]{4} ?)?[0-9]{4} ?[0-9]{3}(?: ?[a-z0-9]){0,22})"
        ),
        _iban,
        # Lower case asks for a run of digits, since hexadecimal ids are everywhere.
        r"[A-Z]{2}[0-9]{2} ?[A-Z0-9]{3}|[a-z]{2}[0-9]{2} ?(?:[a-z]{4} ?)?[0-9]{4} ?[0-9]{3}",
    ),
    Pattern(
        "card",
        re.compile(
            r"(?<![\w.+])(?:[0-9]{12,19}|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{1,7}|[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5})"
            r"(?![0-9])"
        ),
        _card,
        r"[0-9]{12}|[0-9]{4}[ -][0-9]{4,6}[ -][0-9]{4}",
    ),
    Pattern(
        "ssn",
        re.compile(r"(?<![\w-])[0-9]{3}([- ])[0-9]{2}\1[0-9]{4}(?![\w-])"),
        _ssn,
        r"[0-9]{3}[ -][0-9]{2}[ -][0-9]{4}",
    ),
    Pattern(
        "ip",
        re.compile(
            r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?!\w|\.[0-9])"
            r"|(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])"
        ),
        _ip,
        r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[0-9A-Fa-f]:[0-9A-Fa-f]{0,4}:|:[0-9A-Fa-f]{0,4}:",
    ),
    Pattern(
        "phone",
        re.compile(
            r"(?<![\w.+])(?<![0-9]-)(?:\+ ?)?(?:(?:[0-9]{1,5}[ .-]?)?\([0-9]{1,5}\)[ .-]?)?[0-9]{1,12}"
            r"(?:[ ./-]{1,2}[0-9]{2,8}){0,5}(?: ?x[0-9]{1,6})?(?!\w|[.-][0-9])"
        ),
        _phone,
        r"[0-9](?:[ ()./-]{0,3}[0-9]){6}",
    ),
)
"""In order of precedence: where two kinds overlap, the earlier one stands."""

KINDS: Final = tuple(pattern.kind for pattern in PATTERNS)

PLACEHOLDER: Final = re.compile(r"<(?:" + "|".join(kind.upper() for kind in KINDS) + r")_[0-9a-f]{4,8}>")
"""What stands where something was redacted, such as `<EMAIL_3fa2>`."""


def hint(kinds: Sequence[str] = KINDS) -> str:
    """Return one pattern for the Rust regex engine; a text it does not match holds nothing of `kinds`."""
    return "|".join(pattern.hint for pattern in PATTERNS if pattern.kind in kinds)


def find_personal(text: str, kinds: Sequence[str] = KINDS) -> list[Found]:
    """Return what `text` holds of `kinds`, in order, without overlaps.

    >>> find_personal("write to kim@example.org")
    [Found(start=9, end=24, kind='email')]
    """
    found: list[Found] = []
    for pattern in PATTERNS:
        if pattern.kind in kinds:
            found = sorted([*found, *_apart(_matches(pattern, text), found)])
    return found


def _matches(pattern: Pattern, text: str) -> Iterator[Found]:
    for match in pattern.look.finditer(text):
        end = pattern.check(text, match.start(), match.end())
        if end:
            yield Found(match.start(), end, pattern.kind)


def _apart(candidates: Iterable[Found], taken: Sequence[Found]) -> Iterator[Found]:
    """Yield the candidates that overlap nothing that is taken; both are in order."""
    at = 0
    for candidate in candidates:
        while at < len(taken) and taken[at].end <= candidate.start:
            at += 1
        if at == len(taken) or candidate.end <= taken[at].start:
            yield candidate
