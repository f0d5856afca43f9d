"""The loss of clips whose corpora lack some of the eight labels."""

import keras
from keras import ops

EXCLUDED_LOGIT = -1e9


@keras.saving.register_keras_serializable("realtime_ser")
class LabelSetLoss(keras.losses.Loss):  # type: ignore[misc]
    """Cross-entropy among the labels that a clip's corpus has, where several may be right.

    Targets are float32 ``[batch, 2, 8]``: which labels are compared, then which of them are right
    (see ``train.corpora.corpus.target``), each 0 or 1. Predictions are logits ``[batch, 8]``.

    Args:
        smoothing: share of the target probability spread evenly over the labels compared (C.
            Szegedy et al., arXiv:1512.00567).
    """

    def __init__(self, smoothing: float = 0.0, **options: object) -> None:
        super().__init__(**options)
        self.smoothing = smoothing

    def call(self, targets: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
        """Return the loss of each clip, ``[batch]``."""
        allowed, right = targets[:, 0], targets[:, 1]
        log_probabilities = ops.log_softmax(logits + (1 - allowed) * EXCLUDED_LOGIT)
        of_right = ops.logsumexp(log_probabilities + (1 - right) * EXCLUDED_LOGIT, axis=-1)
        finite = ops.where(allowed > 0, log_probabilities, 0.0)
        of_all = ops.sum(finite, axis=-1) / ops.sum(allowed, axis=-1)
        return -(1 - self.smoothing) * of_right - self.smoothing * of_all

    def get_config(self) -> dict[str, object]:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "smoothing": self.smoothing}


@keras.saving.register_keras_serializable("realtime_ser")
class LabelSetAccuracy(keras.metrics.Mean):  # type: ignore[misc]
    """Share of clips whose likeliest label among those of their corpus is right."""

    def update_state(
        self, targets: keras.KerasTensor, logits: keras.KerasTensor, sample_weight: None = None
    ) -> None:
        """Count a batch; shapes as in ``LabelSetLoss``."""
        likeliest = ops.argmax(logits + (1 - targets[:, 0]) * EXCLUDED_LOGIT, axis=-1)
        super().update_state(ops.take_along_axis(targets[:, 1], likeliest[:, None], axis=1))
