"""Values of every kind at every public callable: accepted, or one RealtimeSerError."""

import array
import pathlib
import pickle
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from realtime_ser import (
    AudioInputError,
    ModelError,
    RealtimeSerError,
    Recognizer,
    Settings,
    SettingsError,
    Stream,
    listen,
)
from realtime_ser.capture.devices import InputDevice, as_choice, choose_input_device
from realtime_ser.emotion.model import bundled_model_folder, find_model_folder
from realtime_ser.errors import AudioDeviceError

MICROPHONE = InputDevice(0, "Yeti", "ALSA", 2, 48_000, default=True)
OTHER = InputDevice(1, "Webcam", "ALSA", 2, 48_000, default=False)


class Hostile:
    """Raises whatever is asked of it."""

    def __repr__(self) -> str:
        raise ValueError

    def __fspath__(self) -> str:
        raise ValueError

    def __array__(self, *_: object, **__: object) -> Any:
        raise ZeroDivisionError


numbers = st.one_of(
    st.integers(),
    st.floats(),
    st.decimals(),
    st.fractions(),
    st.complex_numbers(),
    st.booleans(),
    st.just(10**4000),
    st.sampled_from(
        [kind(3) for kind in (np.int8, np.uint64, np.float16, np.longdouble, np.complex64)]
    ),
    st.sampled_from([np.bool_(True), np.float64("nan"), np.array(16_000), np.array([16_000])]),
)
others = st.one_of(
    st.none(),
    st.text(),
    st.binary(),
    st.sampled_from(["3", " 0", "16000", b"16000", "", "\0", "\ud800"]),
    st.lists(st.integers() | st.floats() | st.text(), max_size=3),
    st.dictionaries(st.text(), st.integers(), max_size=2),
    st.sets(st.integers(), max_size=2),
    st.builds(Hostile),
    st.builds(object),
    st.sampled_from([int, print, range(3), memoryview(b"abc"), bytearray(b"abc"), ...]),
    st.just(np.datetime64("2020-01-01")),
    arrays.arrays(arrays.scalar_dtypes(), arrays.array_shapes(max_dims=3, max_side=4)),
)
anything = numbers | others

