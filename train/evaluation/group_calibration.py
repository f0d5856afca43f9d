"""One temperature for several kinds of speech, each of which counts the same.

A temperature fitted to acted speech alone leaves a network too confident about ordinary speech, of
which a live program hears more. So it is fitted to the speakers set aside of every corpus in
training, with the mean loss of each corpus weighing the same.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, logsumexp, softmax

from realtime_ser.errors import SettingsError
from train.corpora.corpus import QUIET_MASK, target
from train.corpora.registry import find_corpus
from train.evaluation.analyses import streamed_probabilities
from train.evaluation.calibration import TEMPERATURE_RANGE, log_probabilities
from train.model.calibration import less_quiet
from train.model.fit_mixture import TRAINING
from train.model.material import set_aside_clips
from train.model.mixture_recipe import MixtureRecipe

Bool = NDArray[np.bool_]
Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Group:
    """Clips of one corpus that nothing was trained on.

    Attributes:
        logits: log-probabilities, shape ``[clips, 8]``.
        allowed: labels to compare among, shape ``[clips, 8]``.
        right: those that are right, shape ``[clips, 8]``.
    """

    logits: Float64
    allowed: Bool
    right: Bool

    def __len__(self) -> int:
        return len(self.logits)

    def confidence(self, temperature: float) -> Float64:
        """Return the highest of all eight probabilities at a temperature, shape ``[clips]``."""
        return np.asarray(softmax(self.logits / temperature, axis=1).max(axis=1))

    @property
    def is_right(self) -> Bool:
        """Whether the likeliest of the allowed labels is right, shape ``[clips]``."""
        likeliest = np.where(self.allowed, self.logits, -np.inf).argmax(axis=1)
        return np.asarray(self.right[np.arange(len(likeliest)), likeliest])

    @property
    def is_ordinary(self) -> bool:
        """Whether it is ordinary speech: neutral and calm are right, and all labels are allowed."""
        return bool(self.allowed.all() and (self.right == QUIET_MASK).all())

    def less_quiet(self, prior: float) -> "Group":
        """Return the group with a constant subtracted from the logits of neutral and calm."""
        return replace(self, logits=less_quiet(self.logits, prior))

    def loss(self, temperature: float) -> float:
        """Return the mean cross-entropy at a temperature (see ``train.model.objective``)."""
        masked = np.where(self.allowed, self.logits / temperature, -np.inf)
        scaled = log_softmax(masked, axis=1)
        return -float(logsumexp(np.where(self.right, scaled, -np.inf), axis=1).mean())


def set_aside_group(recipe: MixtureRecipe, name: str, model: Path, corpora: Path) -> Group | None:
    """Return a corpus's clips of speakers set aside as the live program recognizes them.

    ``None`` if no speakers are set aside, as in a corpus that does not tell its speakers apart.

    Args:
        recipe: states the share that is set aside, and the seed.
        name: of the corpus.
        model: model folder, exported at temperature 1.
        corpora: folder of the corpora.
    """
    clips = set_aside_clips(recipe, name, corpora)
    if not clips:
        return None
    probabilities = streamed_probabilities(model, clips)
    speech = ~np.isnan(probabilities).any(axis=1)
    targets = [target(find_corpus(name), clip.label) for clip in clips]
    allowed, right = (np.array(masks)[speech] for masks in zip(*targets, strict=True))
    return Group(log_probabilities(probabilities[speech]), allowed, right)


def set_aside_groups(recipe: MixtureRecipe, model: Path, corpora: Path) -> dict[str, Group]:
    """Return the groups of all corpora in training that have speakers set aside, by corpus.

    Args:
        recipe: states the corpora.
        model: model folder of its network, exported at temperature 1.
        corpora: folder of the corpora.

    Raises:
        SettingsError: no corpus has speakers set aside.
    """
    groups = _groups(recipe, recipe.stage[TRAINING].shares, model, corpora)
    if not groups:
        raise SettingsError("no corpus has speakers set aside", "raise set_aside_share")
    return groups


def ordinary_groups(recipe: MixtureRecipe, model: Path, corpora: Path) -> dict[str, Group]:
    """Return the groups of ordinary speech alone; arguments as in ``set_aside_groups``."""
    shares = recipe.stage[TRAINING].shares
    ordinary = [name for name in shares if not find_corpus(name).labels]
    return _groups(recipe, ordinary, model, corpora)


def _groups(
    recipe: MixtureRecipe, names: Iterable[str], model: Path, corpora: Path
) -> dict[str, Group]:
    found = {name: set_aside_group(recipe, name, model, corpora) for name in names}
    return {name: group for name, group in found.items() if group is not None and len(group)}


def group_temperature(groups: Collection[Group]) -> float:
    """Return the temperature with the least mean loss over some groups, 0.05 to 20."""

    def loss(log_temperature: float) -> float:
        return float(np.mean([group.loss(float(np.exp(log_temperature))) for group in groups]))

    result = minimize_scalar(
        loss, bounds=np.log(TEMPERATURE_RANGE), method="bounded", options={"xatol": 1e-6}
    )
    return float(np.exp(result.x))
