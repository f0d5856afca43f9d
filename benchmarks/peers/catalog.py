"""The peers, what each one computes, and what it needs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer.

    Attributes:
        name: on the command line of the worker.
        title: in the table.
        computes: what it computes at every hop of 0.48 s.
        modules: what its interpreter must be able to import.
        install: how to get them.
    """

    name: str
    title: str
    computes: str
    modules: tuple[str, ...]
    install: str


_PEERS_GROUP = "pip install --group peers"
_WINDOW = "the last 4 s"

PEERS = (
    Peer(
        "ours",
        "realtime-ser",
        "emotion of the last 4 s, speech gate included",
        ("ai_edge_litert", "soxr", "webrtcvad"),
        "pip install realtime-ser",
    ),
    Peer(
        "silero-vad",
        "Silero VAD (for scale)",
        "speech or not, every 32 ms",
        ("silero_vad", "torch"),
        _PEERS_GROUP,
    ),
    Peer(
        "opensmile",
        "openSMILE eGeMAPS",
        f"88 functionals of {_WINDOW}, no classifier",
        ("opensmile",),
        _PEERS_GROUP,
    ),
    Peer(
        "yamnet-hub",
        "YAMNet from TF Hub",
        f"embeddings of {_WINDOW}, no classifier",
        ("tensorflow_hub",),
        'pip install "realtime-ser[train]"',
    ),
    Peer(
        "wav2vec2-base",
        "wav2vec2-base",
        f"eight classes of {_WINDOW}",
        ("transformers", "torch"),
        _PEERS_GROUP,
    ),
    Peer(
        "wav2vec2-large",
        "wav2vec2-large",
        f"eight classes of {_WINDOW}",
        ("transformers", "torch"),
        _PEERS_GROUP,
    ),
)
