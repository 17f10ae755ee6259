"""The dashboard's own gate over a real socket, and what web pages of others get to read of it in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.doorkeeper import Names, policy
from tests.dashboards.conftest import Served
from tests.dashboards.foreign_site import REBOUND, read_nothing
from tests.dashboards.running import CHROMIUM, browser, dashboard, upgraded

HOME = Names("127.0.0.1")
PROXIED = Names("127.0.0.1", "https://plumbline.example")


@pytest.fixture(scope="module")
def shown(full: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with dashboard(full.url, tmp_path_factory.mktemp("gate")) as url:
        yield url


@pytest.mark.parametrize("host", ["127.0.0.1:8501", "localhost:8501", "LOCALHOST", "[::1]:8501"])
def test_loopback_is_our_own(host: str) -> None:
    assert HOME.is_own_host(host)


@pytest.mark.parametrize(
    "host", ["", ":8501", "evil.example", "127.0.0.1.evil.example", "evil.example:8501", "10.0.0.7:8501", "[::2]"]
)
def test_any_other_name_is_foreign(host: str) -> None:
    assert not HOME.is_own_host(host)


def test_a_proxy_may_send_the_public_name_and_nothing_like_it() -> None:
    assert PROXIED.is_own_host("plumbline.example")
    assert not PROXIED.is_own_host("plumbline.example:81")
    assert not PROXIED.is_own_host("x.plumbline.example")


@pytest.mark.parametrize(
    ("names", "origin", "own"),
    [
        (HOME, "http://127.0.0.1:8501", True),
        (HOME, "http://localhost:8501", False),
        (HOME, "http://localhost:9999", False),
        (HOME, "http://127.0.0.1:9999", False),
        (HOME, "https://127.0.0.1:8501", False),
        (HOME, "null", False),
        (HOME, "", False),
        (PROXIED, "https://plumbline.example", True),
        (PROXIED, "http://plumbline.example", False),
        (PROXIED, "https://plumbline.example.evil", False),
    ],
)
def test_an_origin_is_ours_to_the_port(names: Names, origin: str, own: bool) -> None:
    assert names.is_own_origin(origin, "127.0.0.1:8501") is own


@given(st.text())
def test_no_text_as_origin_breaks_or_passes(text: str) -> None:
    assert not HOME.is_own_origin(text, "127.0.0.1:8501") or text.lower() == "http://127.0.0.1:8501"


def test_a_script_is_allowed_by_its_hash_only() -> None:
    told = policy("<script>one()</script><script src='x'></script>")
    assert "unsafe" not in told.partition("script-src")[2].partition(";")[0]
    assert told.count("sha256-") == 1


@pytest.mark.parametrize(
    "path", ["/", "/traces", "/_stcore/health", "/_stcore/host-config", "/favicon.png", "/_stcore/agent/openapi.json"]
)
def test_a_foreign_host_is_answered_421_everywhere(path: str, shown: str) -> None:
    got = httpx.get(shown + path, headers={"host": "evil.example"}, trust_env=False)
    assert got.status_code == 421
    assert got.headers["x-frame-options"] == "DENY"


def test_every_answer_carries_the_headers(shown: str) -> None:
    for path in ("/", "/traces", "/_stcore/health", "/nothing-here.js"):
        got = httpx.get(shown + path, trust_env=False).headers
        assert "frame-ancestors 'none'" in got["content-security-policy"]
        assert (got["x-frame-options"], got["x-content-type-options"]) == ("DENY", "nosniff")
        assert got["cross-origin-resource-policy"] == "same-origin"


def test_a_foreign_origin_is_refused_by_http(shown: str) -> None:
    for origin in ("http://localhost:9999", "https://evil.example", "null"):
        assert httpx.get(shown, headers={"origin": origin}, trust_env=False).status_code == 403
    assert httpx.get(shown, headers={"origin": shown}, trust_env=False).is_success


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        (None, "http://localhost:9999", 403),
        (None, "https://evil.example", 403),
        (None, None, 403),
        ("evil.example", "http://evil.example", 403),
        (None, "own", 101),
    ],
)
def test_a_web_socket_is_for_our_own_pages(host: str | None, origin: str | None, status: int, shown: str) -> None:
    assert upgraded(shown, host, shown if origin == "own" else origin) == status


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium on this machine")
def test_nothing_is_readable_from_a_rebound_name_a_frame_or_another_local_site(shown: str) -> None:
    with browser(REBOUND) as chrome:
        read_nothing(chrome, shown)
