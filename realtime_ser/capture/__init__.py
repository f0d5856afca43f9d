"""From a microphone, a file or standard input to 16 kHz mono samples in a ring buffer."""
