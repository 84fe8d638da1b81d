"""Drive a real browser without a screen: the system's Chromium, by its ChromeDriver."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.common.exceptions import (
    NoSuchElementException,
    StaleElementReferenceException,
    WebDriverException,
)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

# Set where a machine must have a browser: its tests fail there instead of being skipped.
REQUIRED = "CREDITBUREAU_REQUIRE_BROWSER"
AXE = Path(__file__).parent / "axe" / "axe.min.js"
# Seconds for a page to come, on a machine that does much else.
PATIENCE = 120
# What the driver answers for an element of a page that another one has replaced.
GONE = (StaleElementReferenceException, NoSuchElementException)
NO_NODE = "does not belong to the document"
DESKTOP, PHONE = (1200, 900), (390, 844)


def programs() -> tuple[str, str]:
    """The browser and its driver; without them the test is skipped, with the reason."""
    names = ("chromium", "chromedriver")
    missing = [name for name in names if shutil.which(name) is None]
    if missing and os.environ.get(REQUIRED):
        pytest.fail(f"{REQUIRED} is set, and the machine has no {' and no '.join(missing)}")
    if missing:
        pytest.skip(
            f"the machine has no {' and no '.join(missing)}: the portal is not tried in a browser "
            "(Debian: apt-get install chromium chromium-driver)"
        )
    browser, driver = (shutil.which(name) for name in names)
    assert browser
    assert driver
    return browser, driver


def shown(driver: Any, selector: str) -> WebElement | None:
    every = driver.find_elements(By.CSS_SELECTOR, selector)
    return next((each for each in every if each.is_displayed()), None)


class Browser:
    """What a person does with the pages."""

    def __init__(self, driver: Any, origin: str) -> None:
        self.driver = driver
        self.origin = origin

    def open(self, path: str) -> None:
        self.driver.get(self.origin + path)

    def wait(self, condition: Any) -> Any:
        def met(driver: Any) -> Any:
            try:
                return condition(driver)
            except WebDriverException as error:
                # A page that leads on to another one takes its elements with it.
                if isinstance(error, GONE) or NO_NODE in (error.msg or ""):
                    return None
                raise

        return WebDriverWait(self.driver, PATIENCE, 0.05).until(met)

    def find(self, selector: str) -> WebElement:
        """An element that is shown, once it is."""
        return self.wait(lambda driver: shown(driver, selector))  # type: ignore[no-any-return]

    def click(self, selector: str) -> None:
        """Click an element, once it is shown; one that is gone by then was not clicked."""

        def clicked(driver: Any) -> bool:
            element = shown(driver, selector)
            if element:
                element.click()
            return bool(element)

        self.wait(clicked)

    def text(self, selector: str = "main") -> str:
        """The text of an element, once it is shown."""

        def texts(driver: Any) -> list[str]:
            element = shown(driver, selector)
            return [element.text] if element else []

        (text,) = self.wait(texts)
        return str(text)

    def arrive(self, path: str) -> str:
        """The text of a page, once its title stands there and the address is its own."""
        self.wait(lambda driver: urlsplit(driver.current_url).path == path)
        self.find("main h1")
        return self.text()

    def resize(self, size: tuple[int, int]) -> None:
        """Change the size of the window as a device has it: a small window has no smaller page."""
        width, height = size
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    def errors(self) -> list[str]:
        """What the browser has refused since the last call, breaches of the policy among it."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE"
        ]

    def faults(self) -> list[str]:
        """The serious faults that axe finds in the page."""
        self.driver.execute_script(AXE.read_text("utf-8"))
        violations = self.driver.execute_async_script(
            "const done = arguments[0]; axe.run().then((result) => done(result.violations))"
        )
        return [
            f"{fault['id']}: {fault['help']}: {[node['html'] for node in fault['nodes'][:3]]}"
            for fault in violations
            if fault["impact"] in {"serious", "critical"}
        ]


@contextmanager
def opened(origin: str, language: str = "en") -> Iterator[Browser]:
    """A browser with nothing in it."""
    browser, driver = programs()
    with TemporaryDirectory() as folder:
        options = webdriver.ChromeOptions()
        options.binary_location = browser
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        options.add_experimental_option("prefs", {"intl.accept_languages": language})
        for argument in (
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={folder}",
        ):
            options.add_argument(argument)
        chrome = webdriver.Chrome(options, Service(driver))
        try:
            chrome.set_page_load_timeout(PATIENCE)
            chrome.set_script_timeout(PATIENCE)
            portal = Browser(chrome, origin)
            portal.resize(DESKTOP)
            yield portal
        finally:
            chrome.quit()
