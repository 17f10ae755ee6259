"""What in a message would be active in a chat though it came from a trace: broadcasts, links, markup."""

from __future__ import annotations

import json
import re
from typing import Any, Final

MENTION: Final = re.compile(r"@(?:everyone|here|channel)\b", re.IGNORECASE)


def mentions_in(value: Any) -> list[str]:
    """Return every broadcast mention that a chat would act on, anywhere in `value`."""
    text = json.dumps(value, ensure_ascii=False)
    return MENTION.findall(text) + re.findall(r"<[!@#]\w*", text)
