"""The real api on a free port of this process, over whoever answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn

from monitor.places import Address, address_of, bind
from plumbline.api.agent_protocol import AgentCore
from plumbline.api.questions import QUESTIONS, Question
from plumbline.api.server import create_app


@contextmanager
def serving(
    core: AgentCore, token: str, host: str = "127.0.0.1", questions: Sequence[type[Question[Any]]] = QUESTIONS
) -> Iterator[str]:
    """The api over `core` for bearers of `token`; yields its base URL."""
    sock = bind(Address(host, 0), "--api")
    config = uvicorn.Config(create_app(core, token, host, questions), log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield address_of(sock).url
    finally:
        server.should_exit = True
        thread.join()
        sock.close()