THOROUGH = settings(
    max_examples=300,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def refused_or_done(call: Callable[[], object]) -> None:
    """Call it: an error must be ours, and say itself in one line of reasonable length."""
    message = ""
    try:
        call()
    except RealtimeSerError as error:
        message = str(error)
    assert "\n" not in message
    assert len(message) < 300


@THOROUGH
@given(value=anything, name=st.sampled_from(["window", "hop", "vad_mode", "threshold"]))
def test_settings(value: Any, name: str) -> None:
    def make() -> None:
        made = getattr(Settings(**{name: value}), name)
        if name == "threshold" and value is None:  # the model's
            assert made is None
        else:
            assert type(made) is (int if name == "vad_mode" else float)

    refused_or_done(make)


@THOROUGH
@given(value=anything)
def test_rates(recognizer: Recognizer, value: Any) -> None:
    samples = np.zeros(1_600, np.int16)
    refused_or_done(lambda: recognizer.recognize(samples, value))
    refused_or_done(lambda: recognizer.stream(value).process(samples))
    refused_or_done(lambda: Stream(recognizer.pipeline(), value))


@THOROUGH
@given(value=anything | st.lists(anything, max_size=3))
def test_samples(recognizer: Recognizer, value: Any) -> None:
    refused_or_done(lambda: recognizer.recognize(value, 16_000))
    refused_or_done(lambda: recognizer.stream(8_000).process(value))
    refused_or_done(lambda: recognizer.pipeline().process(value))


@THOROUGH
@given(value=anything)
def test_devices(value: Any) -> None:
    refused_or_done(lambda: choose_input_device((MICROPHONE, OTHER), value))


@THOROUGH
@given(value=anything)
def test_model_folders_and_settings_of_recognizers(value: Any) -> None:
    if value is not None:
        with pytest.raises(RealtimeSerError):
            Recognizer(value)
        with pytest.raises(SettingsError):
            Recognizer(settings=value)


@THOROUGH
@given(value=anything, name=st.sampled_from(["duration", "reconnect", "recognizer", "device"]))
def test_listen(value: Any, name: str) -> None:
    # A device that is not there, so that nothing is opened.
    arguments = {"device": "no such device", "recognizer": "none either"} | {name: value}
    with pytest.raises(RealtimeSerError):
        listen(**arguments)


@pytest.mark.parametrize(
    "rate",
    [16_000.0, np.int64(16_000), np.uint16(16_000), np.float32(16_000), np.array(16_000)],
    ids=repr,
)
def test_plain_rates_are_accepted(recognizer: Recognizer, rate: Any) -> None:
    assert recognizer.recognize(np.zeros(1_600), rate).label is None


@pytest.mark.parametrize("rate", ["16000", None, b"16000", True, 16_000.5, np.nan, [16_000], 1j])
def test_other_rates_are_named(recognizer: Recognizer, rate: Any) -> None:
    with pytest.raises(AudioInputError, match="the sample rate is"):
        recognizer.recognize(np.zeros(1_600), rate)


def test_numbers_too_long_to_print_are_refused(recognizer: Recognizer) -> None:
    with pytest.raises(AudioInputError, match="the sample rate is of type int, too large"):
        recognizer.stream(10**5000)
    with pytest.raises(SettingsError, match="the hop is of type int: give a finite number"):
        Settings(hop=10**5000)


@pytest.mark.parametrize(
    ("device", "found"),
    [
        (np.int64(1), OTHER),
        (np.uint8(0), MICROPHONE),
        (1.0, OTHER),
        (np.float32(1), OTHER),
        (" 1", OTHER),
        (" yeti\n", MICROPHONE),
        (np.str_("webcam"), OTHER),
    ],
)
def test_plain_devices_are_accepted(device: Any, found: InputDevice) -> None:
    assert choose_input_device((MICROPHONE, OTHER), device) is found


@pytest.mark.parametrize("device", [True, np.bool_(False), 0.5, b"yeti", [0], "", "  ", np.nan])
def test_other_devices_are_named(device: Any) -> None:
    with pytest.raises(AudioDeviceError, match="the device is"):
        as_choice(device)


@pytest.mark.parametrize("duration", ["3", b"3", True, [3], np.nan, np.inf, 0, -1, 3j])
def test_durations_that_are_none(duration: Any) -> None:
    with pytest.raises(SettingsError, match="the duration is"):
        listen("no such device", duration=duration)


@pytest.mark.parametrize("window", [np.float32(2), Decimal(2), Fraction(2), np.int8(2), 2])
def test_plain_settings_are_accepted(window: Any) -> None:
    mode: Any = np.int64(1)
    assert Settings(window=window, vad_mode=mode) == Settings(window=2.0, vad_mode=1)


VOICE: Any = np.arange(-800, 800, dtype=np.int16)


@pytest.mark.parametrize(
    "samples",
    [
        memoryview(VOICE),
        array.array("h", VOICE.tolist()),
        VOICE.astype(">i2"),
        (VOICE / 32_768).tolist(),
        (VOICE / np.longdouble(32_768)),
        np.repeat(VOICE, 2)[::2],
        VOICE[:, np.newaxis],
    ],
    ids=["memoryview", "array.array", "big-endian", "list", "longdouble", "strided", "a column"],
)
def test_plain_samples_are_accepted(recognizer: Recognizer, samples: Any) -> None:
    found = recognizer.recognize(samples, 16_000)
    assert found == recognizer.recognize(VOICE, 16_000)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (VOICE.tobytes(), "of type bytes are not audio: give an array, as numpy.frombuffer"),
        (bytearray(4), "of type bytearray"),
        (memoryview(b"1234"), "of type uint8"),
        ("text", "of type str"),
        ([VOICE[:480], VOICE[:320]], "lists of unequal length"),
        ([True, False], "of type bool"),
        ([1, 2, 3], "of type int64"),
        (None, "of type object"),
        (Hostile(), "cannot be made an array"),
    ],
)
def test_other_samples_are_named(recognizer: Recognizer, samples: Any, words: str) -> None:
    with pytest.raises(AudioInputError, match=words):
        recognizer.recognize(samples, 16_000)
    with pytest.raises(AudioInputError, match=words):
        recognizer.stream().process(samples)


@pytest.mark.parametrize("kind", [str, pathlib.Path, lambda path: str(path).encode()])
def test_paths_of_any_type_are_accepted(kind: Callable[[pathlib.Path], Any]) -> None:
    folder = bundled_model_folder()
    assert find_model_folder(kind(folder)) == folder
    assert Recognizer(kind(folder)).model.folder == folder


@pytest.mark.parametrize("folder", [7, "", b"", "a\0b", True, Hostile(), 1.5])
def test_other_paths_are_named(folder: Any) -> None:
    with pytest.raises(ModelError, match=r"the model folder is .*, not a path"):
        Recognizer(folder)


def test_a_recognizer_can_be_pickled_and_a_stream_says_why_not(recognizer: Recognizer) -> None:
    copied = pickle.loads(pickle.dumps(Recognizer(settings=Settings(hop=0.96))))
    assert copied.settings == Settings(hop=0.96)
    assert copied.recognize(VOICE, 16_000) == recognizer.recognize(VOICE, 16_000)
    with pytest.raises(RealtimeSerError, match="a stream cannot be copied"):
        pickle.dumps(recognizer.stream())
