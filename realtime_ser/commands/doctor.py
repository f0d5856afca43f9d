"""``realtime-ser doctor``: checks whether live use works here, and says what to do if not."""

import argparse
import sys

from realtime_ser.commands.common import DONE, FAILED
from realtime_ser.doctor import as_json, as_line, live_use_fails, run_checks, summary


def run(options: argparse.Namespace) -> int:
    """Print every check as it is made, or all of them as one JSON object."""
    checks = []
    for check in run_checks(options.device, options.model):
        checks.append(check)
        if not options.json:
            print(as_line(check, sys.stdout.encoding), flush=True)
    print(as_json(checks) if options.json else summary(checks))
    return FAILED if live_use_fails(checks) else DONE
