"""The sign-in of the dashboard over real HTTP and in a real browser, before a real agent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from monitor.config.schema import DashboardSettings, OidcSettings, PeopleSettings, Settings
from plumbline.agent import Agent
from plumbline.answers import Answers
from plumbline.opening import open_agent
from tests.dashboards.foreign_site import REBOUND, leaving, read_nothing
from tests.dashboards.running import CHROMIUM, browser, dashboard, free_port, upgraded
from tests.support.fake_api import TOKEN
from tests.support.oidc_stub import CLIENT, SECRET, Stub, provider
from tests.support.serving import serving

PASSWORD = "correct horse battery"
ANNA = "anna@example.org"
SHOWN = ANNA.replace("@", "@\u2060")


@dataclass(frozen=True)
class Porch:
    """A dashboard at `url`, the agent behind it, and the provider beside it."""

    url: str
    agent: Agent
    stub: Stub

    def http(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, trust_env=False, headers={"accept": "text/html"})

    def sign_in(self, http: httpx.Client, password: str = PASSWORD, **more: str) -> httpx.Response:
        form = {"name": ANNA, "password": password, **more}
        return http.post("/sign-in", data=form, headers={"origin": self.url})


@pytest.fixture(scope="module")
def porch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Porch]:
    folder, port = tmp_path_factory.mktemp("porch"), free_port()
    url = f"http://127.0.0.1:{port}"
    with provider(f"{url}/sign-in/callback") as stub:
        asked = OidcSettings(issuer=stub.issuer, client_id=CLIENT, client_secret=SECRET)
        people = PeopleSettings(passwords=True, oidc=asked)
        agent = open_agent(
            Settings(people=people, dashboard=DashboardSettings(address=f"127.0.0.1:{port}")), folder / "data"
        )
        agent.access.register.add(ANNA, "reviewer")
        agent.access.sign_in.set_password(ANNA, PASSWORD)
        with (
            serving(Answers(agent), agent.access.register.credentials(TOKEN)) as api,
            dashboard(api, folder, port=port, sign_in=True),
        ):
            yield Porch(url, agent, stub)
        agent.close()


@pytest.mark.parametrize("path", ["/", "/traces?app=shop", "/nothing-here"])
def test_a_page_without_a_session_leads_to_the_sign_in_and_back(porch: Porch, path: str) -> None:
    with porch.http() as http:
        told = http.get(path)
        assert told.status_code == 303
        page = http.get(told.headers["location"])
        assert page.is_success
        assert f'name="next" value="{path}"' in page.text
        went = porch.sign_in(http, next=path)
        assert (went.status_code, went.headers["location"]) == (303, path)


@pytest.mark.parametrize("path", ["/_stcore/host-config", "/static/index.js", "/_stcore/upload_file/x", "/media/x"])
def test_nothing_else_is_served_without_a_session(porch: Porch, path: str) -> None:
    assert httpx.get(porch.url + path, trust_env=False).status_code == 401
    stale = {"cookie": f"{cookie_of(porch)}=stale"}
    assert httpx.get(porch.url + path, headers=stale, trust_env=False).status_code == 401


def cookie_of(porch: Porch) -> str:
    return f"plumbline_{porch.url.rpartition(':')[2]}"


def test_the_socket_wants_a_session_and_its_own_origin(porch: Porch) -> None:
    with porch.http() as http:
        porch.sign_in(http)
        cookie = f"{cookie_of(porch)}={http.cookies[cookie_of(porch)]}"
    assert upgraded(porch.url, None, porch.url) == 403
    assert upgraded(porch.url, None, porch.url, cookie) == 101
    assert upgraded(porch.url, None, "http://localhost:9999", cookie) == 403


def test_the_cookie_is_for_nobodys_script(porch: Porch) -> None:
    with porch.http() as http:
        told = porch.sign_in(http).headers["set-cookie"]
    assert "HttpOnly" in told
    assert "SameSite=lax" in told
    assert re.search(r"Max-Age=259\d{4}\b", told)
    assert "Path=/" in told


def test_a_wrong_password_opens_nothing_and_is_told_on_the_page(porch: Porch) -> None:
    with porch.http() as http:
        told = porch.sign_in(http, "wrong password")
        assert told.status_code == 403
        assert "Name or password is wrong" in told.text
        assert not http.cookies


@pytest.mark.parametrize("origin", [None, "http://localhost:9999", "null"])
def test_a_form_of_another_page_signs_nobody_in_or_out(porch: Porch, origin: str | None) -> None:
    headers = {} if origin is None else {"origin": origin}
    for path in ("/sign-in", "/sign-out"):
        form = {"name": ANNA, "password": PASSWORD}
        told = httpx.post(porch.url + path, data=form, headers=headers, trust_env=False)
        assert told.status_code == 403
        assert "set-cookie" not in told.headers


@pytest.mark.parametrize(
    "goes_to", ["//evil.example", "https://evil.example", "/\\evil.example", "/x\r\nset-cookie: a=b"]
)
def test_the_way_back_leads_nowhere_else(porch: Porch, goes_to: str) -> None:
    with porch.http() as http:
        assert porch.sign_in(http, next=goes_to).headers["location"] == "/"


def test_signing_out_ends_the_session_at_the_agent(porch: Porch) -> None:
    with porch.http() as http:
        porch.sign_in(http)
        kept = http.cookies[cookie_of(porch)]
        assert http.get("/").is_success
        assert http.post("/sign-out", headers={"origin": porch.url}).headers["location"] == "/sign-in"
    again = httpx.get(porch.url + "/", headers={"cookie": f"{cookie_of(porch)}={kept}"}, trust_env=False)
    assert again.status_code == 401


def test_a_sign_in_that_another_browser_began_is_refused(porch: Porch) -> None:
    with porch.http() as one, porch.http() as other:
        there = one.get("/sign-in/provider").headers["location"]
        back = httpx.get(there, trust_env=False).text.partition('href="')[2].partition('"')[0].replace("&amp;", "&")
        stolen = other.get(back)
        assert stolen.status_code == 403
        assert "not begun in this browser" in stolen.text
        assert one.get(back).status_code == 303


def test_the_name_of_this_machine_begins_at_the_address_that_the_provider_knows(porch: Porch) -> None:
    elsewhere = porch.url.replace("127.0.0.1", "localhost")
    told = httpx.get(f"{elsewhere}/sign-in/provider?next=/traces", trust_env=False)
    assert told.headers["location"] == f"{porch.url}/sign-in/provider?next=/traces"


@pytest.fixture
def chrome() -> Iterator[Chrome]:
    with browser() as driver:
        yield driver


def wait(chrome: Chrome, selector: str, text: str) -> None:
    def shown(driver: Chrome) -> bool:
        return any(text in element.text for element in driver.find_elements(By.CSS_SELECTOR, selector))

    WebDriverWait(chrome, 60, ignored_exceptions=[Exception]).until(shown)


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium on this machine")
def test_in_a_browser_a_password_leads_in_and_a_revoked_person_is_out(
    porch: Porch, chrome: Chrome, shots: Path
) -> None:
    chrome.get(f"{porch.url}/?range=30d")
    chrome.save_screenshot(str(shots / "sign-in.png"))
    chrome.find_element(By.NAME, "name").send_keys(ANNA)
    chrome.find_element(By.NAME, "password").send_keys(PASSWORD)
    chrome.find_element(By.TAG_NAME, "button").click()
    wait(chrome, "body", f"Signed in as {SHOWN}, reviewer")
    assert not chrome.find_elements(By.CSS_SELECTOR, "a[href^='mailto']")
    chrome.save_screenshot(str(shots / "signed-in.png"))
    assert chrome.execute_script("return document.cookie").find("plumbline") == -1
    porch.agent.access.register.sign_out(ANNA)
    chrome.get(f"{porch.url}/traces")
    assert "/sign-in?next=/traces" in chrome.current_url


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium on this machine")
def test_in_a_browser_the_provider_leads_in_and_the_page_says_how_to_leave(
    porch: Porch, chrome: Chrome, shots: Path
) -> None:
    chrome.get(f"{porch.url}/traces?range=30d")
    chrome.find_element(By.CSS_SELECTOR, "a.way").click()
    chrome.find_element(By.ID, "go").click()
    wait(chrome, "body", f"Signed in as {SHOWN}")
    assert "/traces" in chrome.current_url
    chrome.find_element(By.LINK_TEXT, "Sign out").click()
    chrome.save_screenshot(str(shots / "sign-out.png"))
    chrome.find_element(By.TAG_NAME, "button").click()
    wait(chrome, "label", "Name")
    chrome.get(porch.url)
    assert "/sign-in" in chrome.current_url
    assert not porch.stub.refusals


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium on this machine")
def test_in_a_browser_that_is_signed_in_no_other_page_reads_or_ends_anything(porch: Porch) -> None:
    with browser(REBOUND) as chrome:
        chrome.get(porch.url)
        chrome.find_element(By.NAME, "name").send_keys(ANNA)
        chrome.find_element(By.NAME, "password").send_keys(PASSWORD)
        chrome.find_element(By.TAG_NAME, "button").click()
        wait(chrome, "body", f"Signed in as {SHOWN}")
        read_nothing(chrome, porch.url)
        with leaving(porch.url) as foreign:
            chrome.get(foreign)
            wait(chrome, "body", "asked for by a page of another site")
        chrome.get(f"{porch.url}/traces")
        wait(chrome, "body", f"Signed in as {SHOWN}")


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shots")
