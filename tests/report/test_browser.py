"""The page in a real browser: nothing fails, nothing is loaded, and its filters work."""

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.report.contents import CONTENT
from udfs.report.page import render_page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=f"none of {', '.join(NAMES)} is on PATH")
SHOWN = "[...document.querySelectorAll('.sample')].filter(s => s.checkVisibility()).length"


class Tab:
    """A tab of the browser, spoken to by its DevTools protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.number = 0
        self.events: list[dict[str, Any]] = []

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One call and its answer; what happens in between is noted."""
        self.number += 1
        await self.socket.send_json({"id": self.number, "method": method, "params": parameters})
        while True:
            message = json.loads(await self.socket.receive_str(timeout=60))
            if message.get("id") == self.number:
                return message.get("result", message)
            self.events.append(message)

    async def tell(self, script: str) -> Any:
        """The value of a script."""
        answer = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    async def press(self, key: str, text: str = "") -> None:
        """Press a key and let it go."""
        code = {"Tab": 9, "Enter": 13, "ArrowDown": 40}.get(key, ord(key[0].upper()))
        shared = {"key": key, "windowsVirtualKeyCode": code, "code": key}
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **shared)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **shared)

    async def click(self, selector: str) -> None:
        """Click with the mouse on the middle of an element."""
        element = f"document.querySelector({json.dumps(selector)})"
        await self.tell(f"{element}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
        box = json.loads(await self.tell(f"JSON.stringify({element}.getBoundingClientRect())"))
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        for kind in ("mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place
            )
        await asyncio.sleep(0.3)


@asynccontextmanager
async def open_page(folder: Path) -> AsyncIterator[Tab]:
    """The page in a tab of a browser of its own."""
    page, port_file = folder / "report.html", folder / "profile" / "DevToolsActivePort"
    page.write_text(render_page(CONTENT), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    command = [str(CHROMIUM), *options, f"--user-data-dir={folder}/profile", "about:blank"]
    browser = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        port = await find_port(port_file)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                tabs = await answer.json()
            address = next(t["webSocketDebuggerUrl"] for t in tabs if t["type"] == "page")
            async with session.ws_connect(address, max_msg_size=0) as socket:
                tab = Tab(socket)
                for domain in ("Runtime", "Log", "Network", "Page"):
                    await tab.call(f"{domain}.enable")
                await tab.call("Page.navigate", url=page.as_uri())
                # The browser calls nobody when it is done.
                while await tab.tell("document.readyState + location.protocol") != "completefile:":  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
                yield tab
    finally:
        browser.terminate()
        await asyncio.wait_for(browser.wait(), 20)


async def find_port(file: Path) -> int:
    """The port that the browser listens on, once it does."""
    end = time.monotonic() + 60
    while not (file.is_file() and file.read_text()):  # noqa: ASYNC240 - a small local file
        assert time.monotonic() < end, "the browser did not start"
        await asyncio.sleep(0.1)
    return int(file.read_text().splitlines()[0])  # noqa: ASYNC240


@pytest.fixture
def in_browser(tmp_path: Path) -> Callable[[Callable[[Tab], Awaitable[None]]], None]:
    """Runs a test with the page open."""

    def run(act: Callable[[Tab], Awaitable[None]]) -> None:
        async def main() -> None:
            async with open_page(tmp_path) as tab:
                await act(tab)

        asyncio.run(main())

    return run


def test_nothing_fails_nothing_is_loaded_and_nothing_written_runs(in_browser: Any) -> None:
    async def act(tab: Tab) -> None:
        await tab.click("#open")
        methods = [event["method"] for event in tab.events]
        assert "Runtime.exceptionThrown" not in methods
        assert "Runtime.consoleAPICalled" not in methods
        assert [e["params"] for e in tab.events if e["method"] == "Log.entryAdded"] == []
        asked = [e for e in tab.events if e["method"] == "Network.requestWillBeSent"]
        assert {event["params"]["request"]["url"].partition(":")[0] for event in asked} <= {"file"}
        assert len(asked) == 1
        assert await tab.tell("document.title") == "Report on the dialogues"
        assert await tab.tell("document.querySelectorAll('math').length > 0")

    in_browser(act)


def test_filters_work_by_mouse_and_by_keyboard(in_browser: Any) -> None:
    async def act(tab: Tab) -> None:
        assert await tab.tell(SHOWN) == 4
        await tab.click("button.pick[data-reason=echo]")
        assert await tab.tell(SHOWN) == 1
        # The button leaves the focus in the first list; the next one is a Tab away.
        assert await tab.tell("document.activeElement.name") == "style"
        await tab.click("button[type=reset]")
        assert await tab.tell(SHOWN) == 4
        await tab.tell("document.querySelector('select[name=style]').focus()")
        await tab.press("Tab")
        assert await tab.tell("document.activeElement.name") == "verdict"
        await tab.press("r", "r")
        await asyncio.sleep(0.3)
        assert await tab.tell("document.activeElement.value") == "rejected"
        assert await tab.tell(SHOWN) == 2
        assert await tab.tell("document.getElementById('told').textContent") == "2 of 4 shown"

    in_browser(act)


@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_is_wider_than_the_screen(in_browser: Any, width: int) -> None:
    async def act(tab: Tab) -> None:
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        await tab.call("Emulation.setDeviceMetricsOverride", **size)
        await tab.click("#open")
        assert await tab.tell("document.documentElement.scrollWidth") <= width

    in_browser(act)
