"""Measurements of ``realtime-ser bench``, all on the bundled demo clip.

Wall time comes from ``time.perf_counter``, CPU time from ``time.thread_time``.
"""
