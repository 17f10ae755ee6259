"""How it looks: colours, sizes and the little CSS that theme options cannot say. Holds no data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

INK: Final = "#1d2733"
MUTED: Final = "#66707c"
LINE: Final = "#e3e6ea"
PAPER: Final = "#ffffff"
WASH: Final = "#f6f7f9"
ACCENT: Final = "#1f5f8b"
ACCENT_WASH: Final = "#c9dcea"
BAD: Final = "#b3372f"
WARN: Final = "#b7791f"
GOOD: Final = "#2f7d5b"

KIND_COLOURS: Final = {
    "llm": ACCENT,
    "tool": "#8a6d1d",
    "retriever": "#3f7f78",
    "embedding": "#6a7f9c",
    "agent": "#9aa5b1",
    "chain": "#b8c0c9",
    "workflow": "#b8c0c9",
    "guardrail": "#7d5a86",
    "other": "#cfd5db",
}
"""Colours of span kinds that stay apart for colour-blind readers by lightness, too."""

DARK_OF: Final = {
    INK: "#e4e8ed",
    MUTED: "#a3adb9",
    LINE: "#303740",
    PAPER: "#13171c",
    WASH: "#1c2229",
    ACCENT: "#74b3df",
    ACCENT_WASH: "#2a465c",
    BAD: "#f08a82",
    WARN: "#dfb257",
    GOOD: "#69bf98",
    "#8fb3cc": "#557f9b",
}
"""What stands for each colour on a dark page."""

_COLOURS: Final = {
    "primaryColor": ACCENT,
    "backgroundColor": PAPER,
    "secondaryBackgroundColor": WASH,
    "textColor": INK,
    "linkColor": ACCENT,
    "borderColor": LINE,
    "dataframeBorderColor": LINE,
    "dataframeHeaderBackgroundColor": WASH,
    "codeBackgroundColor": WASH,
    "redColor": BAD,
    "orangeColor": WARN,
    "greenColor": GOOD,
    "blueColor": ACCENT,
}

OPTIONS: Final = {
    **{f"theme.light.{name}": colour for name, colour in _COLOURS.items()},
    **{f"theme.dark.{name}": DARK_OF[colour] for name, colour in _COLOURS.items()},
    "theme.dark.primaryColor": "#2b78ad",  # buttons write on it in white
    "theme.font": "sans-serif",
    "theme.codeFont": "monospace",
    "theme.baseFontSize": "15",
    "theme.baseRadius": "6px",
    "theme.headingFontSizes": '["1.5rem","1.2rem","1.02rem","1rem","0.95rem","0.9rem"]',
    "theme.headingFontWeights": "[600,600,600,600,600,600]",
    "theme.metricValueFontSize": "1.45rem",
    "theme.showWidgetBorder": "true",
}
"""Light or dark as the browser asks for, or as its reader chooses in the menu."""


def repainted(text: str, *, dark: bool) -> str:
    """Return our own CSS or SVG in the colours of the page it stands on."""
    if dark:
        for light, colour in DARK_OF.items():
            text = text.replace(light, colour)
    return text


CSS: Final = f"""<style>
.stMainBlockContainer {{ padding: 4.4rem 2.2rem 3rem; max-width: 1500px; }}
:is(.st-key-sentence, [class*="st-key-follows"]) [data-testid="stText"] {{ font-size: 1.22rem; line-height: 1.55; color: {INK}; }}
[class*="st-key-muted"] [data-testid="stText"], [class*="st-key-muted"] [data-testid="stText"] * {{ color: {MUTED}; font-size: 0.86rem; }}
[class*="st-key-name"] [data-testid="stText"] {{ font-weight: 600; }}
[class*="st-key-figure"] [data-testid="stText"] {{ font-size: 1.35rem; font-variant-numeric: tabular-nums; }}
[data-testid="stText"] {{ font-family: inherit; overflow-wrap: anywhere; white-space: pre-wrap; }}
[class*="st-key-two-lines"] [data-testid="stText"] {{ display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }}
[class*="st-key-list"] [data-testid="stPageLink"] * {{ white-space: normal; overflow: visible; text-overflow: clip; overflow-wrap: anywhere; }}
[class*="st-key-the-answer"] {{ border-left: 4px solid {ACCENT}; padding: 0.2rem 0 0.2rem 0.9rem; background: {WASH}; }}
.st-key-verdicts button {{ min-height: 44px; min-width: 6rem; }}
[data-testid="stMetricLabel"] p {{ color: {MUTED}; }}
.stMainBlockContainer [data-testid="stPageLink"] :is(a, p, span) {{ white-space: normal; overflow: visible; text-overflow: clip; }}
.stMainBlockContainer [data-testid="stPageLink"] a {{ height: auto; }}
.stHtml dl.facts {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: 0.7rem 1rem; margin: 0; padding: 0; }}
.facts dt {{ color: {MUTED}; font-size: 0.86rem; font-weight: 400; }}
.facts dd {{ margin: 0; overflow-wrap: anywhere; }}
.chart {{ position: relative; margin: 6px 8px 24px 58px; font-size: 11px; line-height: 14px; color: {MUTED}; }}
.chart img {{ position: absolute; inset: 0; width: 100%; height: 100%; max-width: none; border-radius: 0; }}
.chart :is(b, i, u, s) {{ position: absolute; font-weight: 400; font-style: normal; text-decoration: none; white-space: nowrap; }}
.chart b {{ right: calc(100% + 6px); transform: translateY(-50%); }}
.chart i {{ top: calc(100% + 4px); transform: translateX(-50%); }}
.chart s {{ top: 0; height: 100%; }}
.chart s:hover {{ background: {MUTED}; opacity: 0.13; }}
.chart u {{ z-index: 1; padding: 0 5px; }}
.chart u.mark {{ color: {BAD}; overflow: hidden; text-overflow: ellipsis; }}
.chart u.limit {{ color: {INK}; left: 0; pointer-events: none; }}
.chart-rows {{ display: grid; grid-template-columns: fit-content(46%) 1fr; column-gap: 14px; font-size: 13px; line-height: 18px; color: {INK}; }}
.chart-rows b {{ font-weight: 400; padding: 6px 0; overflow-wrap: anywhere; }}
.chart-rows b u {{ display: block; text-decoration: none; font-size: 11px; line-height: 14px; color: {MUTED}; }}
.chart-rows p, .chart-row {{ position: relative; margin: 0 12px 0 0; min-height: 28px; }}
.chart-rows p:not(.chart-axis) {{ border-left: 1px solid {LINE}; }}
.chart-rows s, .chart-row s {{ position: absolute; top: calc(50% - 1.5px); height: 3px; opacity: 0.5; }}
.chart-rows em, .chart-row em {{ position: absolute; top: calc(50% - 4.5px); width: 9px; height: 9px; border-radius: 50%; transform: translateX(-50%); }}
.chart-row u {{ position: absolute; left: 50%; height: 100%; border-left: 1px dashed {MUTED}; }}
.chart-rows .chart-axis i {{ position: absolute; font-style: normal; font-size: 11px; color: {MUTED}; transform: translateX(-50%); white-space: nowrap; }}
.chart-spans b {{ padding: 2px 0; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }}
.chart-spans p {{ min-height: 22px; }}
.chart-spans s {{ top: calc(50% - 6.5px); height: 13px; min-width: 2px; border-radius: 2px; opacity: 1; }}
@media (min-width: 641px) {{
  [data-testid="stColumn"]:has([class*="st-key-the-answer"]) {{ position: sticky; top: 4.2rem; align-self: flex-start; max-height: calc(100vh - 5rem); overflow-y: auto; }}
}}
@media (max-width: 640px) {{
  .stMainBlockContainer {{ padding: 4.3rem 0.9rem 2rem; }}
  .st-key-bar, .st-key-alert-acts {{ gap: 0.45rem; }}
  .st-key-bar > :has([data-testid="stSelectbox"]) {{ width: 42% !important; flex: 1 1 42% !important; }}
  .st-key-bar [data-testid="stSelectbox"] {{ width: 100% !important; }}
  .st-key-muted-bar, [class*="st-key-muted-head"], [data-testid="stLayoutWrapper"]:has(> [class*="st-key-muted-head"]) {{ display: none; }}
  [class*="st-key-concern"], [class*="st-key-forest"] [data-testid="stHorizontalBlock"] {{ padding-bottom: 0.8rem; gap: 0.2rem; }}
  .st-key-filters [data-testid="stColumn"]:not(:first-child) {{ min-width: calc(50% - 1rem); flex: 1 1 calc(50% - 1rem); }}
  [class*="st-key-row"] [data-testid="stColumn"] {{ min-width: 0; flex: 1 1 0; }}
  [class*="st-key-list"] [data-testid="stHorizontalBlock"] {{ gap: 0.15rem; padding-bottom: 0.7rem; border-bottom: 1px solid {LINE}; }}
  [class*="st-key-list"] [data-testid="stHorizontalBlock"]:last-child {{ border-bottom: none; padding-bottom: 0; }}
  [class*="st-key-list"] [data-testid="stColumn"] {{ display: flex; gap: 0.6rem; align-items: baseline; }}
  .stHtml dl.facts {{ grid-template-columns: 1fr 1fr; }}
  .chart i:nth-of-type(even), .chart-axis i:nth-of-type(even) {{ display: none; }}
  .stMainBlockContainer:has(.st-key-which-review) .st-key-bar {{ display: none; }}
}}
</style>"""


def narrow_names(key: str, names: Sequence[str]) -> str:
    """Return the CSS by which, on a narrow screen, each cell of list `key` stands behind the name of its column.

    The names are our own words: they go into a style sheet as they are. The first needs none.
    """
    cell = f'.st-key-list-{key} [data-testid="stHorizontalBlock"] > [data-testid="stColumn"]'
    named = "\n".join(
        f'{cell}:nth-child({place})::before {{ content: "{name}"; opacity: 0.7; font-size: 0.86rem; flex: 0 0 6.2rem; }}'
        for place, name in enumerate(names[1:], 2)
    )
    return f"<style>@media (max-width: 640px) {{\n{named}\n}}</style>"


ICON: Final = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 28 28"><path d="M14 1v15" stroke="{ACCENT}" stroke-width="2"/>'
    f'<path d="M8.5 15h11L14 27z" fill="{ACCENT}"/></svg>'
)
"""The tab's icon; our own, since Streamlit fetches the named ones from a font server."""


def logo(title: str) -> str:
    """Return the wordmark as SVG: a plumb line beside `title`, which is the operator's own setting."""
    width = 30 + 11 * len(title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="28" viewBox="0 0 {width} 28">'
        f'<path d="M12 1v15" stroke="{ACCENT}" stroke-width="1.6"/>'
        f'<path d="M7.5 15.5h9L12 26z" fill="{ACCENT}"/>'
        f'<text x="26" y="20" font-family="sans-serif" font-size="18" font-weight="600" fill="{INK}">{escape(title)}</text>'
        "</svg>"
    )
