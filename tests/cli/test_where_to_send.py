"""Where an application is told to send: to the collector that runs, not to where one usually does."""

from __future__ import annotations

import os
from pathlib import Path

from monitor.config.schema import CollectorSettings, Settings
from monitor.places import Address, Places, announced
from plumbline.opening import open_agent


def test_the_agent_says_where_its_collector_is(tmp_path: Path) -> None:
    agent = open_agent(Settings(collector=CollectorSettings(otlp_http="127.0.0.1:4999")), tmp_path)
    try:
        assert agent.status()["collector"] == "127.0.0.1:4999"
        with announced(Places(tmp_path), "collector", Address("127.0.0.1", 35419)) as run:
            assert run.pid == os.getpid()
            assert agent.status()["collector"] == "127.0.0.1:35419"
    finally:
        agent.close()
