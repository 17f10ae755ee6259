"""Secrets in text: keys with a vendor's prefix, tokens, private keys, and values that stand behind a telling label.

A prefix is what a vendor documents, or what its own secret scanning looks for. Nothing here guesses from randomness alone: hashes
and ids are everywhere in traces.
"""

from __future__ import annotations

import re
from typing import Final

from monitor.privacy.pattern import Pattern, as_it_is

_WORD: Final = "[A-Za-z0-9_-]"

PREFIXED: Final = (
    r"sk-[A-Za-z0-9_-]{20,200}",  # OpenAI, Anthropic, OpenRouter, DeepSeek and many that copy them
    r"(?:AKIA|ASIA)[0-9A-Z]{16}",  # AWS access key id
    r"gh[pousr]_[A-Za-z0-9]{36,255}",
    r"github_pat_[A-Za-z0-9_]{40,255}",
    r"xox[abeprs]-[A-Za-z0-9-]{10,250}",  # Slack
    r"xapp-[0-9]-[A-Za-z0-9-]{20,250}",
    r"AIza[0-9A-Za-z_-]{35}",  # Google
    r"ya29\.[0-9A-Za-z_-]{20,500}",
    r"GOCSPX-[0-9A-Za-z_-]{28}",
    r"[srp]k_(?:live|test)_[0-9A-Za-z]{16,250}",  # Stripe
    r"whsec_[0-9A-Za-z+/=]{24,100}",
    r"glpat-[0-9A-Za-z_-]{20,60}",
    r"hf_[A-Za-z0-9]{30,60}",
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-AgE[A-Za-z0-9_-]{50,500}",
    r"gsk_[A-Za-z0-9]{40,80}",  # Groq
    r"xai-[A-Za-z0-9]{60,120}",
    r"pplx-[A-Za-z0-9]{40,80}",
    r"nvapi-[A-Za-z0-9_-]{40,100}",
    r"r8_[A-Za-z0-9]{37}",  # Replicate
    r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}",  # LangSmith
    r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}",  # SendGrid
    r"dop_v1_[0-9a-f]{64}",  # DigitalOcean
    r"dapi[0-9a-f]{32}",  # Databricks
    r"hv[sb]\.[A-Za-z0-9_-]{24,300}",  # Vault
    r"dckr_pat_[A-Za-z0-9_-]{20,60}",
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",  # Shopify
    r"lin_api_[A-Za-z0-9]{32,60}",
    r"ntn_[A-Za-z0-9]{40,60}",  # Notion
    r"ATATT3[A-Za-z0-9_=-]{50,300}",  # Atlassian
    r"gl(?:sa|c)_[A-Za-z0-9+/=_]{32,200}",  # Grafana
    r"NRAK-[A-Z0-9]{27}",  # New Relic
    r"sntry[su]_[A-Za-z0-9+/=_]{40,300}",
    r"sbp_[0-9a-f]{40}",  # Supabase
    r"AGE-SECRET-KEY-1[0-9A-Z]{58}",
    r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}",  # Telegram
)
_PREFIX_HINT: Final = (
    r"sk-[A-Za-z0-9_-]{20}|AKIA|ASIA|gh[pousr]_|github_pat_|xox[abeprs]-|xapp-|AIza|ya29\.|GOCSPX-|[srp]k_(?:live|test)_|whsec_"
    r"|glpat-|hf_|npm_|pypi-AgE|gsk_|xai-|pplx-|nvapi-|r8_|lsv2_|SG\.|dop_v1_|dapi[0-9a-f]|hv[sb]\.|dckr_pat_|shp(?:at|ca|pa|ss)_"
    r"|lin_api_|ntn_|ATATT3|gl(?:sa|c)_|NRAK-|sntry[su]_|sbp_|AGE-SECRET|[0-9]{8}:AA|eyJ|-----BEGIN|hooks\.slack\.com"
)
_JWT: Final = (
    # The payload is what is secret about a token that was cut off before its signature.
    rf"(?<!{_WORD})eyJ{_WORD}{{10,4000}}\.(?:eyJ{_WORD}{{10,8000}}|{_WORD}{{10,4000}}\.|\.)(?:\.{_WORD}{{0,8000}}){{0,3}}"
)
_PRIVATE_KEY: Final = (
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:\s{0,4}[A-Z][A-Za-z-]{2,15}: [^\n]{1,80}){0,3}[A-Za-z0-9+/=\s]{0,16000}"
    r"(?:-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----)?"
)
_SLACK_HOOK: Final = r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,200}"


