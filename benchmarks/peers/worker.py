"""One peer in a process of its own: ``python -m benchmarks.peers.worker NAME CLIP.npy``.

It prints a JSON object once its first result is there, one for every line with a number of hops
that it reads. Imports of libraries stand in functions, because every peer has its own.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
HOP_SECONDS = 0.48
WINDOW_SECONDS = 4.0
BLOCK_SAMPLES = 320
VAD_SAMPLES = 512
"""Samples of a decision of Silero VAD at 16 kHz."""

Int16 = NDArray[np.int16]
Float32 = NDArray[np.float32]
Hop = Callable[[], object]


def windows(clip: Int16) -> Iterator[Float32]:
    """Yield the last 4 s at every hop, full scale at ±1, over and over."""
    samples = clip.astype(np.float32) / np.float32(32768)
    length, step = round(WINDOW_SECONDS * SAMPLE_RATE), round(HOP_SECONDS * SAMPLE_RATE)
    return cycle([samples[at : at + length] for at in range(0, len(samples) - length, step)])


def ours(clip: Int16) -> Hop:
    """Return a function that streams 20 ms blocks until the next emotion, as JSON."""
    from realtime_ser import Recognizer
    from realtime_ser.events import EmotionUpdate
    from realtime_ser.output.json_lines import json_line

    stream = Recognizer().stream(SAMPLE_RATE)
    blocks = cycle(np.array_split(clip, len(clip) // BLOCK_SAMPLES))

    def hop() -> None:
        while True:
            events = stream.process(next(blocks))
            lines = [json_line(event) for event in events]
            if lines and any(isinstance(event, EmotionUpdate) for event in events):
                return

    return hop


def yamnet_hub(clip: Int16) -> Hop:
    """Return a function that runs TF Hub's YAMNet on a window."""
    from train.model.yamnet import published_yamnet

    module, window = published_yamnet(), windows(clip)
    return lambda: module(next(window))


def wav2vec2_base(clip: Int16) -> Hop:
    """Return a function that runs a network of wav2vec2-base's shape on a window."""
    return _wav2vec2(clip)


def wav2vec2_large(clip: Int16) -> Hop:
    """Return a function that runs a network of wav2vec2-large's shape on a window."""
    return _wav2vec2(
        clip,
        hidden_size=1024,
        num_hidden_layers=24,
        num_attention_heads=16,
        intermediate_size=4096,
        feat_extract_norm="layer",
        conv_bias=True,
        do_stable_layer_norm=True,
    )


def _wav2vec2(clip: Int16, **shape: Any) -> Hop:
    """Return a function that classifies a window; A. Baevski et al., arXiv:2006.11477, table 6."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2ForSequenceClassification

    torch.set_num_threads(1)
    network = Wav2Vec2ForSequenceClassification(Wav2Vec2Config(num_labels=8, **shape)).eval()
    window = windows(clip)

    def hop() -> Any:
        with torch.inference_mode():
            return network(torch.from_numpy(next(window)[np.newaxis])).logits.numpy()

    return hop


def silero_vad(clip: Int16) -> Hop:
    """Return a function that runs Silero VAD over the audio of a hop."""
    import torch
    from silero_vad import load_silero_vad

    torch.set_num_threads(1)
    detector = load_silero_vad()
    samples = clip[: len(clip) // VAD_SAMPLES * VAD_SAMPLES].astype(np.float32) / 32768
    chunks = cycle(torch.from_numpy(samples).split(VAD_SAMPLES))
    per_hop = round(HOP_SECONDS * SAMPLE_RATE / VAD_SAMPLES)

    def hop() -> list[float]:
        with torch.inference_mode():
            return [detector(next(chunks), SAMPLE_RATE).item() for _ in range(per_hop)]

    return hop


def opensmile(clip: Int16) -> Hop:
    """Return a function that computes eGeMAPS functionals of a window."""
    import opensmile

    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02,
        feature_level=opensmile.FeatureLevel.Functionals,
        num_workers=1,
    )
    window = windows(clip)
    return lambda: smile.process_signal(next(window), SAMPLE_RATE)


LOADERS: dict[str, Callable[[Int16], Hop]] = {
    "ours": ours,
    "silero-vad": silero_vad,
    "opensmile": opensmile,
    "yamnet-hub": yamnet_hub,
    "wav2vec2-base": wav2vec2_base,
    "wav2vec2-large": wav2vec2_large,
}

IMPORTS = {
    "ours": "realtime_ser",
    "silero-vad": "silero_vad",
    "opensmile": "opensmile",
    "yamnet-hub": "tensorflow_hub",
    "wav2vec2-base": "transformers",
    "wav2vec2-large": "transformers",
}
"""The package whose import is timed."""


def peak_mb() -> float | None:
    """Return the peak resident memory of this process in MB (10^6 bytes)."""
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) * 1024 / 1e6, 1)
    return None


def main() -> None:
    """Load one peer and measure it on demand."""
    name, path = sys.argv[1:]
    clip = np.load(path)
    began = time.perf_counter()
    __import__(IMPORTS[name])
    import_seconds = time.perf_counter() - began
    hop = LOADERS[name](clip)
    hop()
    print(json.dumps({"import_seconds": import_seconds}), flush=True)
    for line in sys.stdin:
        count = int(line)
        cpu = time.process_time()
        for _ in range(count):
            hop()
        cpu = (time.process_time() - cpu) / count
        print(json.dumps({"cpu_seconds": cpu, "peak_mb": peak_mb()}), flush=True)


if __name__ == "__main__":
    main()
