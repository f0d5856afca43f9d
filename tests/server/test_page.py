"""The page: small, whole, and in a real browser the same labels as ``analyze``."""

import base64
import json
import re
import socket
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from browser import Browser, chromium
from likeness import PASSING, Float32, likeness
from running_server import RunningServer, running_server
from speech_clips import speech

from realtime_ser import LABELS, EmotionUpdate, Event, Recognizer, SpeechEnded
from realtime_ser.server.page import PAGE, security_headers

LARGEST_BYTES = 60_000

system = pytest.mark.system


class Elements(HTMLParser):
    """Collects all tags with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_is_small_and_loads_nothing_else() -> None:
    content = PAGE.read_text(encoding="utf-8")
    assert len(content.encode()) < LARGEST_BYTES
    elements = Elements()
    elements.feed(content)
    links = [
        value
        for _, attributes in elements.found
        for name, value in attributes.items()
        if name in ("src", "href", "action") and value and not value.startswith("data:")
    ]
    assert links == []
    assert not re.findall(r"url\(|@import|import\(", content)


def test_the_server_sends_the_page_with_a_policy(server: RunningServer) -> None:
    status, content = server.get("/")
    assert (status, content) == (200, PAGE.read_text(encoding="utf-8"))
    policy = security_headers(PAGE.read_bytes())["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert policy.count("sha256-") == 2, "one script and one style"


def test_the_page_names_every_label() -> None:
    content = PAGE.read_text(encoding="utf-8")
    assert json.dumps(list(LABELS)) in content


@pytest.fixture
def microphone(tmp_path: Path) -> Path:
    """A WAV file for the browser's microphone: silence, then three utterances, then silence."""
    samples = np.concatenate((np.zeros(32_000, np.int16), speech("three_utterances")))
    samples = np.concatenate((samples, np.zeros(64_000, np.int16)))
    path = tmp_path / "microphone.wav"
    soundfile.write(path, soxr.resample(samples.astype(np.float32) / 32768, 16_000, 48_000), 48_000)
    return path


@system
def test_the_page_shows_the_labels_that_analyze_gives(
    server: RunningServer, recognizer: Recognizer, microphone: Path
) -> None:
    """The labels are those of the audio that the page sent, and that is what the file holds."""
    with chromium(microphone) as browser:
        browser.call("Log.enable")
        browser.open(f"http://127.0.0.1:{server.port}/")
        browser.wait_for("document.querySelector('#start')")
        browser.run(OBSERVE_LABELS)
        browser.click("#start")
        browser.wait_for("shown.filter(([kind]) => kind === 'utterance').length >= 3")
        shown = browser.run("shown")
        settings = browser.run("microphone.stream.getAudioTracks()[0].getSettings()")
        start, audio = sent_audio(browser)
        assert browser.errors() == []
    assert start["encoding"] == "f32le"
    assert [settings[name] for name in PROCESSING] == [False] * len(PROCESSING)
    events = recognizer.recognize(audio, start["sample_rate"]).events
    assert shown == labels_of(events)[: len(shown)]
    wav, rate = soundfile.read(microphone, dtype="float32")
    assert likeness(audio[:, 0], start["sample_rate"], wav, rate) > PASSING, "nothing processes it"


PROCESSING = ("echoCancellation", "noiseSuppression", "autoGainControl")

OBSERVE_LABELS = """
    window.shown = [];
    new MutationObserver((records) => {
      for (const {target, addedNodes: [added]} of records)
        if (target.id === "utterances" && added) shown.push(["utterance", added.dataset.label]);
        else if (target.id === "label" && added.data !== "listening")
          shown.push(["label", added.data]);
    }).observe(document.querySelector("main"), {childList: true, subtree: true});
    """
"""Notes in ``shown`` what the page shows from now on, in its order."""


def labels_of(events: tuple[Event, ...]) -> list[list[str]]:
    """What a page shows of events, as ``OBSERVE_LABELS`` notes it."""
    return [
        ["label" if isinstance(event, EmotionUpdate) else "utterance", event.label]
        for event in events
        if isinstance(event, EmotionUpdate | SpeechEnded)
    ]


def sent_audio(browser: Browser) -> tuple[dict[str, Any], Float32]:
    """The start message that the page has sent, and all its audio so far."""
    frames = [
        message["params"]["response"]
        for message in browser.messages
        if message["method"] == "Network.webSocketFrameSent"
    ]
    start = json.loads(next(frame["payloadData"] for frame in frames if frame["opcode"] == 1))
    audio = b"".join(
        base64.b64decode(frame["payloadData"]) for frame in frames if frame["opcode"] == 2
    )
    return start, np.frombuffer(audio, np.float32).reshape(-1, start["channels"])


@system
def test_a_refused_microphone_is_said_plainly(server: RunningServer, microphone: Path) -> None:
    with chromium(microphone, allowed=False) as browser:
        browser.open(f"http://127.0.0.1:{server.port}/")
        browser.wait_for("document.querySelector('#start')")
        browser.click("#start")
        browser.wait_for("!document.querySelector('#notice').hidden")
        assert "refused" in browser.text("#notice")
        assert browser.text("#start") == "Start"


