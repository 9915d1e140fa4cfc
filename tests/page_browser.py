"""A browser that opens the page of a model, and skips where it is missing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

BROWSERS = {"chromium": ("chromium", "chromedriver"), "firefox": ("firefox-esr", "geckodriver")}
"""The programs of each browser: itself and its driver, as Debian calls them."""

WAIT_SECONDS = 30


@contextmanager
def open_browser(name: str) -> Iterator[Any]:
    """Yield the driver of a headless browser."""
    program, driver = (shutil.which(each) or shutil.which(each.removesuffix("-esr")) for each in BROWSERS[name])
    if not (program and driver):
        pytest.skip(f"{name} and its driver are needed: apt install {' '.join(BROWSERS[name])}")
    webdriver = pytest.importorskip("selenium.webdriver")
    browser = _chromium(webdriver, program, driver) if name == "chromium" else _firefox(webdriver, program, driver)
    try:
        yield browser
    finally:
        browser.quit()


def _chromium(webdriver: Any, program: str, driver: str) -> Any:
    options = webdriver.ChromeOptions()
    options.binary_location = program
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for switch in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,900"):
        options.add_argument(switch)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


def _firefox(webdriver: Any, program: str, driver: str) -> Any:
    options = webdriver.FirefoxOptions()
    options.binary_location = program
    options.add_argument("--headless")
    return webdriver.Firefox(options=options, service=webdriver.FirefoxService(driver))


class PageDriver:
    """The page in a browser, by what a person sees and does."""

    def __init__(self, browser: Any, address: str) -> None:
        self.browser = browser
        self.address = address

    def open(self, link: str = "") -> None:
        """Open the page afresh with the part of its address after #."""
        self.browser.get("about:blank")
        self.browser.get(f"{self.address}#{link}")

    def resize(self, width: int, height: int) -> None:
        """Give the screen a size in pixels."""
        if self.browser.capabilities["browserName"] == "firefox":
            self.browser.set_window_rect(0, 0, width, height)
        else:
            metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def js(self, script: str, *arguments: object) -> Any:
        """Return the result of a script."""
        return self.browser.execute_script(script, *arguments)

    def text(self, element: str = "text") -> str:
        """Return the text of an element by its id, without spaces removed."""
        return str(self.js("return document.getElementById(arguments[0]).textContent", element))

    def click(self, element: str) -> None:
        """Click the element with this id."""
        self.browser.find_element("id", element).click()

    def press(self, *keys: str) -> None:
        """Press keys in the element that has the focus, one after the other."""
        for key in keys:
            self.browser.switch_to.active_element.send_keys(key)

    def until(self, condition: str, *arguments: object) -> None:
        """Wait until a condition in JavaScript is true. Raises TimeoutException."""
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.browser, WAIT_SECONDS, 0.02).until(lambda _: self.js(f"return {condition}", *arguments))

    def until_ended(self) -> None:
        """Wait until the text is written."""
        self.until("/, rng /.test(document.getElementById('status').textContent)")

    def link(self) -> str:
        """Copy the link, and return it: the part of the address after #."""
        self.js("document.getElementById('copy_link').click()")
        return str(self.js("return location.hash.slice(1)"))

    def log(self) -> list[str]:
        """Return the messages in the console; only Chromium tells them."""
        if self.browser.capabilities["browserName"] == "firefox":
            return []
        return [entry["message"] for entry in self.browser.get_log("browser")]
