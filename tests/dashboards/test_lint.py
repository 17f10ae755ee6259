"""What may not stand in the dashboard's code: ways to render data as markup, deprecated calls, imports of ours."""

import ast
import re
from pathlib import Path

import pytest

import dashboards

ROOT = Path(dashboards.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
BANNED = re.compile(
    r"unsafe_allow_html|unsafe_allow_javascript|components\.v1|declare_component|st\.iframe|st\.table|use_container_width"
    r"|use_column_width|MarkdownColumn|LinkColumn|ImageColumn|st\.experimental|st\.image|st\.latex"
)
MARKUP = {"markdown", "write", "html", "title", "header", "subheader", "caption", "info", "warning", "error", "success"}
"""Streamlit calls that read Markdown or HTML."""

SAFE_CALLS = {
    "is_rate",
    "count",
    "when",
    "share",
    "took",
    "money",
    "label",
    "str",
    "len",
    "join",
    "capitalize",
    "replace",
}


def _calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_renders_data_as_markup(file: Path) -> None:
    assert BANNED.findall(file.read_text()) == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_markdown_calls_never_take_a_field_of_a_row(file: Path) -> None:
    """`st.caption(row["app"])` would read Markdown that a client sent; numbers, times and escaped labels may be in it."""
    for call in _calls(ast.parse(file.read_text())):
        if _name(call) not in MARKUP or not call.args:
            continue
        for node in ast.walk(call.args[0]):
            if (
                isinstance(node, ast.Subscript)
                and isinstance(node.slice, ast.Constant)
                and isinstance(node.slice.value, str)
            ):
                assert _inside_safe_call(call.args[0], node), f"{file.name}:{node.lineno}"


def _inside_safe_call(root: ast.AST, inner: ast.AST) -> bool:
    return any(
        isinstance(call.func, ast.Name) and call.func.id in SAFE_CALLS and any(node is inner for node in ast.walk(call))
        for call in ast.walk(root)
        if isinstance(call, ast.Call)
    )


def test_html_is_used_for_constants_and_for_what_markup_escaped() -> None:
    used = [
        (file.name, call) for file in FILES for call in _calls(ast.parse(file.read_text())) if _name(call) == "html"
    ]
    assert [(name, ast.unparse(call)) for name, call in used] == [
        ("app.py", "st.html(repainted(CSS, dark=dark))"),
        ("listing.py", "st.html(narrow_names(key, [column.name for column in columns]))"),
        ("markup.py", "st.html(as_pictures(in_colours(html, dark=st.context.theme.type == 'dark')))"),
        ("name_tag.py", "st.html(SIGN_OUT)"),
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_of_ours_is_imported_but_the_dashboard(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not [name for name in names if name.partition(".")[0] in {"monitor", "collectors", "alerts"}]


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""
