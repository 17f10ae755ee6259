"""One message through Apprise, in a process of its own: `python -m alerts.channels.through_apprise` reads it from standard input.

The only importer of apprise. Apart, since Apprise has no deadline for the whole, and so that the agent needs not carry it. What it
reads is JSON: `url`, `title`, `body`, `kind` (info, success, warning, failure). Exit codes: `TAKEN`, `UNKNOWN`, `FAILED`, `ABSENT`.
"""

from __future__ import annotations

import json
import logging
import sys

from alerts.channels.apprise_codes import ABSENT, FAILED, TAKEN, UNKNOWN

try:
    import apprise
except ModuleNotFoundError:
    apprise = None  # type: ignore[assignment]  # said by the exit code


def main() -> int:
    """Send what stands on standard input, once."""
    if apprise is None:
        return ABSENT
    asked = json.load(sys.stdin)
    logging.disable()  # it would write addresses, which hold secrets
    told = apprise.Apprise(asset=apprise.AppriseAsset(app_id="Plumbline", app_desc="Plumbline", app_url=""))
    if not told.add(asked["url"]):
        return UNKNOWN
    taken = told.notify(
        title=asked["title"], body=asked["body"], notify_type=asked["kind"], body_format=apprise.NotifyFormat.TEXT
    )
    return TAKEN if taken else FAILED


if __name__ == "__main__":
    sys.exit(main())
