"""The real dashboard in a real browser: every page drawn, nothing run, nothing fetched from elsewhere."""

import json
import re
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from plumbline.api.question import name_of
from tests.dashboards.conftest import Served, utc_now
from tests.dashboards.running import CHROMIUM, PAGES, dashboard
from tests.support.generated_texts import HOSTILE
from tests.support.payloads import PAYLOADS
from tests.support.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium on this machine")]

SHOTS = Path(tempfile.gettempdir()) / "shots"
HARMLESS = ("_stcore/health", "_stcore/host-config")
"""Streamlit looks for its own base path."""


@pytest.fixture(scope="module")
def shown(full: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with dashboard(full.url, tmp_path_factory.mktemp("dashboard")) as url:
        yield url


@pytest.fixture(scope="module")
def shown_hostile(hostile: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with dashboard(hostile.url, tmp_path_factory.mktemp("hostile")) as url:
        yield url


def open_page(driver: Chrome, url: str) -> float:
    """Open `url`, wait until it is drawn, return the seconds it took."""
    began = time.monotonic()
    driver.get(url)
    while time.monotonic() - began < 30:
        state = driver.execute_script(
            "return document.querySelector('[data-test-script-state]')?.dataset.testScriptState"
        )
        drawn = driver.find_elements(By.CSS_SELECTOR, ".stMainBlockContainer [data-testid=stText]")
        if state == "notRunning" and drawn:
            return time.monotonic() - began
        time.sleep(0.05)
    pytest.fail(f"{url} was not drawn")


def logged(driver: Chrome, kind: str) -> list[dict[str, str]]:
    entries: list[dict[str, str]] = driver.get_log(kind)  # type: ignore[no-untyped-call]  # selenium's own gap
    return entries


def complaints(driver: Chrome) -> list[str]:
    entries = [entry["message"] for entry in logged(driver, "browser") if entry["level"] != "INFO"]
    return [message for message in entries if not any(part in message for part in HARMLESS)]


def foreign(driver: Chrome) -> list[str]:
    """Return every address that was asked for and is not on this machine."""
    asked = []
    for entry in logged(driver, "performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.append(message["params"]["request"]["url"])
    return [
        url
        for url in asked
        if urlsplit(url).scheme not in {"data", "blob", "chrome"} and "127.0.0.1" not in urlsplit(url).netloc
    ]


def shoot(driver: Chrome, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    time.sleep(1)  # charts fade in
    driver.save_screenshot(str(SHOTS / f"{name}.png"))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_drawn_without_complaint(name: str, shown: str, chrome: Chrome) -> None:
    took = open_page(chrome, f"{shown}/{PAGES[name]}")
    shoot(chrome, name)
    print(f"{name}: {took:.2f} s")
    assert complaints(chrome) == []
    assert foreign(chrome) == []
    assert not chrome.find_elements(By.CSS_SELECTOR, "[data-testid=stException], [data-testid=stAppDeployButton]")


@pytest.mark.parametrize("name", ["overview", "traces", "quality", "drift", "ab", "alerts", "sources"])
def test_hostile_text_runs_nothing_and_fetches_nothing(name: str, shown_hostile: str, chrome: Chrome) -> None:
    open_page(chrome, f"{shown_hostile}/{PAGES[name]}")
    shoot(chrome, f"hostile-{name}")
    assert_harmless(chrome)


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_trace_runs_nothing_and_fetches_nothing(number: int, shown_hostile: str, chrome: Chrome) -> None:
    open_page(chrome, f"{shown_hostile}/traces?trace={200 + number:032x}")
    shoot(chrome, f"hostile-trace-{number}")
    assert_harmless(chrome)


def assert_harmless(driver: Chrome) -> None:
    assert driver.execute_script("return window.pwned === undefined")
    planted = (
        "img[src*=x]:not([src^='data:image/svg+xml;base64,']), svg[onload], [onerror], [onmouseover], iframe[srcdoc], "
        "a[href*='//198.51'], a[href^=javascript]"
    )
    assert driver.find_elements(By.CSS_SELECTOR, f".stMainBlockContainer :is({planted})") == []
    assert foreign(driver) == []
    assert complaints(driver) == []


def test_a_link_to_the_bare_address_finds_its_page(shown: str, chrome: Chrome) -> None:
    open_page(chrome, f"{shown}/?finding=f1refusal0000001")
    assert urlsplit(chrome.current_url).path == "/drift"
    assert "finding=f1refusal0000001" in chrome.current_url


def test_the_bar_stays_when_the_page_changes(shown: str, chrome: Chrome) -> None:
    open_page(chrome, f"{shown}/?range=7d&app=support-assistant")
    chrome.find_element(By.CSS_SELECTOR, "a[href*='quality']").click()
    eventually(lambda: "/quality" in chrome.current_url and "range=7d" in chrome.current_url)
    assert "app=support-assistant" in chrome.current_url


def test_a_click_on_attention_opens_it(shown: str, chrome: Chrome) -> None:
    open_page(chrome, f"{shown}/?range=30d")
    _concern(chrome).click()
    eventually(lambda: "/alert?" in chrome.current_url and "alert=a1b2c3d4e5f60001" in chrome.current_url)
    chosen = "[data-testid=stBaseButton-segmented_controlActive], .st-key-range [aria-checked=true]"
    eventually(lambda: any("30d" in b.text for b in chrome.find_elements(By.CSS_SELECTOR, chosen)))
    assert not chrome.find_elements(By.CSS_SELECTOR, "[data-testid=stException]")


def _concern(driver: Chrome) -> WebElement:
    link = "[class*=st-key-concern] a[href*='alert=a1b2c3d4e5f60001']"
    eventually(lambda: bool(driver.find_elements(By.CSS_SELECTOR, link)))
    return driver.find_element(By.CSS_SELECTOR, link)


def test_back_undoes_one_step_at_a_time(shown: str, chrome: Chrome) -> None:
    open_page(chrome, f"{shown}/?range=all")
    _concern(chrome).click()
    eventually(lambda: "alert=a1b2c3d4e5f60001" in chrome.current_url and "All alerts" in _body(chrome))
    _link(chrome, "All alerts")
    eventually(lambda: "alert=a1b2" not in chrome.current_url and "Firing" in _body(chrome))
    chrome.find_element(By.CSS_SELECTOR, "a[href*='/drift']").click()
    eventually(lambda: "/drift" in chrome.current_url)
    for path in ("/alerts", "/alert", "/"):
        chrome.back()
        eventually(partial(_is_at, chrome, path))
    eventually(lambda: "Needs attention" in _body(chrome))
    assert urlsplit(chrome.current_url).path == "/"


def _is_at(driver: Chrome, path: str) -> bool:
    return urlsplit(driver.current_url).path == path


def _link(driver: Chrome, words: str) -> None:
    next(a for a in driver.find_elements(By.CSS_SELECTOR, "a") if words in a.text).click()


@pytest.mark.parametrize("name", ["overview", "alerts", "alert", "drift", "finding", "ab", "sources", "incidents"])
def test_a_page_has_a_title_of_its_own_and_one_heading(name: str, shown: str, chrome: Chrome) -> None:
    open_page(chrome, f"{shown}/{PAGES[name]}")
    eventually(lambda: chrome.title.endswith("· Plumbline"))
    eventually(lambda: len(chrome.find_elements(By.CSS_SELECTOR, ".stMainBlockContainer h1")) == 1)
    page = chrome.title.partition(" · ")[0]
    assert page.lower().replace("/", "") in {*PAGES, "alert", "alerts", "drift", "ab"}


def test_an_empty_store_says_what_to_set_and_turns_green(empty: Served, tmp_path: Path, chrome: Chrome) -> None:
    folder = tmp_path / "dashboard"
    folder.mkdir()
    with dashboard(empty.url, folder) as url:
        chrome.get(url)
        eventually(lambda: "Waiting for the first span" in _body(chrome))
        eventually(
            lambda: "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318" in _body(chrome)
        )  # code is coloured later
        shoot(chrome, "first-run")
        store = empty.agent.store
        row = {"trace_id": "a" * 32, "span_id": "b" * 16, "time": store.now, "received_at": store.now}
        store.insert("spans", [row])
        eventually(lambda: "The first span has arrived" in _body(chrome))
        shoot(chrome, "first-span")
        eventually(lambda: "Ledger" in _body(chrome))
        chrome.get(LEFT)


def test_a_dead_agent_is_one_calm_line(tmp_path: Path, chrome: Chrome) -> None:
    with dashboard("http://127.0.0.1:9", tmp_path) as url:
        chrome.get(url)
        eventually(lambda: "does not answer. Start it with: plumbline up" in _body(chrome))
        shoot(chrome, "unreachable")
        assert "Traceback" not in _body(chrome)
        chrome.get(LEFT)


LEFT = "about:blank"
"""A page that stands open when its dashboard ends complains, which the next test would be told of."""


def _body(driver: Chrome) -> str:
    return driver.find_element(By.TAG_NAME, "body").text


def test_from_the_link_in_a_message_to_the_end_of_the_alert(full: Served, shown: str, chrome: Chrome) -> None:
    """Who is affected, taken up, silenced, closed: what somebody does at 03:00, each by a press and on record."""
    full.agent.asked.clear()
    open_page(chrome, f"{shown}/?alert=a1b2c3d4e5f60001")
    eventually(lambda: "Refuses what it should answer" in _body(chrome))
    _press(chrome, "I take this up")
    eventually(lambda: "You have taken it up" in _body(chrome))
    _press(chrome, "Silence")
    why = "input[aria-label='Why']"
    eventually(lambda: bool(chrome.find_elements(By.CSS_SELECTOR, why)))
    chrome.find_element(By.CSS_SELECTOR, why).send_keys("we are deploying\n")
    _press(chrome, "Silence it")
    eventually(lambda: "It is silent" in _body(chrome))
    _press(chrome, "Close")
    eventually(lambda: "Was it worth its message?" in _body(chrome))
    _press(chrome, "Close it")
    eventually(lambda: "It is closed" in _body(chrome))
    done = [name_of(type(asked)) for asked in full.agent.asked if type(asked).method == "POST"]
    assert done == ["ackalert", "silencealert", "closealert"]


PRESS = """
const words = arguments[0];
const said = (button) => {
  const copy = button.cloneNode(true);
  copy.querySelectorAll('[data-testid=stIconMaterial]').forEach((icon) => icon.remove());
  return copy.textContent.trim();
};
const there = [...document.querySelectorAll('button')].filter((one) => one.offsetParent && said(one) === words);
there.at(-1)?.click();
return there.length > 0;
"""
"""In one go: a page that is drawn anew takes its buttons away while they are looked at."""


def _press(driver: Chrome, words: str) -> None:
    eventually(lambda: bool(driver.execute_script(PRESS, words)))


def test_a_link_is_there_to_be_copied_and_says_what_is_chosen(shown: str, chrome: Chrome) -> None:
    open_page(chrome, f"{shown}/alerts?range=7d&app=support-assistant")
    _press(chrome, "Link")
    eventually(lambda: "/alerts?range=7d&app=support-assistant" in _body(chrome))


def test_the_list_of_alerts_goes_along_as_a_file(shown: str, chrome: Chrome, tmp_path: Path) -> None:
    where = {"behavior": "allow", "downloadPath": str(tmp_path)}
    chrome.execute_cdp_cmd("Browser.setDownloadBehavior", where)
    open_page(chrome, f"{shown}/alerts?range=all")
    eventually(lambda: bool(chrome.find_elements(By.CSS_SELECTOR, ".st-key-csv-alerts-firing button")))
    chrome.find_element(By.CSS_SELECTOR, ".st-key-csv-alerts-firing button").click()
    eventually(lambda: any(file.suffix == ".csv" for file in tmp_path.iterdir()))
    [file] = tmp_path.iterdir()
    assert file.read_text().splitlines()[0].startswith('"What","Severity"')


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_is_drawn_in_the_theme_that_is_asked_for(theme: str, shown: str, chrome: Chrome) -> None:
    chrome.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    )
    open_page(chrome, f"{shown}/alerts?alert=a1b2c3d4e5f60001")
    paper = chrome.execute_script("return getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert (sum(int(part) for part in re.findall(r"\d+", paper)[:3]) < 3 * 128) == (theme == "dark")
    assert complaints(chrome) == []


def test_at_375_px_the_reason_is_in_the_first_screen_and_nothing_is_cut(shown: str, chrome: Chrome) -> None:
    size = {"width": 375, "height": 812, "deviceScaleFactor": 1, "mobile": True}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        open_page(chrome, f"{shown}/alerts?alert=a1b2c3d4e5f60001")
        bottom = "return document.querySelector('.st-key-sentence').getBoundingClientRect().bottom"
        assert chrome.execute_script(bottom) < 812
        assert chrome.execute_script("return document.documentElement.scrollWidth") <= 375
    finally:
        chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def spiked(start: int) -> dict[str, object]:
    """An alert with a payload in every text that it has."""
    names = ("title", "affected", "change", "cause", "owner", "playbook", "reason", "acked_by", "assigned_to")
    texts: dict[str, object] = {name: PAYLOADS[(start + n) % len(PAYLOADS)] for n, name in enumerate(names)}
    now = utc_now()
    fixed = {"fingerprint": f"{start:016x}", "rule_id": PAYLOADS[start % len(PAYLOADS)], "severity": "error"}
    times = {"state": "firing", "started_at": now, "began_at": now, "acked_at": now}
    return texts | fixed | times | {"labels": json.dumps({"app": texts["cause"], "rule": texts["owner"]})}


def test_two_hundred_payloads_in_every_text_of_an_alert_do_nothing(
    hostile: Served, shown_hostile: str, chrome: Chrome
) -> None:
    assert len(set(PAYLOADS)) >= 200
    extra = hostile.agent.store.extra
    before = extra["alerts"]
    try:
        for start in range(0, len(PAYLOADS), 40):  # a list shows fifty
            rows = [spiked(start + n) for n in range(40)]
            extra["alerts"] = pa.Table.from_pylist(rows, before.schema)
            for page in ("alerts", "", f"alerts?alert={start:016x}"):
                open_page(chrome, f"{shown_hostile}/{page}")
                eventually(partial(_says_some, chrome))
                assert_harmless(chrome)
                assert not chrome.find_elements(By.CSS_SELECTOR, ".stMainBlockContainer a[href*='//198.51']")
    finally:
        extra["alerts"] = before


def _says_some(driver: Chrome) -> bool:
    """Whether payloads are on the page, as the text they are."""
    return "pwned" in _body(driver)
