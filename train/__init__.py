"""Trains, evaluates and publishes the models of realtime-ser.

The packages build on each other from left to right: ``corpora``, ``audio``, ``model``,
``evaluation``, ``publishing``. ``train.files`` and ``train.markdown`` are used by all of them.
"""
