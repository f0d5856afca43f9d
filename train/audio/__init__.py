"""Audio for training: utterances, other voices, sounds without speech, disturbances, a cache."""
