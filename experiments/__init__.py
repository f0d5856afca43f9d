"""Experiments around the bundled model: the paper's baselines, ablations, the gate, quantization.

They use ``train``, which never uses them.
"""
