"""What a run leaves for users: the model folder, its card, the README's tables."""
