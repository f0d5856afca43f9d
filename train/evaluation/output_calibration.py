"""Chooses everything that is applied to a network's logits, on speakers set aside."""

from collections.abc import Mapping

from train.evaluation.group_calibration import Group, group_temperature
from train.evaluation.prior import choose_prior
from train.evaluation.rejection import choose_rejection
from train.model.calibration import Calibration


def calibrate(groups: Mapping[str, Group]) -> Calibration:
    """Return the prior, then the temperature, then the threshold of ``uncertain``.

    Args:
        groups: clips of speakers set aside, by corpus; at least one.
    """
    prior = choose_prior(groups)
    shifted = {name: group.less_quiet(prior) for name, group in groups.items()}
    temperature = group_temperature(shifted.values())
    return Calibration(prior, temperature, choose_rejection(shifted, temperature))
