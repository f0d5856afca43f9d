"""What turns a network's logits into the probabilities and labels that users see."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from train.corpora.corpus import QUIET_MASK
from train.model.rejection import Rejection


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is chosen after training, on speakers that nothing was trained on.

    Attributes:
        prior: subtracted from the logits of neutral and calm, in nats (A. Menon et al., "Long-tail
            learning via logit adjustment", arXiv:2007.07314).
        temperature: the logits are divided by it afterwards (C. Guo et al., "On calibration of
            modern neural networks", arXiv:1706.04599).
        rejection: has the threshold of ``uncertain``; ``None`` leaves it at ``DEFAULT_THRESHOLD``.
    """

    prior: float = 0.0
    temperature: float = 1.0
    rejection: Rejection | None = None


UNCALIBRATED = Calibration()
"""Leaves logits as they are."""


def less_quiet(logits: Any, prior: float) -> Any:
    """Return logits, float ``[…, 8]``, with ``prior`` subtracted from those of neutral and calm."""
    return logits - np.float32(prior) * QUIET_MASK.astype(np.float32)


def calibrated(logits: Any, calibration: Calibration) -> Any:
    """Return calibrated logits, float ``[…, 8]`` as given: an array or a tensor."""
    return less_quiet(logits, calibration.prior) / calibration.temperature
