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
from plumbline.api.call import Credentials, token_owner
from plumbline.api.question import Question
from plumbline.api.questions import QUESTIONS
from plumbline.api.server import create_app


@contextmanager
def serving(
    core: AgentCore,
    token: str | Credentials,
    host: str = "127.0.0.1",
    questions: Sequence[type[Question[Any]]] = QUESTIONS,
    port: int = 0,
) -> Iterator[str]:
    """The api over `core` for bearers of `token`, or of other credentials; yields its base URL. Port 0 is a free one."""
    sock = bind(Address(host, port), "--api")
    config = uvicorn.Config(
        create_app(core, _credentials(token), host, questions), log_level="critical", lifespan="off"
    )
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


def _credentials(token: str | Credentials) -> Credentials:
    return (lambda given, _: token_owner() if given == token else None) if isinstance(token, str) else token
