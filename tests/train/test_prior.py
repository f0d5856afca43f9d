"""How much less likely neutral and calm are made, on made-up groups. Needs the train extra."""

import numpy as np
import pytest

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

for module in ("tensorflow", "keras", "sklearn", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from realtime_ser.events import LABELS  # noqa: E402
from train.corpora.corpus import target  # noqa: E402
from train.corpora.registry import find_corpus  # noqa: E402
from train.evaluation.group_calibration import Group  # noqa: E402
from train.evaluation.output_calibration import calibrate  # noqa: E402
from train.evaluation.prior import SMALLEST_ORDINARY_SHARE, choose_prior  # noqa: E402

CLIPS = 400


def group_of(corpus: str, label: str | None, lowest: float, highest: float) -> Group:
    """Return clips whose logit of neutral is above that of sad by ``lowest`` to ``highest``."""
    allowed, right = target(find_corpus(corpus), label)
    logits = np.full((CLIPS, len(LABELS)), -9.0)
    logits[:, LABELS.index("sad")] = 0.0
    logits[:, LABELS.index("neutral")] = np.linspace(lowest, highest, CLIPS)
    return Group(logits, np.tile(allowed, (CLIPS, 1)), np.tile(right, (CLIPS, 1)))


def test_the_prior_is_as_large_as_ordinary_speech_allows() -> None:
    ordinary = group_of("ordinary_librispeech", None, 0.0, 10.0)
    prior = choose_prior({"ordinary_librispeech": ordinary})
    assert prior == pytest.approx(1.0, abs=0.05)
    left = ordinary.less_quiet(prior).is_right.mean()
    assert SMALLEST_ORDINARY_SHARE <= left < SMALLEST_ORDINARY_SHARE + 0.01


def test_every_corpus_of_ordinary_speech_counts_the_same() -> None:
    sure = group_of("ordinary_librispeech", None, 5.0, 10.0)
    unsure = group_of("ordinary_speechocean", None, 0.0, 5.0)
    prior = choose_prior({"ordinary_librispeech": sure, "ordinary_speechocean": unsure})
    assert prior == pytest.approx(1.0, abs=0.05), "a fifth of one of two corpora"


def test_emotional_speech_does_not_limit_the_prior() -> None:
    ordinary = group_of("ordinary_librispeech", None, 0.0, 10.0)
    groups = {"ordinary_librispeech": ordinary, "nemo": group_of("nemo", "neutral", 0.0, 0.1)}
    assert choose_prior(groups) == choose_prior({"ordinary_librispeech": ordinary})


@pytest.mark.parametrize(
    "groups",
    [
        {"nemo": group_of("nemo", "sad", 0.0, 1.0)},
        {"ordinary_librispeech": group_of("ordinary_librispeech", None, -5.0, 1.0)},
    ],
)
def test_without_room_the_prior_is_none(groups: dict[str, Group]) -> None:
    assert choose_prior(groups) == 0.0


def test_temperature_and_threshold_are_chosen_after_the_prior() -> None:
    groups = {
        "ordinary_librispeech": group_of("ordinary_librispeech", None, 0.0, 10.0),
        "nemo": group_of("nemo", "sad", -1.0, 3.0),
    }
    found = calibrate(groups)
    shifted = {name: group.less_quiet(found.prior) for name, group in groups.items()}
    again = calibrate({"nemo": shifted["nemo"]})
    assert found.prior > 0
    assert again.prior == 0
    assert found.temperature != again.temperature
    assert found.rejection is not None
    assert min(found.rejection.coverage.values()) >= 0.8
