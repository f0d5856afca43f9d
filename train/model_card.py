"""The model card and the README's table of scores: written from the manifest, never by hand."""

import json
from pathlib import Path
from typing import Any

from realtime_ser.emotion.manifest import MANIFEST_FILE
from realtime_ser.events import LABELS
from train.export import update_manifest
from train.held_out import confusion_table, figures_table

CARD = """\
# Model card: {name}

Eight probabilities (neutral, calm, happy, sad, angry, fearful, disgust, surprised) for a voice,
from frames of 0.96 s. The network is YAMNet's body ({parameters:,} parameters with the parts added
to it), every layer trained further; the files of this folder are `model.tflite` (LiteRT, signatures
`embed` and `classify`) and `manifest.json`.

## Training data and licence

RAVDESS speech clips of actors 1–20, of 24 professional actors: North American English, two
sentences, each emotion acted (S. R. Livingstone and F. A. Russo, PLoS ONE 13(5): e0196391, 2018).
RAVDESS is licensed CC BY-NC-SA 4.0, so **these weights are for non-commercial use only**, under the
same licence. They started from the published YAMNet (Google, Apache-2.0); no layer was left as
published.

Trained by `python -m train fit --recipe {recipe} --final` at commit `{commit}` of this repository.

## Score on unseen speakers

{protocol}.

{figures}

{confusion}

Reprinted by `python -m train evaluate --data FOLDER`.

## Known failures and limits

- Acted emotion is not felt emotion: expect less on spontaneous speech, other languages, other
  accents, children, and voices changed by illness. None of these was measured.
- Most often mistaken above: {confusions}.
- Loudness is normalised away on purpose: a louder voice is not an angrier person. A whisper and a
  shout at the same distance differ only in their sound.
- The speech gate is not a speech recognizer: music, laughter or a television may open it and are
  then given an emotion.
- The probabilities are not calibrated; a confidence of 0.8 does not promise to be right four times
  in five.

## Use

Audio never leaves the machine, and is stored only on request (`--record`, the key `r`).

For demonstrations, research and prototypes. Not for decisions about people: the EU AI Act
(Regulation (EU) 2024/1689, article 5(1)(f)) prohibits inferring emotions at work and in education.
"""


README_BEGIN = "<!-- written by `python -m train evaluate --write` -->\n"
README_END = "<!-- end of what is written -->\n"


def readme_with_scores(readme: str, scores: dict[str, Any]) -> str:
    """Return the README's text with its table of scores exchanged for these."""
    before, rest = readme.split(README_BEGIN)
    _, after = rest.split(README_END)
    tables = f"{figures_table(scores)}\n\n{confusion_table(scores)}\n"
    return f"{before}{README_BEGIN}\n{tables}\n{README_END}{after}"


def write_model_card(folder: Path, scores: dict[str, Any]) -> None:
    """Put the scores into the manifest and write the card from it; both in a model folder."""
    update_manifest(folder, metrics={"held-out": scores})
    manifest = json.loads((folder / MANIFEST_FILE).read_text())
    training = manifest["training"]
    (folder / "README.md").write_text(
        CARD.format(
            name=manifest["name"],
            parameters=training["parameters"],
            recipe=training["recipe"],
            commit=training["commit"],
            protocol=scores["protocol"],
            figures=figures_table(scores),
            confusion=confusion_table(scores),
            confusions=_most_confused(scores),
        )
    )
    update_manifest(folder)


def _most_confused(scores: dict[str, Any], count: int = 3) -> str:
    """Name the largest entries beside the confusion matrix's diagonal."""
    mistakes = [
        (number, truth, heard, sum(row))
        for truth, row in zip(LABELS, scores["confusion"], strict=True)
        for heard, number in zip(scores["columns"], row, strict=True)
        if heard != truth
    ]
    largest = sorted(mistakes, reverse=True)[:count]
    return ", ".join(
        f"{truth} heard as {heard} ({number} of {clips})" for number, truth, heard, clips in largest
    )
