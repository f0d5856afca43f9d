"""Scores: by protocol, on clips and streamed, under disturbance, beside the published ones."""
