"""A child that loads, runs the cycle and delivers as the agent does, until it is told to stop or killed: the folder is its argument."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from monitor.clock import FakeClock
from plumbline.opening import open_agent
from tests.acceptance.test_arrival_orders import END, SETTINGS


def main(folder: Path) -> None:
    """Work until told to stop; the batch at hand is the last."""
    agent = open_agent(SETTINGS, folder, FakeClock(END), repair=True)
    signal.signal(signal.SIGTERM, lambda *_: agent.stopping.set())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not agent.stopping.is_set():
        agent.settle()
        agent.cycle()
        agent.deliver()
    agent.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
