"""From speech to emotions: log-mel frames, the network's embeddings, the sliding window."""
