"""An agent with generated traffic in a process of its own, to be killed: `python -m tests.dashboards.killed_agent PORT FOLDER`."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from tests.dashboards.conftest import utc_now
from tests.support.fake_api import TOKEN, FakeAgent
from tests.support.generated_store import generated_store
from tests.support.serving import serving


def main(port: int, folder: Path) -> None:
    """Serve until killed."""
    agent = FakeAgent(generated_store(300, now=utc_now()), folder)
    with serving(agent, TOKEN, port=port):
        print("ready", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
