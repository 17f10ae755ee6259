"""The client over real HTTP, and the trouble it turns into one calm line."""

import contextlib
import shlex
from pathlib import Path

import pytest

from dashboards.client import FRESH_S, Api, Trouble, Unknown
from dashboards.connect import VARIABLES, WAYS, collector_url, lines
from dashboards.process import Commands, arguments, command, environment
from plumbline.api.questions import Page, Questions
from tests.dashboards.conftest import Served
from tests.dashboards.running import N_TURNS


def _api(served: Served) -> contextlib.closing[Api]:
    return contextlib.closing(Api(served.url, served.token))


def test_rows_come_back_with_their_types(full: Served) -> None:
    with _api(full) as api:
        row = api.read("totals", start=None, app="support-assistant")[0]
    assert row["n_turns"] == N_TURNS * 4 // 5
    assert isinstance(row["cost_usd"], float)


def test_the_same_question_is_asked_once_while_fresh(full: Served) -> None:
    now = [0.0]
    with contextlib.closing(Api(full.url, full.token, monotonic=lambda: now[0])) as api:
        full.agent.asked.clear()
        api.read("scopes")
        api.read("scopes")
        assert [asked for asked in full.agent.asked if not isinstance(asked, Questions)] == [Page("scopes")]
        now[0] = FRESH_S + 1
        api.read("scopes")
        assert full.agent.asked.count(Page("scopes")) == 2


def test_an_unknown_read_is_unknown(full: Served) -> None:
    with _api(full) as api, pytest.raises(Unknown, match="nothing here is named nonsense"):
        api.read("nonsense")


def test_a_bad_parameter_is_one_line(full: Served) -> None:
    with _api(full) as api, pytest.raises(Trouble, match="parameter bucket_s: 'abc' is not a number") as told:
        api.read("traffic", bucket_s="abc")
    assert "\n" not in str(told.value)


def test_a_dead_agent_says_what_to_start(full: Served) -> None:
    with contextlib.closing(Api("http://127.0.0.1:9", full.token)) as api, pytest.raises(Trouble, match="plumbline up"):
        api.status()


def test_a_missing_token_says_where_it_was_looked_for(full: Served, tmp_path: Path) -> None:
    with (
        contextlib.closing(Api(full.url, tmp_path / "none")) as api,
        pytest.raises(Trouble, match=r"left its token at .*none"),
    ):
        api.status()


def test_a_wrong_token_is_told_apart(full: Served, tmp_path: Path) -> None:
    wrong = tmp_path / "token"
    wrong.write_text("wrong")
    with contextlib.closing(Api(full.url, wrong)) as api, pytest.raises(Trouble, match="refused the token"):
        api.status()


def test_a_report_that_is_gone_is_unknown(full: Served) -> None:
    with _api(full) as api, pytest.raises(Unknown):
        api.report("missing")


def test_the_command_hands_over_what_the_app_reads(tmp_path: Path) -> None:
    line = command("http://127.0.0.1:4319", tmp_path / "token", "127.0.0.1", 8501, "Plumbline <&>")
    own = arguments(line[line.index("--") + 1 :])
    assert (own.api, own.token_file, own.title) == ("http://127.0.0.1:4319", tmp_path / "token", "Plumbline <&>")
    assert line[line.index("--browser.gatherUsageStats") + 1] == "false"
    assert line[line.index("--server.address") + 1] == "127.0.0.1"
    assert (Path(environment()["PYTHONPATH"]) / "dashboards" / "app.py").is_file()


@pytest.mark.parametrize(
    ("status", "url"),
    [
        ({"collector": "10.0.0.5:4320"}, "http://10.0.0.5:4320"),
        ({}, "http://127.0.0.1:4318"),
    ],
)
def test_the_first_page_names_the_collector(status: dict[str, object], url: str) -> None:
    assert collector_url(status) == url
    assert f"OTEL_EXPORTER_OTLP_ENDPOINT={url}" in VARIABLES.format(url=collector_url(status))


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_connect_has_the_address_in_it(way: str) -> None:
    told = lines(way, "http://127.0.0.1:7")
    assert "http://127.0.0.1:7" in told
    assert "{url}" not in told
    assert "{{" not in told


def test_a_line_for_a_terminal_names_this_installation_and_its_data(tmp_path: Path) -> None:
    folder = tmp_path / "my data"
    program, asked, flag, where = shlex.split(Commands(folder).line("demo"))
    assert Path(program).is_file()
    assert (asked, flag, where) == ("demo", "--data-dir", str(folder))
