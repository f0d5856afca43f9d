"""``python -m realtime_ser``: the same as the command ``realtime-ser``."""

import sys

from realtime_ser.commands import main

if __name__ == "__main__":
    sys.exit(main())
