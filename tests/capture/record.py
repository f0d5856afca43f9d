"""Records from a microphone into a WAV file; run by tests in the environment of another PulseAudio.

Usage: record.py DEVICE SECONDS OUT.wav. Prints ``ready`` with the first audio, and at the end one
line of JSON about the source, or one line of what failed (exit 1).
"""

import json
import sys

import numpy as np
import soundfile

from realtime_ser.capture.devices import find_input_device
from realtime_ser.capture.microphone import MicrophoneSource
from realtime_ser.capture.resampler import Resampler
from realtime_ser.errors import RealtimeSerError
from realtime_ser.native_output import quiet_c_libraries
from realtime_ser.settings import SAMPLE_RATE


def record(device: str, seconds: float, path: str) -> None:
    """Record and report."""
    source = MicrophoneSource(find_input_device(device))
    resampler = Resampler(source.rate, source.channels)
    recorded = [np.empty(0, np.int16)]
    while sum(map(len, recorded)) < seconds * SAMPLE_RATE:
        block = source.read()
        assert block is not None
        if len(block) and len(recorded) == 1:
            print("ready", flush=True)
        if len(block):
            recorded.append(resampler.process(block))
    source.close()
    source.close()
    assert source.read() is None
    soundfile.write(path, np.concatenate(recorded), SAMPLE_RATE)
    counts = {"overflows": source.overflows, "lost_frames": source.lost_frames}
    print(json.dumps({"rate": source.rate, "channels": source.channels, **counts}))


if __name__ == "__main__":
    try:
        with quiet_c_libraries():
            record(sys.argv[1], float(sys.argv[2]), sys.argv[3])
    except RealtimeSerError as error:
        sys.exit(f"{type(error).__name__}: {error}")
