"""The README and the documents: size, links, commands and lists that must match the code."""

import re
from pathlib import Path

import pytest

from realtime_ser.commands.parser import parse
from realtime_ser.events import (
    LABELS,
    EmotionUpdate,
    FileResult,
    Health,
    SpeechEnded,
    SpeechStarted,
)
from train.corpora.catalog import CORPORA

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/*.md", "examples/*.md", "models/*/README.md")
    for page in ROOT.glob(pattern)
)

LARGEST_README_BYTES = 8192

LINK = re.compile(r"\]\(([^()\s]+)\)")
FENCE = re.compile(r"```.*?\n(.*?)```", re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
COMMAND = re.compile(r"(?:^|\| )realtime-ser\b([^#|\n]*)", re.MULTILINE)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_short() -> None:
    assert len(README.read_bytes()) <= LARGEST_README_BYTES


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_resolve(page: Path) -> None:
    broken = []
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        linked = page.parent / path if path else page
        if not linked.exists() or (anchor and anchor not in anchors(linked)):
            broken.append(target)
    assert not broken


def test_the_tests_that_the_promises_name_exist() -> None:
    named = re.findall(r"`(tests/[^`]+)`", (ROOT / "docs" / "promises.md").read_text("utf-8"))
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_page_of_docs_is_linked() -> None:
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in PAGES
        for target in LINK.findall(page.read_text(encoding="utf-8"))
    }
    assert {page for page in PAGES if page != README} <= linked


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_are_accepted_by_the_parser(page: Path) -> None:
    for block in FENCE.findall(page.read_text(encoding="utf-8")):
        for arguments in COMMAND.findall(block):
            parse([word.strip('"') for word in arguments.split()])


def test_the_readme_names_commands() -> None:
    blocks = "".join(FENCE.findall(README.read_text(encoding="utf-8")))
    assert len(COMMAND.findall(blocks)) >= 8, "else the test above checks nothing"


@pytest.mark.parametrize(
    "event", [SpeechStarted, EmotionUpdate, SpeechEnded, Health, FileResult], ids=lambda e: e.name
)
def test_the_protocol_names_every_field(event: type) -> None:
    page = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    name: str = event.name  # type: ignore[attr-defined]
    section = page.partition(f"### `{name}`")[2].partition("\n#")[0]
    fields: tuple[str, ...] = event.__match_args__  # type: ignore[attr-defined]
    assert [field for field in fields if f"`{field}`" not in section] == []


def test_the_protocol_names_every_label() -> None:
    page = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    assert all(f"`{label}`" in page for label in LABELS)


@pytest.mark.parametrize("name", CORPORA)
def test_training_lists_every_corpus_and_its_license(name: str) -> None:
    corpus = CORPORA[name]
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    row = f"| `{name}` | {corpus.title} | {corpus.language} | {corpus.kind} | {corpus.use} |"
    assert f"{row} {corpus.license} |" in page
