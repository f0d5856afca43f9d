"""What a corpus is, and what a label of it says about the eight emotions.

A corpus has some of the eight labels. Neither a loss nor a score may count against a label that
the corpus lacks, so both compare among its own labels alone. ``neutral`` of a corpus without
``calm`` may be either of the two, and so may ordinary speech, which states no emotion at all.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from realtime_ser.events import LABELS

Kind = Literal["acted", "elicited", "natural", "ordinary", "noise"]
Use = Literal["train", "score"]

NEUTRAL, CALM = "neutral", "calm"
QUIET_LABELS = (NEUTRAL, CALM)
"""What ordinary speech counts as, and ``neutral`` of a corpus that does not tell them apart."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """A published collection of clips.

    Attributes:
        name: of its folder and in code, such as ``nemo``.
        title: its published name.
        language: ISO 639 code of the language spoken, ``mul`` for several, ``zxx`` for none.
        license: as its authors state it.
        source: who published it, and where a person finds it.
        use: ``train`` where the license allows a published model to be trained on it, ``score``
            where it may only be scored on.
        kind: how the speech came about; ``noise`` holds no speech.
        labels: those of ``realtime_ser.LABELS`` that its clips have, in that order; empty for
            ordinary speech and noise.
    """

    name: str
    title: str
    language: str
    license: str
    source: str
    use: Use
    kind: Kind
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.labels != tuple(label for label in LABELS if label in self.labels):
            raise ValueError(f"labels of {self.name} are not in the order of LABELS: {self.labels}")
        if bool(self.labels) == (self.kind in ("ordinary", "noise")):
            raise ValueError(f"{self.name} is {self.kind}, but its labels are {self.labels}")

    @property
    def merges_calm(self) -> bool:
        """Whether its ``neutral`` may be calm as well."""
        return NEUTRAL in self.labels and CALM not in self.labels


def target(corpus: Corpus, label: str | None) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which labels a clip's loss compares among, and which of them are right.

    With logits masked by ``allowed`` before the softmax, the loss is the negative logarithm of the
    sum of the probabilities over ``right``.

    Args:
        corpus: that the clip belongs to.
        label: of the clip, ``None`` for ordinary speech.

    Returns:
        ``allowed`` and ``right``, bool, shape ``[8]`` each, in the order of
        ``realtime_ser.LABELS``; ``right`` is never empty and never reaches beyond ``allowed``.

    Raises:
        ValueError: the corpus has no such label, or holds no speech.
    """
    if corpus.kind == "noise":
        raise ValueError(f"{corpus.name} holds no speech, so there is no emotion to compare with")
    if corpus.kind == "ordinary":
        if label is not None:
            raise ValueError(f"{corpus.name} is ordinary speech, which has no label {label!r}")
        return _mask(LABELS), QUIET_MASK.copy()
    if label not in corpus.labels:
        raise ValueError(f"{corpus.name} has no label {label!r}, but {', '.join(corpus.labels)}")
    allowed = (*corpus.labels, CALM) if corpus.merges_calm else corpus.labels
    right = QUIET_LABELS if corpus.merges_calm and label == NEUTRAL else (label,)
    return _mask(allowed), _mask(right)


def predict_label(corpus: Corpus, probabilities: ArrayLike) -> str:
    """Return the likeliest label among those of the corpus.

    Where the corpus lacks ``calm``, the probability of ``calm`` is added to that of ``neutral``.
    In ordinary speech nothing is left out: ``neutral`` and ``calm`` are merged into ``neutral`` and
    compete with the other six.

    Args:
        corpus: that the clip belongs to.
        probabilities: shape ``[8]``, in the order of ``realtime_ser.LABELS``.

    Raises:
        ValueError: the corpus holds no speech, or the shape is another one.
    """
    if corpus.kind == "noise":
        raise ValueError(f"{corpus.name} holds no speech, so no label can be right")
    values = np.asarray(probabilities, np.float64)
    if values.shape != (len(LABELS),):
        raise ValueError(f"expected {len(LABELS)} probabilities, got shape {values.shape}")
    shares = dict(zip(LABELS, values.tolist(), strict=True))
    labels = corpus.labels or tuple(label for label in LABELS if label != CALM)
    if CALM not in labels:
        shares[NEUTRAL] += shares[CALM]
    return max(labels, key=lambda label: shares[label])


def _mask(labels: tuple[str, ...]) -> NDArray[np.bool_]:
    return np.array([label in labels for label in LABELS])


QUIET_MASK = _mask(QUIET_LABELS)
"""Which of the eight labels are neutral and calm, bool ``[8]``."""