@system
def test_an_insecure_context_and_a_missing_token_are_said_plainly(microphone: Path) -> None:
    name = "microphone.test"  # a name of another machine, as far as the browser knows
    with (
        running_server("--host", "0.0.0.0", "--token", "long-enough", "--demo") as server,
        chromium(microphone, arguments=(f"--host-resolver-rules=MAP {name} 127.0.0.1",)) as browser,
    ):
        browser.open(f"http://{name}:{server.port}/")
        browser.wait_for("document.querySelector('#notice form').hidden === false")
        assert "token" in browser.text("#notice")
        browser.run(
            "document.querySelector('#token').value = 'long-enough';"
            " document.querySelector('#notice form').requestSubmit()"
        )
        browser.wait_for("document.querySelector('#state').dataset.state === 'on'")
        browser.run(
            "document.querySelector('#source').value = '';"
            " document.querySelector('#source').dispatchEvent(new Event('change'))"
        )
        browser.wait_for("!document.querySelector('#notice').hidden")
        assert "https" in browser.text("#notice")


@system
def test_a_server_that_goes_is_said_and_its_return_is_found_with_the_gap_marked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with chromium() as browser:
        with running_server("--demo", "--port", port) as server:
            browser.open(f"http://127.0.0.1:{port}/?source=events")
            browser.wait_for("document.querySelector('#state').dataset.state === 'on'")
            assert server.stop() == 0
        browser.wait_for("document.querySelector('#state').innerText.includes('trying again')")
        assert "Trying again" in browser.text("#notice")
        time.sleep(1)
        with running_server("--demo", "--port", port):
            browser.wait_for("document.querySelector('#state').dataset.state === 'on'")
            gaps = browser.run("stretches.filter((stretch) => stretch.label === 'gap')")
            assert len(gaps) == 1
            assert gaps[0]["to"] - gaps[0]["from"] > 1
            browser.wait_for("document.querySelector('#confidence').textContent")


@system
def test_a_correction_is_sent_by_key_and_a_new_stream_shows_nothing_of_the_last(
    server: RunningServer, microphone: Path
) -> None:
    with chromium(microphone) as browser:
        browser.open(f"http://127.0.0.1:{server.port}/")
        browser.wait_for("document.querySelector('#start')")
        browser.click("#start")
        browser.wait_for("document.querySelectorAll('#utterances li').length")
        browser.run(
            "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '3', bubbles: true}))"
        )
        browser.wait_for("document.querySelector('#told').textContent")
        assert "happy" in browser.text("#told")
        sent = [
            message["params"]["response"]["payloadData"]
            for message in browser.messages
            if message["method"] == "Network.webSocketFrameSent"
        ]
        assert '{"type":"correct","label":"happy"}' in sent
        assert browser.run("document.querySelector('#voice').checkVisibility()")
        browser.run(OBSERVE_CLEARING)
        for _ in ("stop", "start"):
            browser.click("#start")
        browser.wait_for("window.cleared")
        told, voice, numbers = browser.run("cleared")
        assert told == ""
        assert not voice
        assert set(numbers) == {"–"}


OBSERVE_CLEARING = """
    new MutationObserver(() => {
      if (document.querySelector("#label").textContent === "listening")
        window.cleared ??= [
          document.querySelector("#told").textContent,
          document.querySelector("#voice").checkVisibility(),
          Object.values(bars).map((bar) => bar.number.textContent),
        ];
    }).observe(document.querySelector("#label"), {childList: true});
    """
"""Keeps in ``cleared`` what the page shows as soon as it listens again."""


@system
def test_the_overlay_shows_label_and_bars_alone(tmp_path: Path) -> None:
    with running_server("--demo") as server, chromium() as browser:
        browser.open(f"http://127.0.0.1:{server.port}/?overlay=1&source=events")
        browser.wait_for("document.querySelector('#confidence')?.textContent")
        visible = browser.run(
            "['header', 'footer', '#now', '#bars', '#level', '#past', '#teach'].filter((part) =>"
            " document.querySelector(part).checkVisibility())"
        )
        assert visible == ["#now", "#bars"]
        color = browser.run("getComputedStyle(document.body).backgroundColor")
        assert color == "rgba(0, 0, 0, 0)"


@system
def test_the_page_works_by_keyboard_and_for_screen_readers(server: RunningServer) -> None:
    with chromium() as browser:
        browser.open(f"http://127.0.0.1:{server.port}/")
        browser.wait_for("document.querySelector('#start')")
        tree = browser.call("Accessibility.getFullAXTree")["nodes"]
        named = [
            (node["role"]["value"], node.get("name", {}).get("value"))
            for node in tree
            if not node["ignored"]
        ]
        assert ("button", "Start") in named
        assert [name for role, name in named if role == "meter"] == list(LABELS)
        unnamed = [
            role for role, name in named if role in ("button", "combobox", "meter") and not name
        ]
        assert unnamed == []
        assert browser.run("document.querySelector('#speak').ariaLive") == "polite"
        focused = []
        for _ in range(2):
            for kind in ("keyDown", "keyUp"):
                browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab")
            focused.append(browser.run("document.activeElement.id"))
        assert focused == ["source", "start"]
