"""Training on several corpora: loss, batches, branches, and a short run from start to end."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from corpus_trees import write_index
from numpy.typing import NDArray
from speech_clips import speech

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

for module in ("tensorflow", "keras", "tensorflow_hub", "sklearn", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

import keras  # noqa: E402

from realtime_ser.errors import SettingsError  # noqa: E402
from realtime_ser.events import LABELS  # noqa: E402
from train.__main__ import main  # noqa: E402
from train.audio.frames import FrameSettings  # noqa: E402
from train.audio.surroundings import Recordings, SurroundingSettings  # noqa: E402
from train.corpora.catalog import CORPORA  # noqa: E402
from train.corpora.clip import Clip  # noqa: E402
from train.corpora.corpus import target  # noqa: E402
from train.corpora.splits import Split  # noqa: E402
from train.evaluation.group_calibration import Group  # noqa: E402
from train.model import stages  # noqa: E402
from train.model.branches import (  # noqa: E402
    BYOLS_MAP,
    BranchSettings,
    build_branch,
    freeze_branch,
    join_branches,
    load_byols_weights,
)
from train.model.byols import (  # noqa: E402
    ByolsWeights,
    ConvolutionBlock,
    DenseLayer,
    build_encoder,
)
from train.model.fit_mixture import MixtureMethod, Places  # noqa: E402
from train.model.methods import open_method  # noqa: E402
from train.model.mixture import MixedBatches, Source  # noqa: E402
from train.model.mixture_recipe import (  # noqa: E402
    leave_out,
    load_mixture_recipe,
    parse_mixture_recipe,
)
from train.model.objective import LabelSetAccuracy, LabelSetLoss  # noqa: E402
from train.model.recipe_files import read_recipe  # noqa: E402

YAMNET = BranchSettings("yamnet", "yamnet", frozen_layers=4, learning_rate=1e-3)
BYOLS = BranchSettings("byols", "byols", frozen_layers=1, learning_rate=1e-3)

needs_yamnet = pytest.mark.skipif(
    "TFHUB_CACHE_DIR" not in os.environ, reason="TFHUB_CACHE_DIR names no copy of YAMNet"
)

Float32 = NDArray[np.float32]


def targets(*pairs: tuple[str, str | None]) -> Float32:
    return np.stack([np.stack(target(CORPORA[corpus], label)) for corpus, label in pairs]).astype(
        np.float32
    )


def random_weights() -> ByolsWeights:
    random = np.random.default_rng(0)

    def block(inputs: int) -> ConvolutionBlock:
        kernel = random.normal(0, 0.1, (64, inputs, 3, 3)).astype(np.float32)
        small, positive = (
            random.normal(0, 0.1, (3, 64)).astype(np.float32),
            random.uniform(0.5, 1.5, (2, 64)).astype(np.float32),
        )
        return ConvolutionBlock(kernel, small[0], positive[0], small[1], small[2], positive[1])

    def dense() -> DenseLayer:
        return DenseLayer(
            random.normal(0, 0.05, (512, 512)).astype(np.float32),
            random.normal(0, 0.05, 512).astype(np.float32),
        )

    return ByolsWeights((block(1), block(64), block(64)), (dense(), dense()))


def test_the_loss_compares_only_the_labels_of_the_corpus() -> None:
    chosen = targets(("ravdess", "angry"), ("nemo", "neutral"), ("ordinary_librispeech", None))
    logits = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    found = LabelSetLoss(reduction=None)(chosen, logits).numpy()
    for (allowed, right), row, loss in zip(chosen, logits, found, strict=True):
        shares = np.exp(row) * allowed
        assert loss == pytest.approx(-np.log((shares * right).sum() / shares.sum()), rel=1e-5)


def test_a_label_that_the_corpus_lacks_gets_no_gradient() -> None:
    import tensorflow

    logits = tensorflow.Variable(np.zeros((1, 8), np.float32))
    with tensorflow.GradientTape() as tape:
        loss = LabelSetLoss(0.1)(targets(("emospeech", "happy")), logits)
    gradient = tape.gradient(loss, logits).numpy()[0]
    lacking = [LABELS.index(label) for label in ("sad", "disgust", "surprised")]
    assert (gradient[lacking] == 0).all()
    assert gradient[LABELS.index("happy")] < 0 < gradient[LABELS.index("angry")]


def test_accuracy_counts_calm_as_neutral_where_calm_is_missing() -> None:
    calm, angry = np.eye(8, dtype=np.float32)[[LABELS.index("calm"), LABELS.index("angry")]] * 9
    accuracy = LabelSetAccuracy()
    accuracy.update_state(
        targets(("nemo", "neutral"), ("ordinary_librispeech", None), ("ravdess", "neutral")),
        np.stack([calm, angry, calm]),
    )
    assert float(accuracy.result()) == pytest.approx(1 / 3)


def batches(seed: int = 1) -> MixedBatches:
    voices = [speech("short_word"), speech("one_utterance"), speech("speech_at_once")]
    sources = [
        Source(CORPORA["nemo"], ["angry", "angry", "sad"], [voices], share=3.0),
        Source(CORPORA["ordinary_librispeech"], [None] * 3, [voices, voices], share=1.0),
    ]
    return MixedBatches(
        sources,
        Recordings([], voices, []),
        SurroundingSettings(),
        FrameSettings(count=2),
        (BYOLS_MAP,),
        clips=16,
        steps=12,
        seed=seed,
    )


def test_batches_follow_the_shares_and_draw_labels_evenly() -> None:
    stream = batches()
    drawn = np.concatenate([stream[index][1] for index in range(len(stream))])
    ordinary = (drawn[:, 1] * drawn[:, 0]).sum(axis=1) == 2
    angry = drawn[:, 1, LABELS.index("angry")] == 1
    assert ordinary.mean() == pytest.approx(0.25, abs=0.1)
    assert angry[~ordinary].mean() == pytest.approx(0.5, abs=0.12)


def test_a_batch_depends_on_seed_epoch_and_number_alone() -> None:
    first, again, other = batches(), batches(), batches(seed=2)
    assert np.array_equal(first[3][0]["byols"], again[3][0]["byols"])
    assert not np.array_equal(first[3][0]["byols"], first[4][0]["byols"])
    assert not np.array_equal(first[3][0]["byols"], other[3][0]["byols"])
    again.start_epoch(1)
    assert not np.array_equal(first[3][0]["byols"], again[3][0]["byols"])
    assert first[3][0]["byols"].shape == (16, 2, 96, 64)


def test_folded_normalization_gives_the_published_encoder() -> None:
    weights = random_weights()
    embed, _ = build_branch(BYOLS)
    load_byols_weights(embed, weights)
    maps = np.random.default_rng(1).normal(size=(2, 96, 64)).astype(np.float32)
    steps = np.asarray(build_encoder(weights)(maps, training=False)).reshape(2, 3, 4, 512)
    found = np.asarray(embed(maps, training=False))
    assert np.allclose(found[..., :512], steps.mean(axis=2), atol=1e-4)
    assert np.allclose(found[..., 512:], steps.max(axis=2), atol=1e-4)


@pytest.mark.parametrize("branch", [YAMNET, BYOLS])
def test_frozen_layers_are_thawed_and_others_always_trained(branch: BranchSettings) -> None:
    embed, _ = build_branch(branch)
    freeze_branch(embed, branch, branch.frozen_layers)
    weighted = [layer for layer in embed.layers if layer.weights]
    assert {layer.trainable for layer in weighted} == {True, False}
    freeze_branch(embed, branch, 0)
    assert all(layer.trainable for layer in weighted)


def test_joined_branches_multiply_their_probabilities() -> None:
    branches = [build_branch(YAMNET), build_branch(BYOLS)]
    embed, classify = join_branches(branches)
    random = np.random.default_rng(0)
    maps = [random.normal(size=(2, 96, 64)).astype(np.float32) for _ in branches]
    positions = embed(maps, training=False)
    assert positions.shape == (2, 3, 2048)
    expected = [
        np.asarray(keras.ops.log_softmax(part(body(each, training=False), training=False)))
        for (body, part), each in zip(branches, maps, strict=True)
    ]
    assert np.allclose(classify(positions, training=False), np.mean(expected, axis=0), atol=1e-4)


def test_group_loss_is_the_training_loss() -> None:
    chosen = targets(("nemo", "neutral"), ("savee", "sad"))
    logits = np.random.default_rng(0).normal(size=(2, 8))
    group = Group(logits, chosen[:, 0] > 0, chosen[:, 1] > 0)
    expected = float(LabelSetLoss()(chosen, logits.astype(np.float32)))
    assert group.loss(1.0) == pytest.approx(expected, rel=1e-5)
    assert group.loss(2.0) != pytest.approx(expected, rel=1e-3)


RECIPE: dict[str, Any] = {
    **{"description": "tiny", "method": "mixture", "noises": ["noise_hu100"], "batch_clips": 2},
    "precision": "mixed_bfloat16",
    "sounds": ["debian_sounds"],
    "branch": [
        {"name": "yamnet", "body": "yamnet", "frozen_layers": 4, "learning_rate": 1e-4},
        {"name": "byols", "body": "byols", "frozen_layers": 1, "learning_rate": 1e-4},
    ],
    "frames": {"count": 1},
    "stage": {
        "pretraining": {"steps": 1, "shares": {"nemo": 1.0}},
        "training": {"steps": 1, "thawed_steps": 1, "shares": {"ravdess": 0.5, "nemo": 0.5}},
    },
}


def made_up_corpora(folder: Path, *names: str) -> Path:
    """Write two speakers of each corpus, one noise, one sound and one room."""
    for name in names:
        rows = []
        for speaker in ("AA1", "BB2"):
            for label in ("angry", "neutral"):
                path = folder / name / f"{speaker}_{label}.flac"
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, speech("one_utterance"), 16_000)
                rows.append((path.name, speaker, "f", label, label, "pl"))
        write_index(folder / name, rows)
    noise = 0.1 * np.random.default_rng(0).normal(size=32_000)
    corpora = (("noise_hu100", "nonspeech"), ("debian_sounds", "nonspeech"), ("rir", "rir"))
    for name, label in corpora:
        (folder / name).mkdir()
        soundfile.write(folder / name / "a.flac", noise, 16_000)
        write_index(folder / name, [("a.flac", "", "", label, label, "none")])
    return folder


@pytest.fixture
def tiny_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "read_byols", lambda _: random_weights())
    monkeypatch.setattr(stages, "STEPS_OF_AN_EPOCH", 1)
    monkeypatch.setattr("train.model.fit_mixture.STEPS_OF_AN_EPOCH", 1)
    monkeypatch.setattr("train.model.speech_examples.SOUNDS_OF_A_KIND", 2)


def made_up_split(corpora: Path) -> Split:
    """Return clips of nEMO as if they were RAVDESS's."""
    clips = [
        Clip(corpora / "nemo" / f"AA1_{label}.flac", "ravdess", "01", "male", label, "en")
        for label in ("angry", "neutral")
    ]
    return Split("development", tuple(clips), (), ())


