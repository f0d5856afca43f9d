"""The model card and the quality page, written from stored scores."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from realtime_ser import RealtimeSerError
from realtime_ser.emotion.model import EmotionModel, bundled_model_folder

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

for module in ("tensorflow", "keras", "sklearn", "scipy", "matplotlib", "parselmouth", "tqdm"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from predicted_clips import stored_scores  # noqa: E402

from train.files import QUALITY_PAGE, README_PAGE  # noqa: E402
from train.model.model_folder import update_manifest  # noqa: E402
from train.publishing.model_card import write_model_card  # noqa: E402
from train.publishing.quality import write_held_out_scores  # noqa: E402
from train.publishing.readme import write_readme_scores  # noqa: E402


def copied_model(folder: Path) -> tuple[Path, dict[str, Any]]:
    """A copy of the bundled model folder, and its held-out scores."""
    copy = Path(shutil.copytree(bundled_model_folder(), folder / bundled_model_folder().name))
    return copy, json.loads((copy / "manifest.json").read_text())["metrics"]["held-out"]


def test_the_card_has_the_scores_of_the_manifest(tmp_path: Path) -> None:
    folder, scores = copied_model(tmp_path)
    card = (folder / "README.md").read_text()
    write_model_card(folder, scores)
    assert (folder / "README.md").read_text() == card
    assert EmotionModel(folder).manifest == EmotionModel(bundled_model_folder()).manifest


def test_the_quality_page_has_the_scores_of_the_manifest(tmp_path: Path) -> None:
    _, scores = copied_model(tmp_path)
    page = Path(shutil.copy(QUALITY_PAGE, tmp_path))
    write_held_out_scores(scores, page)
    assert page.read_text() == QUALITY_PAGE.read_text()
    page.write_text("no markers\n")
    with pytest.raises(RealtimeSerError, match=r"quality\.md lacks the lines"):
        write_held_out_scores(scores, page)


def test_the_readme_has_the_scores_of_the_manifest(tmp_path: Path) -> None:
    folder, scores = copied_model(tmp_path)
    page = Path(shutil.copy(README_PAGE, tmp_path))
    write_readme_scores(scores, folder, page=page)
    assert page.read_text() == README_PAGE.read_text()
    page.write_text("no markers\n")
    with pytest.raises(RealtimeSerError, match=r"README\.md lacks the lines"):
        write_readme_scores(scores, folder, page=page)


def test_the_readme_has_a_row_for_each_stored_protocol(tmp_path: Path) -> None:
    folder, scores = copied_model(tmp_path)
    recipe = json.loads((folder / "manifest.json").read_text())["training"]["recipe"]
    page, results = Path(shutil.copy(README_PAGE, tmp_path)), tmp_path / "results"
    results.mkdir()
    write_readme_scores(scores, folder, results, page)
    assert "six folds" not in page.read_text().partition("<!-- generated")[2].split("<!--")[0]
    stored = stored_scores(recipe, "actors", 0.7)
    (results / f"{recipe}-actors.json").write_text(json.dumps(stored))
    write_readme_scores(scores, folder, results, page)
    assert "| its recipe, six folds of unseen speakers | 0.700 ± 0.000 |" in page.read_text()
    shorter = stored_scores(f"{recipe}-folds", "actors", 0.6)
    (results / f"{recipe}-folds-actors.json").write_text(json.dumps(shorter))
    write_readme_scores(scores, folder, results, page)
    row = "fewer training steps, six folds of unseen speakers | 0.600 ± 0.000 |"
    assert row in page.read_text()


def test_the_card_has_only_scores_of_its_own_recipe_and_weights(tmp_path: Path) -> None:
    folder, scores = copied_model(tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    recipe, results = manifest["training"]["recipe"], tmp_path / "results"
    results.mkdir()

    def card(**training: Any) -> str:
        update_manifest(folder, training={**manifest["training"], **training})
        write_model_card(folder, scores, results)
        EmotionModel(folder)
        return (folder / "README.md").read_text()

    bare = card(temperature=1.0)
    assert "are not calibrated" in bare
    assert "six folds" not in bare
    assert "Robustness" not in bare
    for content in (stored_scores(recipe, "actors", 0.7), stored_scores("other", "random", 0.9)):
        path = results / f"{content['recipe']}-{content['protocol']}.json"
        path.write_text(json.dumps(content))
    full = card(temperature=0.8)
    assert "scaled by a temperature of 0.800" in full
    assert "| UAR (unweighted average, or macro, recall) | 0.700 ± 0.000 |" in full
    assert "known speakers" not in full, "those are another recipe's scores"
    shorter = stored_scores(f"{recipe}-folds", "actors", 0.6)
    (results / f"{recipe}-folds-actors.json").write_text(json.dumps(shorter))
    assert f"--recipe {recipe}-folds --protocol actors --corpora" in card(temperature=0.8)

    variants = [
        {"recipe": name, "description": "", "uar": 0.6, "accuracy": 0.6, "cross_entropy": 1.0}
        for name in ("other", "ablations/less")
    ]
    tried = {"text": "development", "rows": variants}
    (results / "ablation.json").write_text(json.dumps(tried))
    assert "What else was tried" not in card(), "variants of another recipe"
    variants[0]["recipe"] = recipe
    (results / "ablation.json").write_text(json.dumps(tried))
    assert "| less |  | 0.600 | 0.600 | 1.000 |" in card()

    row = {"name": "telephone", "uar": 0.61, "change": -0.05, "unchanged": 0.9}
    disturbed = {"protocol": "robustness: text", "sha256": "", "rows": [row]}
    (results / "robustness.json").write_text(json.dumps(disturbed))
    assert "Robustness" not in card(), "measured on other weights"
    disturbed["sha256"] = manifest["files"]["model.tflite"]
    (results / "robustness.json").write_text(json.dumps(disturbed))
    assert "telephone" in card()
    (results / "robustness.json").write_text("{}")
    with pytest.raises(RealtimeSerError, match=r"robustness\.json .*sha256.*generate it again"):
        card()
