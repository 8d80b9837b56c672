"""People before a real Chromium: each has the workspace open in a tab of their own, types, presses and reads."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    Playwright,
    ViewportSize,
    expect,
    sync_playwright,
)

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HOW_TO_INSTALL = (
    "These journeys need a Chromium and found none. Install one with your package manager (for example "
    "`apt-get install chromium`) or with `playwright install chromium`; `pytest -m 'not browser'` leaves them out."
)
DEADLINE_MS = 20_000
expect.set_options(timeout=DEADLINE_MS)
WINDOW: ViewportSize = {"width": 1_400, "height": 900}
TALL_WINDOW: ViewportSize = {"width": 1_400, "height": 1_800}
PICTURES = "SCREENSHOTS"  # names the folder that pictures for the guide are written to
PLACES = {
    "#general": "C0GENERAL",
    "#content": "C0CONTENT",
    "#content-alerts": "C0CALERTS",
    "#support": "C0SUPPORT",
    "#intake": "C0INTAKE",
    "#partners": "C0PARTNERS",
}
RUN_NAME = re.compile(r"\bR-[0-9A-Z]+\b")

# Writes down every state that a step of a plan was ever shown in, as (message, step, state).
WATCH_STEPS = """
window.shownSteps = [];
const note = () => {
  for (const task of document.querySelectorAll(".channel [data-ts] [data-task-id]")) {
    const one = [task.closest("[data-ts]").dataset.ts, task.dataset.taskId, task.dataset.status];
    if (!window.shownSteps.some((known) => known.join() === one.join())) window.shownSteps.push(one);
  }
};
new MutationObserver(note).observe(document, {subtree: true, childList: true, attributes: true});
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of this machine; a clear failure when there is none."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed(playwright), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def installed(playwright: Playwright) -> str:
    """Where the browser is: the machine's own, else the one that Playwright brought."""
    found = [shutil.which(name) for name in NAMES]
    own = playwright.chromium.executable_path
    path = next((one for one in found if one), own if Path(own).exists() else None)
    if path is None:
        pytest.fail(HOW_TO_INSTALL, pytrace=False)
    return path


