"""Where applications live: forked servers, gevent, asyncio, processes that end at once, collectors that hang or are gone."""

from __future__ import annotations

import json
import socket
from collections import Counter

import pytest

from tests.sdk.door import HEAD, Door, run_app


def names(door: Door) -> Counter[str]:
    return Counter(span.name for span in door.spans())


def test_forked_workers_send_their_own_spans_and_nobodys_twice(door: Door) -> None:
    """A pre-fork server that calls `init` and works before it forks, and whose workers leave without atexit."""
    run_app(
        door,
        """
        plumbline.init()
        with tracer.start_as_current_span("parent"):
            plumbline.feedback("parent", 1)
        children = []
        for number in range(3):
            child = os.fork()
            if not child:
                with tracer.start_as_current_span(f"child {number}"):
                    plumbline.feedback("child", 1)
                os._exit(0 if plumbline.flush(20) and plumbline.stats()["sent"] == 2 else 1)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
        """,
    )
    assert names(door) == {"parent": 1, "child 0": 1, "child 1": 1, "child 2": 1}
    assert len(door.records()) == 4


def test_init_after_fork_and_a_fork_while_the_queue_is_busy(door: Door) -> None:
    run_app(
        door,
        """
        def work(name):
            for _ in range(300):
                with tracer.start_as_current_span(name): pass
        child = os.fork()
        plumbline.init()
        noise = [threading.Thread(target=work, args=(f"thread of {'parent' if child else 'child'}",)) for _ in range(4)]
        for thread in noise: thread.start()
        inner = os.fork()
        if not inner:
            with tracer.start_as_current_span("forked amid noise"): pass
            os._exit(0 if plumbline.flush(20) else 1)
        for thread in noise: thread.join()
        ended = os.waitpid(inner, 0)[1]
        assert plumbline.flush(20)
        if not child:
            os._exit(ended)
        assert (ended, os.waitpid(child, 0)[1]) == (0, 0)
        """,
    )
    assert names(door) == {"thread of parent": 1200, "thread of child": 1200, "forked amid noise": 2}


@pytest.mark.parametrize("order", ["patched first", "imported first"])
def test_under_gevent_greenlets_do_not_mix_and_the_hub_is_never_held(door: Door, order: str) -> None:
    patch = "from gevent import monkey; monkey.patch_all()\n"
    said = run_app(
        door,
        """
        import gevent
        plumbline.init()
        def request(number):
            with plumbline.identity(user=f"u{number}"):
                gevent.sleep(0.001 * (number % 3))
                with tracer.start_as_current_span(f"u{number}"):
                    gevent.sleep(0.001)
        ticks = []
        def tick():
            while True:
                ticks.append(1)
                gevent.sleep(0.01)
        ticking = gevent.spawn(tick)
        gevent.joinall([gevent.spawn(request, number) for number in range(200)])
        before = len(ticks)
        gevent.sleep(0.3)
        assert len(ticks) > before + 3, "the worker held the hub"
        assert plumbline.flush(20)
        print(plumbline.stats())
        """,
        head=patch + HEAD if order == "patched first" else HEAD + patch,
    )
    assert "{'sent': 200, 'dropped': 0, 'lost': 0}" in said
    tagged = {span.name: span.attributes[0].value.string_value for span in door.spans()}
    assert tagged == {f"u{number}": f"u{number}" for number in range(200)}


def test_forking_under_gevent(door: Door) -> None:
    run_app(
        door,
        """
        import gevent
        plumbline.init()
        with tracer.start_as_current_span("parent"): pass
        assert plumbline.flush(20)
        child = os.fork()
        with tracer.start_as_current_span("after"): pass
        assert plumbline.flush(20)
        if not child:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """,
        head="from gevent import monkey; monkey.patch_all()\n" + HEAD,
    )
    assert names(door) == {"parent": 1, "after": 2}


def test_asyncio_requests_are_not_held_by_a_collector_that_hangs(door: Door) -> None:
    door.hold.set()
    said = run_app(
        door,
        """
        import asyncio, json
        plumbline.init()
        async def serve():
            for _ in range(6000):
                with tracer.start_as_current_span("chat"):
                    plumbline.feedback("helpful", 1)
                await asyncio.sleep(0)
        asyncio.run(serve())  # had one request waited for the network, this would never end
        assert plumbline.flush(0.2) is False
        print(json.dumps(plumbline.stats()), flush=True)
        os._exit(0)
        """,
    )
    stats = json.loads(said)
    assert stats["sent"] == 0
    assert (
        2 * 6000 - 2 * (4096 + 256 + 1) <= stats["dropped"] < 2 * 6000
    )  # what the queues and workers hold is not lost yet


def test_a_collector_that_is_gone_does_not_hold_the_exit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    run_app(  # which fails when the process does not end
        None,
        'plumbline.init()\nwith tracer.start_as_current_span("chat"): plumbline.feedback("helpful", 1)',
        PLUMBLINE_ENDPOINT=f"http://127.0.0.1:{port}",
    )


def test_refused_batches_are_counted_as_lost(door: Door) -> None:
    door.status = 400
    said = run_app(
        door,
        """
        plumbline.init()
        with tracer.start_as_current_span("chat"): pass
        print(plumbline.flush(20), plumbline.stats())
        """,
    )
    assert "True {'sent': 0, 'dropped': 0, 'lost': 1}" in said


def test_our_own_requests_are_not_traced(door: Door) -> None:
    """An instrumented HTTP client would trace each export, whose span would be exported, for ever."""
    run_app(
        door,
        """
        import requests
        from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, get_value
        send = requests.Session.send
        seen = []
        def traced(self, *args, **kwargs):
            seen.append(get_value(_SUPPRESS_INSTRUMENTATION_KEY))
            return send(self, *args, **kwargs)
        requests.Session.send = traced
        plumbline.init()
        with tracer.start_as_current_span("chat"): pass
        assert plumbline.flush(20)
        assert seen == [True], seen
        """,
    )


def test_a_forked_multiprocessing_pool_flushes(door: Door) -> None:
    run_app(
        door,
        """
        import multiprocessing
        plumbline.init()
        def job(number):
            with tracer.start_as_current_span("job"): pass
            return plumbline.flush(20)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert all(pool.map(job, range(8)))
        """,
    )
    assert names(door) == {"job": 8}
