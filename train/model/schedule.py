"""The learning rate over a training: linear warm-up, then a cosine down to zero."""

import keras

FIRST_LEARNING_RATE = 1 / 25
"""Learning rate at the start of the warm-up, as a share of the highest."""


def warmup_and_cosine(
    highest: float, steps: int, warmup_share: float
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return a schedule (I. Loshchilov and F. Hutter, arXiv:1608.03983, without restarts).

    Args:
        highest: learning rate at the end of the warm-up.
        steps: of the whole training.
        warmup_share: share of the steps in which the learning rate rises; 0 for none.
    """
    warmup = round(warmup_share * steps)
    if not warmup:
        return keras.optimizers.schedules.CosineDecay(highest, steps)
    return keras.optimizers.schedules.CosineDecay(
        highest * FIRST_LEARNING_RATE,
        steps - warmup,
        warmup_target=highest,
        warmup_steps=warmup,
    )
