"""Clients of a benchmark: threads that send bodies and do what a 503 tells them."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

import httpx

HEADERS = {"Content-Type": "application/x-protobuf"}


@dataclass
class Sent:
    """What the clients saw."""

    latencies: list[float] = field(default_factory=list)
    retries: int = 0
    seconds: float = 0.0


def send(endpoints: Sequence[str], work: Sequence[bytes], clients: int) -> Sent:
    """Send all bodies from `clients` threads, spread over `endpoints`; a refused body is sent again after Retry-After."""
    queue: SimpleQueue[bytes] = SimpleQueue()
    for body in work:
        queue.put(body)
    sent = Sent()
    spread = itertools.islice(itertools.cycle(endpoints), clients)
    threads = [threading.Thread(target=_client, args=(endpoint, queue, sent)) for endpoint in spread]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent.seconds = time.perf_counter() - begun
    return sent


def _client(endpoint: str, queue: SimpleQueue[bytes], sent: Sent) -> None:
    with httpx.Client(timeout=60) as client:
        while True:
            try:
                body = queue.get_nowait()
            except Empty:
                return
            begun = time.perf_counter()
            while (answer := client.post(endpoint, content=body, headers=HEADERS)).status_code == 503:
                sent.retries += 1
                time.sleep(float(answer.headers.get("Retry-After", "1")))
            answer.raise_for_status()
            sent.latencies.append(time.perf_counter() - begun)