@needs_yamnet
@pytest.mark.slow
@pytest.mark.usefixtures("tiny_training")
def test_a_run_from_pretraining_to_a_model_folder(tmp_path: Path) -> None:
    from realtime_ser import Recognizer

    corpora = made_up_corpora(tmp_path / "corpora", "nemo")
    split = made_up_split(corpora)
    clips = split.training
    places = Places(corpora, tmp_path / "byols.pth", tmp_path / "runs", tmp_path / "cache")
    method = MixtureMethod("tiny", RECIPE, places)
    run = tmp_path / "runs" / "tiny" / "development"
    method.fit(split, run)
    assert (tmp_path / "runs" / "tiny" / "pretraining" / "byols" / "embedder.keras").exists()
    before = (run / "embedder.keras").stat().st_mtime_ns
    method.fit(split, run)
    assert (run / "embedder.keras").stat().st_mtime_ns == before, "a finished run is left alone"
    method.export(run, tmp_path / "model", split)
    result = Recognizer(tmp_path / "model").recognize(speech("one_utterance"), 16_000)
    logits = method.logits(clips, run)
    assert logits.shape == (2, 8)
    assert np.isfinite(logits).all()
    assert result.label is not None


@needs_yamnet
@pytest.mark.slow
@pytest.mark.usefixtures("tiny_training")
@pytest.mark.parametrize("corpus", ["nemo", "ravdess"])
def test_a_recipe_without_a_corpus_from_its_training_to_its_score(
    corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corpora = made_up_corpora(tmp_path / "corpora", "nemo", "emospeech")
    split = made_up_split(corpora)
    stage = RECIPE["stage"]
    shares = {
        "pretraining": {"nemo": 1, "emospeech": 1},
        "training": {"ravdess": 1, "emospeech": 1},
    }
    table = {name: {**stage[name], "shares": of_stage} for name, of_stage in shares.items()}
    monkeypatch.setattr("train.model.methods.read_recipe", lambda _: {**RECIPE, "stage": table})
    monkeypatch.setattr("train.corpora.splits.read_split", lambda *_: split)
    monkeypatch.setattr("train.corpora.ravdess.list_clips", lambda *_: list(split.training))
    runs, model = tmp_path / "runs", tmp_path / "model"

    def run(command: str, *options: str) -> str:
        common = f"--recipe tiny --without {corpus} --runs {runs} --corpora {corpora}"
        paths = f"--byols {tmp_path} --data {tmp_path}"
        arguments = ["train", command, *common.split(), *paths.split(), *options]
        monkeypatch.setattr(sys, "argv", arguments)
        assert main() == 0, capsys.readouterr().err
        return capsys.readouterr().out

    run("fit", "--split", "development")
    printed = run("export", "--split", "development", "--model", str(model))
    assert "uncertain below" in printed
    training = json.loads((model / "manifest.json").read_text())["training"]
    assert training["recipe"] == f"tiny-without-{corpus}"
    assert corpus not in {*training["corpora"], *training["speakers"]}
    assert "| accuracy" in run("evaluate", "--protocol", "cross-corpus", "--model", str(model))


def test_a_corpus_is_left_out_with_its_background() -> None:
    table = leave_out("voices", read_recipe("voices"), "emospeech")
    recipe = parse_mixture_recipe("voices-without-emospeech", table)
    assert recipe.noises == ("noise_hu100",)
    assert all("emospeech" not in stage.shares for stage in recipe.stage.values())
    whole = load_mixture_recipe("voices")
    assert replace(recipe, noises=whole.noises, stage=whole.stage) == whole


def test_a_corpus_that_cannot_be_left_out_is_explained() -> None:
    with pytest.raises(SettingsError, match="voices is not trained on savee"):
        leave_out("voices", read_recipe("voices"), "savee")
    with pytest.raises(SettingsError, match="pretraining reads nemo alone"):
        leave_out("tiny", RECIPE, "nemo")
    with pytest.raises(SettingsError, match="recipe best is trained on RAVDESS alone"):
        open_method("best", Path("runs"), Path("cache"), without="nemo")


def test_the_shipped_recipe_reads_only_corpora_that_may_be_trained_on() -> None:
    recipe = load_mixture_recipe("voices")
    names = {name for stage in recipe.stage.values() for name in stage.shares}
    names |= {*recipe.noises, *recipe.sounds}
    assert {CORPORA[name].use for name in names} == {"train"}
    assert "ravdess" not in recipe.stage["pretraining"].shares
