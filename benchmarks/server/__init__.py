"""``python -m benchmarks.server``: how many streams ``realtime-ser serve`` keeps up with."""
