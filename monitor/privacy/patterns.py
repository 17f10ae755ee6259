"""Personal data in text: what it looks like, and the check that makes a look more than a look.

Payment cards carry the Luhn check digit (ISO/IEC 7812), IBANs the remainder 97 and a length by country (ISO 13616), phone
numbers a shape that decimals, dates and thousands do not have, or a word beside them. Everything runs in linear time on
hostile text: repetitions are bounded and their parts cannot stand for each other. Not for names and places: those need a
language model, and an opinion on what is personal.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from monitor.privacy.check_digits import IBAN_LENGTHS, iban_holds, luhn
from monitor.privacy.credentials import CREDENTIALS
from monitor.privacy.pattern import Found, Pattern, as_it_is

_SEPARATORS: Final = str.maketrans("", "", " -./()+x")


def _card(text: str, start: int, end: int) -> int:
    digits = text[start:end].translate(_SEPARATORS)
    issued = digits[0] in "3456" or "2221" <= digits[:4] <= "2720" or digits[:4] in {"1800", "2131"}
    return end if issued and len(set(digits)) > 1 and luhn(digits) else 0


def _iban(text: str, start: int, end: int) -> int:
    """Cut to the length its country has: capital words after an IBAN look like more of it."""
    left = IBAN_LENGTHS.get(text[start : start + 2].upper(), 99)
    at = start
    while at < end and left:
        left -= text[at] != " "
        at += 1
    whole = not left and not text[at : at + 1].isalnum()
    return at if whole and iban_holds(text[start:at].replace(" ", "")) else 0


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
    r"|[0-9 ]+ [0-9]+[.][0-9]{3,}"  # coordinates
)
_NUMBERED: Final = re.compile(
    r"(?i)\b(?:orders?|invoice|ticket|tracking|parcel|serial|isbn|version|release|build|article|art|item|part|case|ref(?:erence)?"
    r"|bestell\w*|auftrags?\w*|rechnungs?\w*|sendungs?\w*|vorgangs?\w*|artikel\w*|commande|facture|colis|pedido|factura|ordine|fattura)"
    r"[ .-]{0,2}(?:(?:no|nr|num|number|nummer|n[°º]|numero|número|numéro|code|id)\b)?[ .:#-]{0,3}\Z"
)
"""What stands right before a number of some other thing; a country code with a plus sign is a telephone's all the same."""


def _phone(text: str, start: int, end: int) -> int:
    match = text[start:end]
    n_digits = sum(map(str.isdigit, match.partition("x")[0]))
    if not 7 <= n_digits <= 15 or _NO_PHONE.fullmatch(match):
        return 0
    if match[0] != "+" and _NUMBERED.search(text[max(0, start - 32) : start]):
        return 0
    if _PLAIN_PHONE.fullmatch(match) and (n_digits >= 9 or "(" in match):
        return end
    around = text[max(0, start - 40) : start] + "\n" + text[end : end + 12]
    return end if _LOCAL_PHONE.fullmatch(match) and _PHONE_WORDS.search(around) else 0


def _ssn(text: str, start: int, end: int) -> int:
    area, group, serial = text[start:end].replace(" ", "-").split("-")
    return end if area not in {"000", "666"} and group != "00" and serial != "0000" else 0


_BASE58: Final = {
    letter: value for value, letter in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
}
_BECH32: Final = {letter: value for value, letter in enumerate("qpzry9x8gf2tvdw0s3jn54khce6mua7l")}
_BECH32_STEPS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def _wallet(text: str, start: int, end: int) -> int:
    """Addresses of Bitcoin carry a checksum; those of Ethereum are told by their form alone."""
    value = text[start:end]
    if value.startswith("0x"):
        return end if len(set(value[2:])) > 3 else 0
    return end if (_bech32_holds(value) if value.startswith("bc1") else _base58_holds(value)) else 0


def _base58_holds(value: str) -> bool:
    number = 0
    for letter in value:
        number = number * 58 + _BASE58[letter]
    if number.bit_length() > 200:
        return False
    raw = number.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(raw[:21]).digest()).digest()[:4] == raw[21:]


def _bech32_holds(value: str) -> bool:
    check = 1
    for five_bits in [3, 3, 0, 2, 3, *(_BECH32[letter] for letter in value[3:])]:  # "bc" as BIP 173 expands it
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ five_bits
        for bit, step in enumerate(_BECH32_STEPS):
            check ^= step if top >> bit & 1 else 0
    return check in {1, 0x2BC830A3}  # BIP 173 and BIP 350


def _mac(text: str, start: int, end: int) -> int:
    return end if len(set(text[start:end].replace("-", ":").split(":"))) > 1 else 0


_LETTER: Final = "0-9A-Za-zÀ-ɏ"
_AT: Final = r" ?[\[({] ?(?:at|ät) ?[\])}] ?"
_DOT: Final = r" ?[\[({] ?(?:dot|punkt|punto|point) ?[\])}] ?"


def _email(text: str, start: int, end: int) -> int:
    """`git@host:path` is where a repository is fetched from, not where anybody is written to."""
    return 0 if text[start:end].startswith("git@") and text[end : end + 1] in {":", "/"} else end


