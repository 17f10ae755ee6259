"""What a SELECT is made of, held against a list of what it may be made of.

DuckDB calls `WITH x AS (DELETE ...) SELECT` a SELECT, and functions such as `query` run text as SQL, so neither the type of a
statement nor a list of what is forbidden is enough. Here the parsed tree is walked: a node, a function or a table that is not
known is refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import duckdb

from monitor.errors import BadSql
from monitor.store.ddl import BASE
from monitor.store.user_sql.functions import FUNCTIONS
from monitor.store.views import VIEWS

EXPRESSIONS: Final = """
BETWEEN CASE CAST COLLATE COLUMN_REF COMPARISON CONJUNCTION CONSTANT FUNCTION LAMBDA OPERATOR POSITIONAL_REFERENCE
STAR SUBQUERY TYPE WINDOW
"""
NODES: Final = """
SELECT_NODE SET_OPERATION_NODE RECURSIVE_CTE_NODE CTE_NODE
BASE_TABLE SUBQUERY JOIN TABLE_FUNCTION EMPTY EXPRESSION_LIST PIVOT SHOW_REF
ORDER_MODIFIER LIMIT_MODIFIER LIMIT_PERCENT_MODIFIER DISTINCT_MODIFIER ORDER_DEFAULT ASCENDING DESCENDING
"""
"""Queries, what stands in FROM, and what follows."""

VERBS: Final[Mapping[str, str]] = {
    "DELETE_QUERY_NODE": "DELETE",
    "INSERT_QUERY_NODE": "INSERT",
    "UPDATE_QUERY_NODE": "UPDATE",
    "MERGE_QUERY_NODE": "MERGE",
    "COPY_QUERY_NODE": "COPY",
}
SESSION_WORDS: Final = frozenset({"user", "current_user", "session_user", "current_role", "current_catalog"})
"""Column names that DuckDB answers itself where no such column exists: `user` would be the database's."""

CATALOG: Final = frozenset({("information_schema", "tables"), ("information_schema", "columns")})
SPECIAL: Final = frozenset({"", '"tables"', "tables"})
"""What SHOW may be asked for without a query behind it."""

DEEPEST: Final = 200


def check(connection: duckdb.DuckDBPyConnection, sql: str, extra: Collection[str] = ()) -> None:
    """Return where `sql` is one SELECT made of what is allowed; `extra` names tables beside the views. Raises `BadSql`."""
    tree = _parsed(connection, sql)
    known = {*VIEWS, *extra, *(name.lower() for name in _named_queries(tree, 0))}
    for node in _nodes(tree, 0):
        _check(node, known)


def one_line(error: Exception) -> str:
    """Return what DuckDB says as one line."""
    return " ".join(str(error).split())[:400]


def _parsed(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    try:
        # Asked of the module, it would open a store of its own, with its threads.
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise BadSql(one_line(error)) from None
    if len(statements) != 1:
        raise BadSql(f"{len(statements)} statements given (write exactly one SELECT)")
    if statements[0].type != duckdb.StatementType.SELECT:
        raise BadSql(f"{statements[0].type.name} is not allowed here (write one SELECT; the store is read-only)")
    ((text,),) = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    tree = json.loads(text)
    if tree.get("error", True):
        told = " ".join(str(tree.get("error_message", "it cannot be read")).split())[:300]
        raise BadSql(f"{told} (write one SELECT; PIVOT needs its values listed: ON column IN (...))")
    return tree["statements"]


def _nodes(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > DEEPEST:
        raise BadSql("the query is nested too deeply (write it in steps: WITH step AS (...))")
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _nodes(part, depth + 1)


def _named_queries(tree: Any, depth: int) -> Iterator[str]:
    """Yield the names that WITH gives."""
    for node in _nodes(tree, depth):
        entries = node.get("cte_map", {}).get("map", ()) if isinstance(node.get("cte_map"), dict) else ()
        yield from (str(entry["key"]) for entry in entries)


def _check(node: Mapping[str, Any], known: Collection[str]) -> None:
    kind, family = node.get("type"), node.get("class")
    if family is None and isinstance(kind, str) and kind not in NODES.split():
        raise BadSql(f"{VERBS.get(kind, kind)} is not allowed here (write one SELECT; the store is read-only)")
    if family is not None and family not in EXPRESSIONS.split():
        raise BadSql(f"{family} is not allowed here (write one SELECT over the views)")
    if "query_node" in node and not isinstance(node["query_node"], dict):
        raise BadSql("this WITH is not allowed here (write WITH name AS (SELECT ...))")
    if family in {"FUNCTION", "WINDOW"}:
        _check_function(str(node["function_name"]))
    elif family == "COLUMN_REF":
        _check_column(node["column_names"])
    elif family is None and kind == "BASE_TABLE":
        _check_table(tuple(str(part).lower() for part in node["qualified_name"]["path"]), known)
    elif family is None and kind == "SHOW_REF" and node["table_name"].lower() not in SPECIAL:
        raise BadSql("only SHOW TABLES and DESCRIBE of a view are allowed here")


def _check_function(name: str) -> None:
    if name.lower() not in FUNCTIONS:
        raise BadSql(f"{name[:80]}() is not allowed here (query the views; `plumbline sql --help` lists them)")


def _check_column(names: list[str]) -> None:
    if len(names) == 1 and names[0].lower() in SESSION_WORDS:
        raise BadSql(f"`{names[0]}` is the database's own, not a column (the people of traces are in user_id)")


def _check_table(path: tuple[str, ...], known: Collection[str]) -> None:
    *schema, name = path
    fits = {(): name in known, ("main",): name in VIEWS, ("base",): name in BASE or name == "schema_version"}
    if not fits.get(tuple(schema), path in CATALOG):
        raise BadSql(f"there is no view `{'.'.join(path)[:80]}` (views: {', '.join(sorted(known))})")
