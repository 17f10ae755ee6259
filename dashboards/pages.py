"""The pages, declared once: a new page is a file in `views/` and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from dashboards.scope import Context
from dashboards.views import alerts, drift, experiments, incidents, overview, policy, quality, review, sources, traces


@dataclass(frozen=True)
class Page:
    """One entry of the navigation. `path` is its address, `opens` the parameter by which a link names one thing on it.

    Its title is its heading, but where it draws one by itself: `named` says when.
    """

    path: str
    title: str
    icon: str
    show: Callable[[Context], None]
    opens: str = ""
    named: Literal["never", "opened", "always"] = "never"


PAGES: Final = (
    Page("overview", "Overview", ":material/monitoring:", overview.show),
    Page("traces", "Traces", ":material/account_tree:", traces.show, "trace", named="opened"),
    Page("quality", "Quality", ":material/fact_check:", quality.show),
    Page("review", "Review", ":material/rate_review:", review.show, "review", named="always"),
    Page("policy", "Policy", ":material/gavel:", policy.show, "rule", named="opened"),
    Page("drift", "Drift", ":material/trending_up:", drift.show, "finding", named="opened"),
    Page("ab", "A/B", ":material/call_split:", experiments.show, "experiment"),
    Page("alerts", "Alerts", ":material/notifications:", alerts.show, "alert", named="opened"),
    Page("incidents", "Incidents", ":material/emergency:", incidents.show, "incident", named="opened"),
    Page("sources", "Sources", ":material/sensors:", sources.show, "source", named="opened"),
)
"""In the order of the navigation; the first is what the bare address shows."""


def linked(asked: Mapping[str, str]) -> str | None:
    """Return the path of the page that a link to the bare address names, if it names one."""
    known = {page.path for page in PAGES}
    if asked.get("page") in known:
        return asked["page"]
    return next((page.path for page in PAGES if page.opens and page.opens in asked), None)