def _aws_secret(text: str, start: int, end: int) -> int:
    """Forty characters of base64 are a key only beside its id, or a label that says so; a hash has but one case."""
    value = text[start:end]
    if value.islower() or value.isupper() or not any(map(str.isdigit, value)) or not any(map(str.isupper, value)):
        return 0
    around = text[max(0, start - 200) : end + 200]
    return end if re.search(r"AKIA|ASIA|(?i:secret)", around) else 0


_LABEL: Final = (
    r"(?i:password|passwd|(?<![a-z])pwd|passphrase|(?<![a-z])pass(?=[\"']?\s{0,3}=)|client[_-]?secret|secret[_-]?(?:access[_-]?)?key"
    r"|access[_-]?key|account[_-]?key|api[_-]?key|access[_-]?token|refresh[_-]?token|auth[_-]?token|private[_-]?token|id[_-]?token"
    r"|session[_-]?token|x-amz-signature|x-amz-security-token|(?<![a-z])sig(?==))"
)
_BLANK: Final = r"\\[bfnrt]|(?:\\[ux]|%)(?:00|25)?[01][0-9A-Fa-f]"  # escaped
_CODE: Final = re.compile(r"[A-Za-z_.]{1,80}[(\[]|[$%{*]|(?i:none|null|true|false|undefined|required|str|string)\b")


def _labelled(text: str, start: int, end: int) -> int:
    """Behind `=` or inside quotes it is a value; behind a colon in prose it must look like one. Code is neither."""
    value = text[start:end]
    if _CODE.match(value) or len(set(value)) == 1:
        return 0
    before = text[max(0, start - 4) : start]
    if "=" in before or before[-1:] in {'"', "'"}:
        return end
    trimmed = value.rstrip(".!?)")
    telling = any(map(str.isdigit, trimmed)) or not trimmed.isalpha()
    return start + len(trimmed) if telling and len(trimmed) >= 6 else 0


def _bearer(text: str, start: int, end: int) -> int:
    return end if any(map(str.isdigit, text[start:end])) else 0


CREDENTIALS: Final = (
    Pattern(
        "secret",
        re.compile("|".join((r"(?<![A-Za-z0-9_])(?:" + "|".join(PREFIXED) + ")", _JWT, _PRIVATE_KEY, _SLACK_HOOK))),
        as_it_is,
        _PREFIX_HINT,
    ),
    Pattern(
        "secret",
        re.compile(r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"),
        _aws_secret,
        "AKIA|ASIA|(?i:secret)",
    ),
    Pattern(  # https://user:password@host, and connection strings of databases and brokers
        "password",
        re.compile(r"""://[^\s/:@"'<>]{0,128}:(?P<v>[^\s/"'<>]{1,256})@"""),
        as_it_is,
        r"://[^\s/:@]{0,99}:[^\s/]",
    ),
    Pattern(
        "password",
        re.compile(
            r"""(?i:authorization)["']?\s{0,3}[:=]\s{0,3}["']?"""
            r"""(?:(?i:bearer|basic|token|digest|apikey|negotiate|aws4-hmac-sha256)\s{1,3})?(?P<v>[^\s"'<>]{8,4096})"""
        ),
        as_it_is,
        "(?i:authorization)",
    ),
    Pattern(
        "password",
        re.compile(r"(?i:\bbearer)\s{1,3}(?P<v>[A-Za-z0-9._~+/=-]{16,4096})"),
        _bearer,
        r"(?i:bearer)",
    ),
    Pattern(
        "password",
        re.compile(
            r"""(?i:(?<![A-Za-z])cookie)["']?\s{0,2}:\s{0,2}["']?(?P<v>[A-Za-z0-9_.-]{1,64}=[^"'<>\r\n]{4,4096})"""
        ),
        as_it_is,
        "(?i:cookie)",
    ),
    Pattern(
        "password",
        re.compile(_LABEL + r"""["']?\s{0,3}[:=]\s{0,3}["']?(?P<v>[^\s"',;&<>]{4,1024})"""),
        _labelled,
        rf"(?i:passw(?:or)?d|pwd|pass|phrase|secret|key|token|signature|sig)(?:[\\\"'\s]|{_BLANK}){{0,24}}[:=]",
    ),
)
"""Kinds `secret` (is one wherever it stands) and `password` (is one because of what stands before it)."""
