"""Measurements for developers, run from a checkout: ``python -m benchmarks``. Not in the wheel.

``realtime-ser bench`` measures time per stage, start-up, memory and streams. Here are the delays
that a user feels, the cost of silence and of the screen, how close the network comes to the limit
of the processor, and a comparison with TF Hub's YAMNet.
"""
