"""What was learned of the voice: a meter of the adaptation, and the number of corrections."""

from collections.abc import Hashable

from realtime_ser.live.snapshot import Snapshot
from realtime_ser.output.format import counted, percent
from realtime_ser.output.terminal.emotion import VALUE, bar
from realtime_ser.output.terminal.palette import FAINT, MUTED, ink
from realtime_ser.output.terminal.panel import ROOMY, Line, Panel, justify, shorten

WORDS = len("knows this voice 100 %  ")
"""Columns of the words, before the meter."""


class Voice(Panel):
    """How well the voice is known, in words and as a meter, and how many corrections there are."""

    def content(self, snapshot: Snapshot, width: int) -> Hashable:
        """Return the share in whole percent, the corrections, and what is shown of a profile."""
        known = snapshot.adaptation
        share = None if known is None else round(100 * known)
        return share, snapshot.corrections, snapshot.profile, snapshot.other_voice

    def draw(self, snapshot: Snapshot, width: int, height: int) -> list[Line]:
        """Return the one line."""
        corrections = counted(snapshot.corrections) if snapshot.corrections else ""
        known = snapshot.adaptation
        profile = f"{shorten(snapshot.profile, width // 4)}: " if snapshot.profile else ""
        if known is None or snapshot.other_voice:
            words = "another voice, not learned" if snapshot.other_voice else "adaptation is off"
            left: Line = [(profile, ink(MUTED)), (words, ink(FAINT))]
            return [justify(left, [(corrections, ink(MUTED))], width)]
        words = profile + f"knows this voice {percent(known, ' ')}".ljust(WORDS)
        if width < ROOMY:
            return [[(words.strip(), ink(MUTED))]]
        right = corrections.rjust(max(VALUE, len(corrections) + 2))
        room = max(width - len(words) - len(right), 1)
        return [[(words, ink(MUTED)), *bar(known, FAINT, room), (right, ink(MUTED))]]
