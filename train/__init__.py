"""Builds the bundled model: RAVDESS to utterances, network, training, export, evaluation."""
