"""What turns a network's logits into the probabilities and labels that users see."""

from dataclasses import dataclass

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
