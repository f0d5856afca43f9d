"""Headless Chromium, driven by the DevTools protocol; its microphone plays a WAV file."""

import base64
import contextlib
import itertools
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

SECONDS = 120.0


class Browser:
    """One tab of a running Chromium.

    Attributes:
        messages: everything that the browser has reported so far, with ``method`` and ``params``.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._ids = itertools.count(1)
        self.messages: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call the browser, and return its answer."""
        number = next(self._ids)
        self._connection.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._connection.recv(SECONDS))
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]  # type: ignore[no-any-return]
            self.messages.append(message)

    def open(self, url: str) -> None:
        """Go to a page."""
        self.call("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def text(self, selector: str) -> str:
        """Return the text of an element."""
        return str(self.run(f"document.querySelector({selector!r})?.innerText ?? ''"))

    def wait_for(self, script: str, seconds: float = SECONDS) -> None:
        """Wait until an expression is true; while it throws, it is not."""
        end = time.monotonic() + seconds
        guarded = f"(() => {{ try {{ return Boolean({script}) }} catch {{ return false }} }})()"
        while not self.run(guarded):
            assert time.monotonic() < end, f"never true: {script}; page: {self.text('body')}"
            time.sleep(0.1)

    def click(self, selector: str) -> None:
        """Click an element, as a user does: it counts as a gesture."""
        self.call(
            "Runtime.evaluate",
            expression=f"document.querySelector({selector!r}).click()",
            userGesture=True,
        )

    def emulate(self, *, scheme: str = "dark", width: int = 1280, height: int = 800) -> None:
        """Set color scheme and size."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def screenshot(self, path: Path, *, transparent: bool = False) -> None:
        """Write a PNG of what the tab shows."""
        if transparent:
            color = {"r": 0, "g": 0, "b": 0, "a": 0}
            self.call("Emulation.setDefaultBackgroundColorOverride", color=color)
        shot = self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))

    def errors(self) -> list[str]:
        """Return uncaught errors, and messages of the console about what was blocked."""
        self.run("1")
        return [
            json.dumps(message["params"])
            for message in self.messages
            if message["method"] in ("Runtime.exceptionThrown", "Log.entryAdded")
        ]


@contextlib.contextmanager
def chromium(
    microphone: Path | None = None, *, allowed: bool = True, arguments: tuple[str, ...] = ()
) -> Iterator[Browser]:
    """Start Chromium with one tab, and end it; skips the test where there is none.

    Args:
        microphone: WAV file that the microphone plays again and again; ``None`` for no microphone
            at all. On a busy machine, Chromium leaves parts out and puts silence between others.
        allowed: whether pages get the microphone without asking, or never.
        arguments: further arguments.
    """
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--mute-audio"]
    if microphone is not None:
        options += [
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}",
        ]
    options.append(f"--use-fake-ui-for-media-stream{'' if allowed else '=deny'}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        options += [f"--user-data-dir={folder}", "--remote-debugging-port=0", *arguments]
        process = subprocess.Popen(
            [program, *options, "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with connect(_tab(Path(folder)), max_size=None, compression=None) as connection:
                yield Browser(connection)
        finally:
            process.terminate()
            process.wait(SECONDS)


def _tab(folder: Path) -> str:
    """Return the WebSocket of the first tab, once there is one."""
    port_file, end = folder / "DevToolsActivePort", time.monotonic() + SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError, IndexError, StopIteration):
            port = port_file.read_text().split()[0]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=SECONDS) as answer:
                tabs = json.load(answer)
            return str(next(t for t in tabs if t["type"] == "page")["webSocketDebuggerUrl"])
        time.sleep(0.1)
    raise AssertionError("Chromium did not start")