PATTERNS: Final = (
    *CREDENTIALS,
    Pattern(
        "email",
        re.compile(
            rf"(?<![{_LETTER}])[{_LETTER}][{_LETTER}._%+'-]{{0,127}}@(?:[{_LETTER}-]{{1,63}}\.){{1,6}}[A-Za-z]{{2,24}}"
        ),
        _email,
        "@",
        tail=re.compile(rf"@(?:[{_LETTER}-]{{1,63}}\.){{1,6}}[A-Za-z]{{2,24}}"),
        lead="".join(filter(re.compile(rf"[{_LETTER}._%+'-]").fullmatch, map(chr, range(0x250)))),
        reach=128,
    ),
    Pattern(
        "email",
        re.compile(
            rf"(?<![{_LETTER}@.])[{_LETTER}][{_LETTER}._%+'-]{{0,63}}(?:{_AT}(?:[{_LETTER}-]{{1,63}}(?:\.|{_DOT})){{1,4}}[A-Za-z]{{2,24}}"
            rf"| at (?:[{_LETTER}-]{{1,63}} dot ){{1,3}}(?:com|org|net|info|edu|gov|io|co|eu|[a-z]{{2}}))(?![{_LETTER}@])",
            re.IGNORECASE,
        ),
        as_it_is,
        r"(?i:[\[({] ?(?:at|ät) ?[\])}]| at [0-9a-zà-ɏ-]{1,63} dot )",
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
            r"(?![0-9A-Za-z])"
        ),
        _card,
        r"[0-9]{12}|[0-9]{4}[ -][0-9]{4,6}[ -][0-9]{4}",
        runs=re.compile(r"[0-9][0-9 -]{11,}"),
    ),
    Pattern(
        "ssn",
        re.compile(r"(?<![\w-])[0-9]{3}([- ])[0-9]{2}\1[0-9]{4}(?![\w-])"),
        _ssn,
        r"[0-9]{3}[ -][0-9]{2}[ -][0-9]{4}",
    ),
    Pattern(
        "mac",
        re.compile(
            r"(?<![0-9A-Za-z:-])[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![0-9A-Za-z]|[:-][0-9A-Fa-f])"
        ),
        _mac,
        r"[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]",
    ),
    Pattern(
        "wallet",
        re.compile(
            r"(?<![A-Za-z0-9])(?:[13][1-9A-HJ-NP-Za-km-z]{25,34}|bc1[02-9ac-hj-np-z]{11,71}|0x[0-9a-fA-F]{40})(?![A-Za-z0-9])"
        ),
        _wallet,
        # A raw text has the letter of an escape where a reader sees a line break: `\n1A1z...` begins no word there.
        r"(?:\b|\\[bfnrt]|[0-9A-Fa-f]{2})[13][1-9A-HJ-NP-Za-km-z]{25}|bc1[02-9ac-hj-np-z]{11}|0x[0-9a-fA-F]{40}",
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
            r"(?<![\w.+])(?<![0-9][,-])(?:\+ ?)?(?:(?:[0-9]{1,5}[ .-]?)?\([0-9]{1,5}\)[ .-]?)?[0-9]{1,12}"
            r"(?:[ ./-]{1,2}[0-9]{2,8}){0,5}(?: ?x[0-9]{1,6})?(?!\w|[.-][0-9])"
        ),
        _phone,
        r"[0-9](?:[ ()./-]{0,3}[0-9]){6}",
        shortest=7,
        runs=re.compile(r"[0-9(+][0-9 ()./x+-]{6,}"),
    ),
)
"""In order of precedence: where two kinds overlap, the earlier one stands."""

KINDS: Final = tuple(dict.fromkeys(pattern.kind for pattern in PATTERNS))

PLACEHOLDER: Final = re.compile(r"<[A-Z][A-Z0-9_]{1,40}_[0-9a-f]{4,8}>")
"""What stands where something was redacted, such as `<EMAIL_3fa2>`; kinds of your own look the same."""


def hint(kinds: Sequence[str] = KINDS) -> str:
    """Return one pattern for the Rust regex engine; a text it does not match holds nothing of `kinds`."""
    return "|".join(pattern.hint for pattern in of_kinds(kinds))


def of_kinds(kinds: Sequence[str]) -> tuple[Pattern, ...]:
    """Return the patterns of `kinds`, in order of precedence."""
    return tuple(pattern for pattern in PATTERNS if pattern.kind in kinds)


def find_personal(text: str, kinds: Sequence[str] = KINDS) -> list[Found]:
    """Return what `text` holds of `kinds`, in order, without overlaps.

    >>> find_personal("write to kim@example.org")
    [Found(start=9, end=24, kind='email')]
    """
    return find_by(text, of_kinds(kinds))


def find_by(text: str, patterns: Iterable[Pattern]) -> list[Found]:
    """Return what `text` holds of `patterns`, which are in order of precedence."""
    found: list[Found] = []
    for pattern in patterns:
        found = sorted([*found, *apart(_matches(pattern, text), found)])
    return found


def _matches(pattern: Pattern, text: str) -> Iterator[Found]:
    for match in pattern.matches(text):
        start, end = match.span(pattern.group)
        end = pattern.check(text, start, end) if end - start >= pattern.shortest else 0
        if end:
            yield Found(start, end, pattern.kind)


def apart(candidates: Iterable[Found], taken: Sequence[Found]) -> Iterator[Found]:
    """Yield the candidates that overlap nothing that is taken, nor each other; both are in order."""
    at = reached = 0
    for candidate in candidates:
        while at < len(taken) and taken[at].end <= candidate.start:
            at += 1
        if candidate.start >= reached and (at == len(taken) or candidate.end <= taken[at].start):
            reached = candidate.end
            yield candidate
