"""Scores of networks and model folders: by protocol, streamed, held out, under disturbances."""
