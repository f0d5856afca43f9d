"""What a check finds, and how a report shows it."""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

from realtime_ser import __version__
from realtime_ser.errors import RealtimeSerError, printable

State = Literal["ok", "warning", "failure"]

REINSTALL = "install realtime-ser again"


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found.

    Attributes:
        name: what was checked, in a word or two.
        state: ``ok``, ``warning`` (live use works, with less) or ``failure`` (it does not).
        message: what was found.
        remedy: what to do about it; ``None`` if nothing.
    """

    name: str
    state: State
    message: str
    remedy: str | None = None


def guarded(name: str, check: Callable[..., Check], *arguments: object) -> Check:
    """Make a check; an exception is a failure, and the other checks are still made."""
    try:
        return check(*arguments)
    except RealtimeSerError as error:
        return Check(name, "failure", error.problem, error.remedy)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return Check(name, "failure", reason, f"{REINSTALL}; if that does not help, report it")


def without_home(check: Check) -> Check:
    """Return the check without the home folder, which is named after the user."""
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises where there is none
    if len(home) < 2:
        return check
    remedy = check.remedy and check.remedy.replace(home, "~")
    return replace(check, message=check.message.replace(home, "~"), remedy=remedy)


def live_use_fails(checks: Iterable[Check]) -> bool:
    """Return whether any check has failed."""
    return any(check.state == "failure" for check in checks)


def as_line(check: Check, encoding: str = "utf-8") -> str:
    """Return a check for people: one line, and its remedy on a second one."""
    line = f"{check.state:<8} {check.name:<11} {printable(check.message)}"
    if check.remedy:
        line += f"\n{'':20} -> {printable(check.remedy)}"
    return line.encode(encoding, "backslashreplace").decode(encoding)


def summary(checks: Sequence[Check]) -> str:
    """Return the last line: the verdict, and how many checks failed."""
    failures = sum(check.state == "failure" for check in checks)
    warnings = sum(check.state == "warning" for check in checks)
    verdict = "live use would fail" if failures else "ready for live use"
    return f"{verdict}: {len(checks)} checks, failures: {failures}, warnings: {warnings}"


def as_json(checks: Sequence[Check]) -> str:
    """Return all checks as one JSON object, for bug reports."""
    report = {
        "version": __version__,
        "live_use": not live_use_fails(checks),
        "checks": [asdict(check) for check in checks],
    }
    return json.dumps(report)
