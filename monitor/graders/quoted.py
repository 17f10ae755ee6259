"""What stands in an answer but is not said by its author: code, quotations, drafts and translations.

Hidden stretches become NUL characters of the same length, so that every place stays. Not a parser: a quotation without marks is
not seen, and what is neither closed nor followed by anything is left as it is.
"""

from __future__ import annotations

import re
from typing import Final

FENCE: Final = re.compile(
    r"^ {0,3}(?P<marks>`{3,}(?=[^`\n]*$)|~{3,})[^\n]*\n(?P<code>.*?)(?:^ {0,3}(?P=marks)[`~]*[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
"""A fenced block of CommonMark 0.31, section 4.5: closed by at least as many marks of its kind, or by the end of the text."""

_CODE: Final = (FENCE, re.compile(r"`[^`\n]+`"), re.compile(r"^ {0,3}>[^\n]*", re.MULTILINE))
_QUOTATIONS: Final = (
    re.compile('"[^"]{2,600}?"|[\u201c\u201e][^\u201c\u201d\u201f]{2,600}?[\u201c\u201d\u201f]'),
    re.compile("\u00ab[^\u00ab\u00bb]{2,600}?\u00bb|\u00bb[^\u00ab\u00bb]{2,600}?\u00ab"),
    re.compile("\u300c[^\u300c\u300d]{2,600}?\u300d|\u300e[^\u300e\u300f]{2,600}?\u300f"),
    re.compile(
        r"(?<![\w'])'(?:[^'\n]|(?<=\w)'(?=\w)){2,400}'(?![\w'])|"
        "\u2018(?:[^\u2018\u2019\n]|(?<=\\w)\u2019(?=\\w)){2,400}\u2019(?!\\w)"
    ),
    re.compile("^\u2014[^\u2014\n]{2,400}(?=\u2014|$)", re.MULTILINE),
)
_FOLLOWED: Final = (
    re.compile(
        r"\A[^\n]{0,160}?\b(?:e-?mails?|mail|letter|draft|message|reply|story|poem|script|dialogue|version|entwurf|brief|nachricht|antwortmail|geschichte"
        r"|borrador|carta|correo|mensaje|cuento|brouillon|lettre|courriel|histoire|bozza|lettera|messaggio|racconto|ontwerp|bericht|rascunho|mensagem)\b[^\n]{0,80}:[ \t]*\n(?P<rest>.+)",
        re.DOTALL,
    ),
    re.compile(r"\A[^\n]{1,160}:[ \t]*\n\s*(?P<rest>[^\n]{2,50}[,:]\n.+)", re.DOTALL),
    re.compile(
        "\\A[^\\n]{0,60}(?:\u4e0b\u66f8\u304d|\u6587\u9762|\u624b\u7d19|\u30e1\u30fc\u30eb)[^\\n]{0,30}[:\uff1a][ \\t]*\\n(?P<rest>.+)",
        re.DOTALL,
    ),
    re.compile(
        r"\A[^\n]{0,40}?\b(?:translat|\xfcbersetz|traduc|traduit|traduz|tradott)\w*[^\n:]{0,60}:\s*(?P<rest>.+)",
        re.DOTALL,
    ),
)
"""What announces a draft, a story or a translation; the `rest` is what was announced."""


def own_words(text: str) -> str:
    r"""Return folded `text` with NUL characters where its author speaks for somebody else.

    >>> own_words('he wrote "i cannot" and left').replace("\x00", "_")
    'he wrote __________ and left'
    """
    for look in _CODE:
        text = _hidden(text, look)
    whole = text.strip()
    for look in _QUOTATIONS:
        text = (
            text if look.fullmatch(whole) else _hidden(text, look)
        )  # all in quotation marks: its author's own after all
    for look in _FOLLOWED:
        text = _hidden(text, look)
    return text


def _hidden(text: str, look: re.Pattern[str]) -> str:
    for start, end in [match.span("rest" if "rest" in look.groupindex else 0) for match in look.finditer(text)]:
        text = text[:start] + "\x00" * (end - start) + text[end:]
    return text
