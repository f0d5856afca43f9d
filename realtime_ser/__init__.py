"""realtime-ser: live speech-emotion recognition.

::

    from realtime_ser import Recognizer, listen

    result = Recognizer().recognize(samples, sample_rate)
    with listen() as events:
        for event in events:
            print(event)
"""

from realtime_ser.errors import (
    AudioDeviceError,
    AudioInputError,
    CorrectionError,
    ModelError,
    OutputError,
    ProfileError,
    RealtimeSerError,
    SettingsError,
)
from realtime_ser.events import (
    LABELS,
    EmotionUpdate,
    Event,
    FileResult,
    Health,
    SpeechEnded,
    SpeechStarted,
    to_dict,
)
from realtime_ser.recognizer import Recognition, Recognizer, listen
from realtime_ser.settings import Settings
from realtime_ser.stream import Stream

__version__ = "0.1.0"

__all__ = [
    "LABELS",
    "AudioDeviceError",
    "AudioInputError",
    "CorrectionError",
    "EmotionUpdate",
    "Event",
    "FileResult",
    "Health",
    "ModelError",
    "OutputError",
    "ProfileError",
    "RealtimeSerError",
    "Recognition",
    "Recognizer",
    "Settings",
    "SettingsError",
    "SpeechEnded",
    "SpeechStarted",
    "Stream",
    "listen",
    "to_dict",
]
