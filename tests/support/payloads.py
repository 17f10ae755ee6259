"""Two hundred texts that must do nothing: each of the hostile ones, wrapped in what turns text into markup."""

from __future__ import annotations

from typing import Final

from tests.support.generated_texts import HOSTILE

WRAPS: Final = (
    "{}",
    "# {}",
    "> {}\n- {}",
    "`` {} ``",
    "[x]({})",
    "![{}](http://198.51.100.7/{})",
    "| a |\n|---|\n| {} |",
    "</span>{}<span>",
    "<a href='http://198.51.100.7'>{}</a>",
    ":red[{}] :material/bolt:",
    "$$ {} $$",
    "~~{}~~ **{}**",
    "www.198.51.100.7/{}",
    "mailto:a@198.51.100.7 {}",
    "{} https://198.51.100.7/x",
    "<!-- {} -->",
    "\\{}",
    "&lt;b&gt;{}&#60;script&#62;",
    "[r]: http://198.51.100.7 '{}'\n[r]",
    "<details open ontoggle=window.pwned=1>{}</details>",
)

PAYLOADS: Final = tuple(wrap.replace("{}", text) for wrap in WRAPS for text in HOSTILE)
