"""Live runs: a capture thread feeds the ring buffer, and a worker thread makes events of it."""
