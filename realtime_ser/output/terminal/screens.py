"""The screens over the main one: the choice of device, and the help."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList, Static
from textual.widgets.option_list import Option

from realtime_ser.errors import printable
from realtime_ser.events import LABELS, UNCERTAIN
from realtime_ser.live.snapshot import DeviceChoice, Snapshot
from realtime_ser.output.terminal.emotion import TICK
from realtime_ser.output.terminal.palette import COLORS, GLYPHS, MUTED, TEXT
from realtime_ser.settings import DEFAULT_THRESHOLD, Settings


class DeviceScreen(ModalScreen[int | None]):
    """A list of microphones; returns the index of the chosen one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,d,q", "dismiss", "Cancel")]

    def __init__(self, choices: Sequence[DeviceChoice]) -> None:
        super().__init__()
        self._choices = choices

    def compose(self) -> ComposeResult:
        """Lay out the list."""
        with VerticalScroll(classes="sheet", can_focus=False) as sheet:
            sheet.border_title = "Microphone"
            sheet.border_subtitle = "Enter select   Esc cancel"
            yield OptionList(*(Option(self._line(choice)) for choice in self._choices))

    def on_mount(self) -> None:
        """Highlight the microphone in use."""
        current = [i for i, choice in enumerate(self._choices) if choice.current]
        self.query_one(OptionList).highlighted = current[0] if current else 0

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Return the highlighted microphone."""
        self.dismiss(self._choices[event.option_index].index)

    @staticmethod
    def _line(choice: DeviceChoice) -> Text:
        # Not markup: a device's name may contain brackets.
        name = printable(choice.name)
        line = Text(f"{choice.index:>3}  {name}", no_wrap=True, overflow="ellipsis")
        return line.append("  (in use)") if choice.current else line


class HelpScreen(ModalScreen[None]):
    """The keys, and the meaning of the parts of the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter,space", "dismiss", "Close")
    ]

    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("q", "quit"),
        ("r", "record to a WAV file"),
        ("space", "pause, go on"),
        ("t", "teach what it was"),
        ("u", "undo a correction"),
        ("c", "clear, forget voice"),
        ("d", "choose microphone"),
        ("?", "this help"),
    )

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings

    def compose(self) -> ComposeResult:
        """Lay out the text."""
        with VerticalScroll(classes="sheet") as sheet:
            sheet.border_title = "Help"
            sheet.border_subtitle = "Esc close"
            yield Label("Keys", classes="heading")
            yield Static(_table(self.KEYS, columns=2))
            yield Label("What you see", classes="heading")
            yield Static(_table(self._meanings()))
            yield Label("Letters of the timeline", classes="heading")
            yield Static(_letters())

    def _meanings(self) -> tuple[tuple[str, str], ...]:
        settings = self._settings
        return (
            ("bar", f"probability over the last {settings.window:g} s of speech"),
            (TICK, "probability of the newest frame alone"),
            (UNCERTAIN, f"no emotion reaches {settings.threshold_or(DEFAULT_THRESHOLD):.0%}"),
            ("SPEECH", "the gate is open: only then is anything recognized"),
            ("faded", "nobody is speaking: this was said last"),
            ("knows", "how far the program is used to this voice"),
            ("lag", "audio captured and not yet analyzed"),
            ("overflows", "blocks the sound system dropped"),
            ("lost", "audio overwritten before it was analyzed"),
        )


class TeachScreen(ModalScreen[str | None]):
    """Asks what the newest utterance was; returns the label whose letter is pressed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,t,q", "dismiss", "Cancel"),
        *(
            Binding(f"{GLYPHS[label].lower()},{GLYPHS[label]}", f"teach({label!r})", label)
            for label in LABELS
        ),
    ]

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self._snapshot = snapshot

    def compose(self) -> ComposeResult:
        """Lay out the labels and their letters."""
        with VerticalScroll(classes="sheet") as sheet:
            sheet.border_title = "Teach: what was it really?"
            sheet.border_subtitle = "a letter teaches   Esc cancel"
            yield Label(self._question(), classes="heading", markup=False)
            yield Static(_letters(LABELS))

    def action_teach(self, label: str) -> None:
        """Return the label."""
        self.dismiss(label)

    def _question(self) -> str:
        """Return which utterance is meant, and what it was called."""
        emotion, utterance = self._snapshot.emotion, self._snapshot.utterance
        if utterance is None or (self._snapshot.speaking and emotion is not None):
            return "What is being said now" + (f", called {emotion.label}" if emotion else "")
        length = utterance.end - utterance.start
        return f"The last utterance, {length:.1f} s, called {utterance.label}"


def _table(rows: Sequence[tuple[str, str]], columns: int = 1) -> Text:
    """Arrange names and their meanings in columns, line by line."""
    text = Text()
    for number, (name, meaning) in enumerate(rows, start=1):
        last = number % columns == 0
        text.append(f"{name:<11}", f"bold {TEXT}").append(f"{meaning:<23}", MUTED)
        text.append("\n" if last else "")
    text.rstrip()
    return text


def _letters(labels: Sequence[str] = (*LABELS, UNCERTAIN)) -> Text:
    """List labels with their letters, three to a line."""
    text = Text()
    for number, label in enumerate(labels):
        text.append("\n" if number and number % 3 == 0 else "")
        text.append(GLYPHS[label], f"bold {COLORS[label]}").append(f" {label:<18}", MUTED)
    return text
