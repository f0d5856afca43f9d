"""A comparison with what others would use: CPU time, memory and start-up of each, side by side.

Every peer runs in a process of its own, on one thread, and they take turns, so that other load on
the machine affects all of them. The weights of the large networks are random, because the time does
not depend on them.
"""
