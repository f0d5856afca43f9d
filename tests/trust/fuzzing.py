"""Examples made up and damaged at random, and how long to look for one that fails."""

import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from realtime_ser.errors import RealtimeSerError

LONGEST = timedelta(seconds=5)
"""An example that takes longer hangs."""

QUICK = settings(
    max_examples=150,
    deadline=LONGEST,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def for_a_while(strategy: st.SearchStrategy[Any], check: Callable[[Any], None]) -> None:
    """Check new examples until the time is over, and shrink the one that fails."""
    ends = time.monotonic() + float(os.environ.get("REALTIME_SER_FUZZ_SECONDS", "20"))
    tried = 0

    def fails(example: Any) -> bool:
        nonlocal tried
        tried += 1
        try:
            check(example)
        except Exception:
            return True
        return False

    while time.monotonic() < ends:
        try:
            example = find(
                strategy,
                fails,
                settings=settings(
                    max_examples=300,
                    deadline=LONGEST,
                    database=None,
                    phases=[Phase.generate, Phase.shrink],
                    suppress_health_check=list(HealthCheck),
                ),
            )
        except NoSuchExample:
            continue
        check(example)
    assert tried > 300


def one_line(error: RealtimeSerError) -> None:
    assert str(error).isprintable()
    assert len(str(error)) < 1000


def damaged(whole: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Some bytes overwritten, some cut out, the end cut off."""

    def change(content: bytes, edits: list[tuple[float, bytes, int]], length: float) -> bytes:
        for place, new, removed in edits:
            at = int(place * len(content))
            content = content[:at] + new + content[at + removed :]
        return content[: int(length * len(content))]

    # Most of what a header says stands in the first hundred bytes.
    place = st.floats(0, 1) | st.floats(0, 0.003)
    edits = st.lists(
        st.tuples(place, st.binary(max_size=8), st.integers(0, 8)), min_size=1, max_size=6
    )
    return st.builds(change, whole, edits, st.floats(0, 1) | st.just(1.0))