class Office:
    """Everybody's tabs."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._url = url
        self._context: BrowserContext = browser.new_context(
            viewport=WINDOW, locale="en-GB", timezone_id="America/New_York"
        )
        self._context.set_default_timeout(DEADLINE_MS)
        self._context.add_init_script(WATCH_STEPS)
        self.errors: list[str] = []

    def enter(self, who: str, place: str, thread: str = "") -> Screen:
        """Open a tab as this person, in a channel or, with `dm`, in the conversation with the bot."""
        page = self._context.new_page()
        page.on("pageerror", lambda error: self.errors.append(f"{who}: {error}"))
        screen = Screen(page, self._url, who)
        screen.go(place, thread)
        return screen

    def close(self) -> None:
        self._context.close()


class Screen:
    """One person's tab."""

    def __init__(self, page: Page, url: str, who: str) -> None:
        self.page = page
        self.who = who
        self._url = url
        self.thread = page.get_by_test_id("thread")
        self.modal = page.get_by_test_id("modal")
        self.home = page.get_by_test_id("home")
        self.toast = page.get_by_test_id("toast")
        self.whispers = page.locator(".channel [data-ts][data-ephemeral]")

    # Where one is

    def go(self, place: str, thread: str = "") -> None:
        """Open the workspace at this place, with nothing left of what stood on the screen."""
        channel = f"D0{self.who.upper()}" if place == "dm" else PLACES[place]
        address = f"{self._url}/#as=U0{self.who.upper()}&channel={channel}"
        self.page.goto("about:blank")
        self.page.goto(f"{address}&thread={thread}" if thread else address)
        self.page.locator(".app:not([aria-busy])").wait_for()

    def act_as(self, who: str) -> None:
        """Become somebody else by the menu at the top."""
        self.page.get_by_test_id("act-as").click()
        self.page.get_by_test_id(f"act-as-U0{who.upper()}").click()
        expect(self.page.get_by_test_id("act-as")).to_have_attribute("data-as", f"U0{who.upper()}")
        self.who = who

    def open_thread(self, run: Run) -> None:
        """By the line under the run's message."""
        run.root.get_by_test_id("thread-summary").click()
        expect(self.thread).to_be_visible()

    def open_home(self) -> None:
        self.page.locator("[data-tab=home]").click()
        expect(self.home).to_be_visible()

    # Speaking

    def type(self, text: str) -> None:
        """Write into the channel and send it."""
        box = self.page.get_by_test_id("composer")
        box.fill(text)
        box.press("Enter")
        expect(box).to_have_value("")

    def reply(self, text: str) -> None:
        """Write into the open thread and send it."""
        box = self.page.get_by_test_id("thread-composer")
        box.fill(text)
        box.press("Enter")
        expect(box).to_have_value("")

    def ask(self, line: str) -> Locator:
        """Type `/flow …` and get the private answer."""
        count = self.whispers.count()
        self.type(f"/flow {line}")
        expect(self.whispers).to_have_count(count + 1)
        return self.whispers.nth(count)

    def start(self, line: str) -> Run:
        """Start a run and find its message in this channel."""
        answer = self.ask(f"run {line}")
        expect(answer).to_contain_text("Starting ")
        found = RUN_NAME.search(answer.inner_text())
        assert found is not None, answer.inner_text()
        return self.find(found.group())

    # Reading

    def find(self, name: str) -> Run:
        """The run of this name, whose message stands in this channel."""
        root = self.page.locator(".channel [data-ts]:not([data-ephemeral])").filter(has_text=name).first
        expect(root).to_be_visible()
        ts = root.get_attribute("data-ts")
        assert ts
        return Run(self, name, ts)

    def in_thread(self, text: str | re.Pattern[str]) -> Locator:
        """The latest reply in the open thread that says this."""
        return self.thread.locator("[data-ts]:not([data-ephemeral])").filter(has_text=text).last

    def card(self) -> Locator:
        """The latest card that asks for a decision in the open thread, also after the decision."""
        return self.in_thread(re.compile(r"G-\d+ v\d+")).filter(has=self.page.locator(".blocks"))

    def told_privately(self, text: str | re.Pattern[str]) -> Locator:
        """What only this person sees in the open thread, and says this."""
        return self.thread.locator("[data-ts][data-ephemeral]").filter(has_text=text).last

    def picture(self, name: str, of: Locator | None = None) -> None:
        """Keep what is on the screen as a picture for the guide, when pictures are wanted."""
        folder = os.environ.get(PICTURES)
        if not folder:
            return
        Path(folder).mkdir(parents=True, exist_ok=True)
        path = Path(folder) / f"{name}.png"
        self.page.mouse.move(0, 0)
        if of is not None:
            self.page.set_viewport_size(TALL_WINDOW)  # so that all of it is there at once
        (of or self.page).screenshot(path=path, animations="disabled", caret="hide")
        self.page.set_viewport_size(WINDOW)


class Run:
    """A run as one person sees it in a channel."""

    def __init__(self, screen: Screen, name: str, ts: str) -> None:
        self._screen = screen
        self.name = name
        self.ts = ts
        self.root = screen.page.locator(f".channel [data-ts='{ts}']")

    def step(self, name: str) -> Locator:
        return self.root.locator(f"[data-task-id='{name}']")

    def expect_step(self, name: str, state: str) -> None:
        expect(self.step(name)).to_have_attribute("data-status", state)

    def steps_shown(self) -> list[tuple[str, str]]:
        """Every (step, state) that was ever to be seen, in the order in which it first was."""
        shown = self._screen.page.evaluate("window.shownSteps")
        return [(step, state) for ts, step, state in shown if ts == self.ts]


def press(within: Locator, label: str, nth: int | None = None) -> None:
    """Press the button of this name; the `nth`, where there are several."""
    found = within.locator("button.button").filter(has_text=re.compile(rf"^\s*{re.escape(label)}\s*$"))
    (found if nth is None else found.nth(nth)).click()


def buttons(within: Locator) -> Locator:
    """The buttons that a message of the app has."""
    return within.locator("[data-action-id]")
