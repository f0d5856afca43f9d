"""The ring buffer: absolute indices, newest wins, every lost sample counted."""

import threading
import time

import numpy as np
import pytest

from realtime_ser.capture.ring_buffer import RingBuffer


def counting_from(start: int, count: int) -> np.ndarray:
    return np.arange(start, start + count, dtype=np.int32)


def test_reads_what_was_written_in_order() -> None:
    ring = RingBuffer(10, dtype=np.int32)
    ring.write(counting_from(0, 6))

    first, second, third = ring.read(4), ring.read(4), ring.read(4)

    assert first.samples.tolist() == [0, 1, 2, 3]
    assert (second.start, second.samples.tolist(), second.lost) == (4, [4, 5], 0)
    assert (third.start, third.samples.tolist(), third.lost) == (6, [], 0)


def test_overwrites_the_oldest_and_counts_it() -> None:
    ring = RingBuffer(10, dtype=np.int32)
    ring.write(counting_from(0, 8))
    assert ring.read(3).samples.tolist() == [0, 1, 2]
    ring.write(counting_from(8, 7))

    assert (ring.lost, ring.unread) == (2, 10)
    chunk = ring.read(100)

    assert (chunk.start, chunk.lost) == (5, 2)
    assert chunk.samples.tolist() == list(range(5, 15))
    assert (ring.written, ring.lost, ring.unread) == (15, 2, 0)


def test_a_block_larger_than_the_buffer_keeps_its_newest_part() -> None:
    ring = RingBuffer(10, dtype=np.int32)
    ring.write(counting_from(0, 3))
    ring.write(counting_from(3, 34))

    chunk = ring.read(100)

    assert (chunk.start, chunk.lost) == (27, 27)
    assert chunk.samples.tolist() == list(range(27, 37))


@pytest.mark.parametrize("seed", range(5))
def test_any_mix_of_writes_and_reads_accounts_for_every_sample(seed: int) -> None:
    random = np.random.default_rng(seed)
    ring = RingBuffer(50, dtype=np.int32)
    seen = 0
    lost = 0
    for _ in range(300):
        ring.write(counting_from(ring.written, int(random.integers(0, 80))))
        chunk = ring.read(int(random.integers(0, 90)))
        assert chunk.start == seen + chunk.lost
        assert chunk.samples.tolist() == list(range(chunk.start, chunk.start + len(chunk.samples)))
        seen = chunk.start + len(chunk.samples)
        lost += chunk.lost

    ring.write(counting_from(ring.written, 300))
    lost += ring.read(50).lost
    assert ring.lost == lost > 0
    assert ring.unread == 0


def test_channels_are_not_mixed_up() -> None:
    ring = RingBuffer(4, channels=2, dtype=np.int32)
    ring.write(counting_from(0, 12).reshape(6, 2))

    assert ring.read(9).samples.tolist() == [[4, 5], [6, 7], [8, 9], [10, 11]]


def test_a_chunk_is_a_copy() -> None:
    ring = RingBuffer(4, dtype=np.int32)
    ring.write(counting_from(0, 4))
    chunk = ring.read(4)
    ring.write(counting_from(4, 4))

    assert chunk.samples.tolist() == [0, 1, 2, 3]


def test_wait_ends_at_new_data_at_the_timeout_and_at_the_end() -> None:
    ring = RingBuffer(4, dtype=np.int32)
    assert not ring.wait(0.01)

    threading.Timer(0.05, ring.write, [counting_from(0, 1)]).start()
    assert ring.wait(10)

    ring.read(1)
    threading.Timer(0.05, ring.close).start()
    assert not ring.wait(10)
    assert ring.closed


def test_an_empty_block_wakes_the_reader() -> None:
    ring = RingBuffer(10, dtype=np.int32)
    found: list[bool] = []
    reader = threading.Thread(target=lambda: found.append(ring.wait(60)))
    reader.start()
    deadline = time.monotonic() + 30
    while reader.is_alive() and time.monotonic() < deadline:
        ring.write(counting_from(0, 0))
        time.sleep(0.01)
    assert found == [False]


def test_unread_samples_can_be_read_after_close() -> None:
    ring = RingBuffer(4, dtype=np.int32)
    ring.write(counting_from(0, 2))
    ring.close()
    ring.write(counting_from(2, 2))

    assert ring.wait(0)
    assert ring.read(9).samples.tolist() == [0, 1]


def test_two_threads_account_for_every_sample() -> None:
    ring = RingBuffer(1000, dtype=np.int32)

    def write() -> None:
        for start in range(0, 200_000, 100):
            ring.write(counting_from(start, 100))
        ring.close()

    writer = threading.Thread(target=write)
    writer.start()
    seen = lost = 0
    while ring.wait(10):
        chunk = ring.read(700)
        assert chunk.samples.tolist() == list(range(chunk.start, chunk.start + len(chunk.samples)))
        seen += len(chunk.samples)
        lost += chunk.lost
    writer.join()

    assert seen + lost == ring.written == 200_000
    assert lost == ring.lost
