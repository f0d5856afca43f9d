"""``realtime-ser bench``: what recognition costs on this machine, every figure measured in one run.

Wall times come from ``time.perf_counter``; where CPU time is said, from ``time.thread_time`` or
``time.process_time``. The audio is the bundled demo clip, looped. ``measure.py`` takes the figures
in turn, ``report.py`` says what each of them means, ``table.py`` prints them for people.
"""
