"""A policy is changed on its page: seen beside the one in force, put in force once, taken back; and why not is said."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from plumbline.api.policy_questions import ActivatePolicy, PreviewPolicy, RollBackPolicy
from tests.dashboards.conftest import Served
from tests.dashboards.one_view import press, run, texts


@pytest.fixture(autouse=True)
def governs(served: Served) -> None:
    served.agent.scopes = [*served.agent.scopes, "govern"]


def opened(served: Served) -> AppTest:
    fresh = Served(served.agent, served.url.replace("127.0.0.1", "localhost"), served.token)
    page = run("policy", fresh.url, fresh.token, {"rule": "ROB-02"})
    assert not page.exception
    return page.toggle[0].set_value(True).run()


def test_a_change_is_seen_before_it_counts(served: Served) -> None:
    page = opened(served)
    page.text_area[0].set_value("apiVersion: policy/v1 # edited\n").run()
    page = press(page, "See what it would change")
    assert PreviewPolicy("starter.yaml", "apiVersion: policy/v1 # edited\n", "7d", 2000) in served.agent.asked
    assert "2\\,000 of 9\\,000 answers graded\\; nothing was stored\\." in texts(page)
    assert any("Never answer with *nothing*" in table.value.to_string() for table in page.dataframe)
    press(page, "The same on all of it")
    assert PreviewPolicy("starter.yaml", "apiVersion: policy/v1 # edited\n", "7d", None) in served.agent.asked


def test_it_is_put_in_force_and_taken_back_by_the_write_path(served: Served) -> None:
    page = press(opened(served), "Put it in force")
    assert ActivatePolicy("starter.yaml", "apiVersion: policy/v1\n", "active", "") in served.agent.asked
    assert [element.value for element in page.success] == ["It is active now\\."]
    press(page, "Take the last change back")
    assert RollBackPolicy("starter") in served.agent.asked
    assert len({key for key in served.agent.keys if key}) >= 2


def test_why_not_is_said_beside_the_buttons(served: Served) -> None:
    served.agent.refusal = "policy starter needs the approval of *legal*"
    page = press(opened(served), "Put it in force")
    assert "needs the approval of \\*legal\\*" in page.error[0].value


def test_who_may_not_change_policies_is_told(served: Served) -> None:
    served.agent.scopes = ["read", "operate"]
    page = opened(served)
    assert "Put it in force" not in [button.label for button in page.button]
    assert "Your role does not allow this" in texts(page)
