"""Disturbances, each measured by what it promises, and the table made with them."""

import json
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from speech_clips import speech

from realtime_ser import AudioInputError, ModelError, Recognizer
from realtime_ser.emotion.frontend import to_float
from realtime_ser.emotion.model import bundled_model_folder
from realtime_ser.events import LABELS
from realtime_ser.settings import Settings

pytestmark = pytest.mark.train

for module in ("scipy", "sklearn", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from scipy.signal import welch  # noqa: E402

from train.data import disturbances  # noqa: E402
from train.data.disturbances import Disturbance  # noqa: E402
from train.data.ravdess import Clip, list_clips  # noqa: E402
from train.evaluation import robustness as module_under_test  # noqa: E402
from train.evaluation.robustness import (  # noqa: E402
    Recording,
    Trial,
    measure_robustness,
    report,
    robustness,
    robustness_table,
    rows_of,
    trials,
)

Float32 = NDArray[np.float32]
RATE = 16_000


def rms(samples: Float32) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def random() -> np.random.Generator:
    return np.random.default_rng([3, 1, 5])


@pytest.fixture(scope="module")
def voice() -> Float32:
    return to_float(speech("one_utterance"))


@pytest.fixture(scope="module")
def voices() -> list[Float32]:
    clip = to_float(speech("three_utterances"))
    return [np.roll(clip, 5_000 * each)[:20_000] for each in range(8)]


def all_trials(voices: Sequence[Float32]) -> list[Trial]:
    return list(trials(voices))


@pytest.mark.parametrize("decibels", [20.0, 10.0])
@pytest.mark.parametrize("name", ["white_noise", "pink_noise", "hum", "babble"])
def test_the_signal_to_noise_ratio_is_what_it_says(
    name: str, decibels: float, voice: Float32, voices: list[Float32]
) -> None:
    settings: dict[str, Any] = {"voices": voices} if name == "babble" else {}
    noisy = getattr(disturbances, name)(voice, random(), snr_db=decibels, **settings)
    added = noisy - voice
    assert 20 * np.log10(rms(voice) / rms(added)) == pytest.approx(decibels, abs=0.01)


def test_pink_noise_is_as_strong_in_every_octave_and_white_noise_doubles(voice: Float32) -> None:
    def octaves(name: str) -> list[float]:
        added = getattr(disturbances, name)(np.tile(voice, 5), random(), snr_db=0.0)
        added -= np.tile(voice, 5)
        hertz, power = welch(added, RATE, nperseg=4096)
        edges = [125, 250, 500, 1000, 2000, 4000]
        return [
            10 * np.log10(power[(hertz >= low) & (hertz < high)].sum())
            for low, high in pairwise(edges)
        ]

    np.testing.assert_allclose(np.diff(octaves("pink_noise")), 0.0, atol=0.7)
    np.testing.assert_allclose(np.diff(octaves("white_noise")), 3.0, atol=0.7)


def test_hum_is_at_multiples_of_50_or_60_hertz(voice: Float32) -> None:
    silent_voice = np.full(RATE * 2, 0.1, np.float32)
    found = set()
    for seed in range(8):
        hum = disturbances.hum(silent_voice, np.random.default_rng(seed), snr_db=0.0) - silent_voice
        spectrum = np.abs(np.fft.rfft(hum))
        loud = np.flatnonzero(spectrum > 0.05 * spectrum.max()) / 2
        found.add(loud[0])
        np.testing.assert_allclose(loud, loud[0] * np.arange(1, 11))
    assert found == {50.0, 60.0}


def test_babble_mixes_other_voices_and_never_pauses(voices: list[Float32]) -> None:
    quiet = np.full(3 * RATE, 1e-3, np.float32)
    babbled = disturbances.babble(quiet, random(), voices=voices, snr_db=0.0) - quiet
    again = disturbances.babble(quiet, np.random.default_rng(9), voices=voices, snr_db=0.0) - quiet
    assert abs(np.corrcoef(babbled, again)[0, 1]) < 0.9, "another seed, other voices"
    levels = [rms(part) for part in babbled.reshape(-1, RATE // 4)]
    assert min(levels) > 0.1 * max(levels)


@pytest.mark.parametrize("decay", [0.3, 0.6])
def test_a_room_decays_by_60_db_in_its_time(decay: float) -> None:
    response = disturbances.room_response(random(), decay)
    tail = response[1:]
    assert np.sum(tail**2) == pytest.approx(1.0, rel=0.05), "as strong as the direct sound"
    # Schroeder's backward integration, and its slope from -5 to -25 dB: the T20 of ISO 3382.
    left = 10 * np.log10(np.cumsum(tail[::-1] ** 2)[::-1] / np.sum(tail**2))
    times = np.arange(len(left)) / RATE
    between = (left <= -5) & (left >= -25)
    slope = np.polyfit(times[between], left[between], 1)[0]
    assert -60 / slope == pytest.approx(decay, rel=0.05)


def test_a_room_rings_after_the_voice_and_keeps_its_loudness() -> None:
    click = np.zeros(RATE, np.float32)
    click[1000] = 0.5
    heard = disturbances.room(click, random(), decay_seconds=0.3)
    assert rms(heard) == pytest.approx(rms(click), rel=1e-3)
    assert not heard[:999].any() or np.abs(heard[:999]).max() < 1e-6
    assert rms(heard[1001:3000]) > 10 * rms(heard[5000:5800])


def test_the_telephone_leaves_nothing_outside_its_band() -> None:
    noise = np.random.default_rng(1).normal(scale=0.1, size=4 * RATE).astype(np.float32)
    hertz, power = welch(disturbances.telephone(noise, random()), RATE, nperseg=4096, detrend=False)
    within = power[(hertz > 400) & (hertz < 3000)].mean()
    assert power[hertz < 200].max() < 1e-4 * within
    assert power[hertz > 3700].max() < 1e-4 * within
    assert power[(hertz > 330) & (hertz < 3300)].min() > 0.1 * within


def test_the_telephone_rounds_as_the_mu_law_does() -> None:
    tone = (0.3 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)).astype(np.float32)
    hertz, power = welch(disturbances.telephone(tone, random()), RATE, nperseg=4096)
    beside = power[(hertz > 300) & (hertz < 3400) & (np.abs(hertz - 1000) > 30)].sum()
    assert 30 < 10 * np.log10(power.sum() / beside) < 45, "about 38 dB over its quantisation"


@pytest.mark.parametrize("decibels", [-12.0, 12.0])
def test_gain_keeps_the_shape(decibels: float, voice: Float32) -> None:
    changed = disturbances.gain(voice, random(), decibels=decibels)
    np.testing.assert_allclose(changed, voice * 10 ** (decibels / 20), rtol=1e-5)
    limited = disturbances.gain_below_full_scale(voice, random(), decibels=40.0)
    assert np.abs(limited).max() == pytest.approx(1.0)
    np.testing.assert_allclose(limited / rms(limited), voice / rms(voice), rtol=1e-4)


@pytest.mark.parametrize("share", [0.003, 0.05])
def test_clipping_cuts_the_share_it_says(share: float, voice: Float32) -> None:
    clipped = disturbances.clipping(voice, random(), share=share)
    height = np.abs(clipped).max()
    assert np.mean(np.abs(voice) > height) == pytest.approx(share, rel=0.02)
    np.testing.assert_array_equal(clipped, np.clip(voice, -height, height))


def test_a_tilt_raises_each_octave_by_as_much() -> None:
    noise = np.random.default_rng(1).normal(scale=0.05, size=8 * RATE).astype(np.float32)
    tilted = disturbances.tilt(noise, random(), db_per_octave=3.0)
    hertz, power = welch(tilted, RATE, nperseg=4096)
    levels = [
        10 * np.log10(power[np.abs(hertz - each) < 0.1 * each].mean()) for each in (500, 4000)
    ]
    assert levels[1] - levels[0] == pytest.approx(9.0, abs=0.7)
    assert rms(tilted) == pytest.approx(rms(noise), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "settings", "added"),
    [
        ("silence_before", {"seconds": 1.0}, RATE),
        ("silence_after", {"seconds": 1.0}, RATE),
        ("beginning_cropped", {}, -RATE // 10),
        ("end_cropped", {}, -RATE // 10),
    ],
)
def test_beginnings_and_ends(
    name: str, settings: dict[str, float], added: int, voice: Float32
) -> None:
    changed = getattr(disturbances, name)(voice, random(), **settings)
    if added > 0:
        assert len(changed) == len(voice) + added
        silence, kept = (slice(RATE), slice(RATE, None))
        if name == "silence_after":
            silence, kept = (slice(-RATE, None), slice(-RATE))
        assert not changed[silence].any()
        np.testing.assert_array_equal(changed[kept], voice)
    else:
        cropped = len(voice) - len(changed)
        assert -added <= cropped <= -2 * added
        rest = voice[cropped:] if name == "beginning_cropped" else voice[:-cropped]
        np.testing.assert_array_equal(changed, rest)


def test_words_are_cropped_within_the_speech() -> None:
    tone = np.sin(np.arange(RATE)).astype(np.float32)
    clip = np.concatenate((np.zeros(RATE, np.float32), tone, np.zeros(RATE, np.float32)))
    late = disturbances.first_word_cropped(clip, random())
    early = disturbances.last_word_cropped(clip, random())
    assert 0.8 * RATE <= np.count_nonzero(late) <= 0.93 * RATE
    assert 0.8 * RATE <= np.count_nonzero(early) <= 0.93 * RATE
    assert np.abs(late[:100]).max() > 0.5
    assert np.abs(early[-100:]).max() > 0.5


def test_filters_and_the_offset(voice: Float32) -> None:
    low = disturbances.low_pass(voice, random(), hertz=1000.0)
    high = disturbances.high_pass(voice, random(), hertz=1000.0)
    np.testing.assert_allclose(low + high, voice, atol=1e-5)  # what first-order filters add up to
    raised = disturbances.offset(voice, random(), height=0.05)
    assert (raised - voice).mean() == pytest.approx(0.05, abs=1e-6)


@pytest.mark.parametrize("name", ["mp3", "opus"])
def test_codecs_lose_something_and_not_much(name: str, voice: Float32) -> None:
    from scipy.signal import correlate

    coded = getattr(disturbances, name)(voice, random())
    energies = np.sum(voice**2) * np.sum(coded**2)
    likeness = correlate(coded, voice).max() / np.sqrt(energies)
    assert 0.7 < likeness < 0.9999


def test_every_disturbance_changes_every_clip_and_repeats_under_its_seed(
    voice: Float32, voices: list[Float32]
) -> None:
    before = voice.copy()
    for trial in all_trials(voices):
        first, again = trial.disturb(voice, random()), trial.disturb(voice, random())
        assert first.dtype == np.float32, trial.name
        assert np.isfinite(first).all(), trial.name
        np.testing.assert_array_equal(first, again, trial.name)
        assert len(first) != len(voice) or not np.array_equal(first, voice), trial.name
        np.testing.assert_array_equal(voice, before, f"{trial.name} wrote into its input")


def test_silence_is_disturbed_without_dividing_by_zero(voices: list[Float32]) -> None:
    with np.errstate(all="raise", under="ignore"):
        for trial in all_trials(voices):
            disturbed = trial.disturb(np.zeros(2 * RATE, np.float32), random())
            assert np.isfinite(disturbed).all(), trial.name


def silenced(samples: Float32, _: np.random.Generator) -> Float32:
    return np.zeros_like(samples)


@pytest.fixture(scope="module")
def decided() -> Recognizer:
    """The bundled model, which is never uncertain."""
    return Recognizer(bundled_model_folder(), Settings(threshold=0.0))


def recordings(recognizer: Recognizer) -> list[Recording]:
    """Two clips whose label is what they are heard as."""
    found = []
    for number, name in enumerate(("one_utterance", "speech_at_once"), start=1):
        samples = to_float(speech(name))
        label = LABELS.index(str(recognizer.recognize(samples, RATE).label))
        path = Path(f"03-01-{label + 1:02}-01-01-01-{number:02}.flac")
        found.append(Recording(Clip(path, label, number), samples))
    return found


def test_an_identity_changes_nothing_and_silence_everything(decided: Recognizer) -> None:
    identity, silence = rows_of(
        decided,
        recordings(decided),
        [Trial("identity", disturbances.unchanged, True), Trial("silence", silenced, True)],
    )[1:]
    assert (identity.uar, identity.change, identity.unchanged) == (1.0, 0.0, 1.0)
    assert identity.target is True
    assert (silence.uar, silence.change, silence.unchanged) == (0.0, -1.0, 0.0)
    assert silence.target is False


def test_a_disturbance_is_seeded_by_the_name_of_the_clip(decided: Recognizer) -> None:
    drawn: list[float] = []

    def draw(samples: Float32, random: np.random.Generator) -> Float32:
        drawn.append(float(random.random()))
        return samples

    both = recordings(decided)
    rows_of(decided, both, [Trial("one", draw)])
    rows_of(decided, both[::-1], [Trial("two", draw)])
    assert drawn[:2] == drawn[:1:-1]
    assert drawn[0] != drawn[1]


def test_the_table_shows_every_figure() -> None:
    rows = [
        {"name": "undisturbed", "uar": 0.7, "change": 0.0, "unchanged": 1.0, "target": None},
        {"name": "noise", "uar": 0.65, "change": -0.05, "unchanged": 0.9, "target": True},
        {"name": "room", "uar": 0.6, "change": -0.1, "unchanged": 0.75, "target": False},
    ]
    assert robustness_table(rows).splitlines() == [
        "| disturbance | UAR | change | unchanged | target |",
        "|---|---|---|---|---|",
        "| undisturbed | 0.700 | +0.000 | 1.000 |  |",
        "| noise | 0.650 | -0.050 | 0.900 | met |",
        "| room | 0.600 | -0.100 | 0.750 | missed |",
    ]


def lay_out(folder: Path, actors: Sequence[int], samples: NDArray[np.int16]) -> Path:
    for actor in actors:
        (folder / f"Actor_{actor:02}").mkdir(parents=True)
        name = f"03-01-01-01-01-01-{actor:02}.flac"
        soundfile.write(folder / f"Actor_{actor:02}" / name, samples, RATE)
    return folder


@pytest.fixture
def few_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """One disturbance instead of all, so that a whole run takes a moment."""

    def one(voices: Sequence[Float32]) -> tuple[Trial, ...]:
        disturb: Disturbance = partial(disturbances.white_noise, snr_db=20.0)
        return (Trial("noise", disturb, targeted=True),)

    monkeypatch.setattr(module_under_test, "trials", one)


@pytest.mark.usefixtures("few_trials")
def test_a_run_prints_the_table_and_keeps_the_same_file_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = lay_out(tmp_path / "data", range(1, 25), speech("one_utterance"))
    monkeypatch.setattr(module_under_test, "RESULTS_FOLDER", tmp_path)
    robustness(data, bundled_model_folder(), write=False)
    assert not (tmp_path / "robustness.json").exists()
    printed = capsys.readouterr().out
    robustness(data, bundled_model_folder(), write=True)
    assert capsys.readouterr().out == printed
    content = json.loads((tmp_path / "robustness.json").read_text())
    assert report(content) + "\n" == printed
    assert content["clips"] == 4
    assert content["model"] == bundled_model_folder().name
    assert len(content["sha256"]) == 64
    assert "actors 21-24" in content["protocol"]
    assert [row["name"] for row in content["rows"]] == ["undisturbed", "noise"]
    assert list(content["rows"][0]) == ["name", "uar", "change", "unchanged", "target"]


@pytest.mark.usefixtures("few_trials")
def test_babble_is_of_nobody_who_is_tested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = lay_out(tmp_path / "data", range(1, 25), speech("one_utterance"))
    asked: list[list[int]] = []

    def noted(folder: Path, actors: Sequence[int]) -> list[Clip]:
        asked.append(sorted(actors))
        return list_clips(folder, actors)

    monkeypatch.setattr(module_under_test, "list_clips", noted)
    measure_robustness(data, bundled_model_folder())
    measure_robustness(data, bundled_model_folder(), (17, 18, 19, 20))
    assert asked == [
        [21, 22, 23, 24],
        list(range(1, 21)),
        [17, 18, 19, 20],
        list(range(1, 17)),
    ]


def test_missing_short_and_broken_clips_end_in_one_clear_line(tmp_path: Path) -> None:
    model = bundled_model_folder()
    with pytest.raises(AudioInputError, match="there is no folder"):
        robustness(tmp_path / "nowhere", model, write=False)
    voice = speech("one_utterance")
    partly = lay_out(tmp_path / "partly", range(1, 23), voice)
    with pytest.raises(AudioInputError, match="no clips of actors 23, 24"):
        robustness(partly, model, write=False)
    short = lay_out(tmp_path / "short", range(1, 25), voice[:8000])
    with pytest.raises(AudioInputError, match=r"-21.flac lasts only 0.50 s"):
        robustness(short, model, write=False)
    broken = lay_out(tmp_path / "broken", range(1, 25), voice)
    damaged = broken / "Actor_22" / "03-01-01-01-01-01-22.flac"
    damaged.write_bytes(damaged.read_bytes()[:3000])
    with pytest.raises(AudioInputError, match=r"-22.flac is damaged"):
        robustness(broken, model, write=False)
    with pytest.raises(ModelError, match="there is no model folder"):
        robustness(broken, tmp_path / "no-model", write=False)
