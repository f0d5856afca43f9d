"""Ablations: what is trained and written."""

import json
from pathlib import Path

import pytest
from ravdess_clips import write_clips

pytestmark = pytest.mark.train

for module in ("tensorflow", "keras", "sklearn", "scipy", "matplotlib", "parselmouth", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from predicted_clips import FakeMethod  # noqa: E402

from experiments import ablation  # noqa: E402


def test_a_recipe_and_its_variants_are_scored_on_the_development_speakers(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    methods = {name: FakeMethod(name) for name in ("fake", "ablations/less")}
    names = ["ablations/less", "fake", "paper"]
    monkeypatch.setattr(ablation, "recipe_names", lambda folders: names)
    monkeypatch.setattr(ablation, "open_method", lambda name, cache: methods[name])
    monkeypatch.setattr(ablation, "RESULTS_FOLDER", tmp_path / "results")
    data = write_clips(tmp_path / "data", None)
    for _ in range(2):
        ablation.ablation("fake", data, tmp_path / "runs", write=True)
    assert [method.fitted for method in methods.values()] == [["development"]] * 2
    printed = capsys.readouterr().out
    assert "an epoch" not in printed
    # The method is right about the men among speakers 17 to 20.
    assert "| fake | of fake | 0.500 | 0.500 |" in printed
    assert "| less | of ablations/less | 0.500 | 0.500 |" in printed
    stored = json.loads((tmp_path / "results" / "ablation.json").read_text())
    assert [row["recipe"] for row in stored["rows"]] == ["fake", "ablations/less"]
