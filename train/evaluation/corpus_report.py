"""Formats the scores of whole corpora as Markdown."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from train.evaluation.corrected import COUNTS
from train.evaluation.warm import FIRST, MOMENTS
from train.markdown import markdown_table, number, with_interval

Scores = Mapping[str, Any]
Rows = Sequence[tuple[str, ...]]

WARM_MOMENTS = (FIRST, *map(str, MOMENTS))


def corpus_report(result: Scores) -> str:
    """Return the scores of one corpus as Markdown: the protocol, the clips, the table.

    Args:
        result: as ``evaluate_corpus`` returns it.
    """
    title = f"{result['title']}, {result['clips']} clips{_aside(result)}; model {result['model']}"
    return f"{result['text']}.\n\n{title}.\n\n{DETAILS[result['protocol']](result['scores'])}"


def corpora_table(results: Sequence[Scores]) -> str:
    """Return the scores of several corpora under one protocol as a table."""
    header, cells = ROWS[results[0]["protocol"]]
    rows = [
        (f"{result['title']}{_aside(result)}", str(result["clips"]), *row)
        for result in results
        for row in cells(result["scores"])
    ]
    return markdown_table(("corpus", "clips", *header), rows)


def _aside(result: Scores) -> str:
    """Return which speakers were scored, and how many of them the model was trained on."""
    chosen = {
        "set-aside": ", speakers set aside",
        "unseen": ", speakers not in training",
        "folds": ", six folds of speakers not in training",
    }
    aside = chosen.get(result["speakers"], "")
    trained = result.get("trained_on", 0)
    return f"{aside}, {trained} speakers in training" if trained else aside


def _ordinary_details(scores: Scores) -> str:
    headline = with_interval(scores["unemotional"], scores["unemotional_interval"])
    rows = [(f"**neutral, calm or uncertain** ({_units(scores)})", headline)]
    rows += [(label, number(share)) for label, share in scores["shares"].items()]
    return markdown_table(("called", "share of clips"), rows)


def _ordinary_cells(scores: Scores) -> Rows:
    shares = scores["shares"]
    named = ("neutral", "calm", "uncertain", "no speech")
    others = sorted(
        ((share, label) for label, share in shares.items() if label not in named), reverse=True
    )
    wrong = ", ".join(f"{label} {number(share, 2)}" for share, label in others[:3] if share)
    headline = with_interval(scores["unemotional"], scores["unemotional_interval"])
    return [(headline, *(number(shares[label]) for label in named), wrong)]


def _sounds_details(scores: Scores) -> str:
    rate = with_interval(scores["seconds_per_minute"], scores["interval"], digits=1)
    clips = sum(row["clips"] for row in scores["classes"])
    length = f"{clips} ({scores['minutes']:.1f} min)"
    rows = [("**all**", length, rate, number(scores["with_speech"]), "")]
    rows += [
        (
            row["name"].replace("_", " "),
            str(row["clips"]),
            number(row["seconds_per_minute"], 1),
            number(row["with_speech"]),
            _most_frequent(row.get("labels", {})),
        )
        for row in scores["classes"]
    ]
    header = (
        "sound",
        "clips",
        "seconds of reported speech per minute",
        "clips with any",
        "labels of these",
    )
    return markdown_table(header, rows)


def _most_frequent(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{label} {number(share, 2)}" for label, share in list(shares.items())[:3])


def _sounds_cells(scores: Scores) -> Rows:
    rate = with_interval(scores["seconds_per_minute"], scores["interval"], digits=1)
    by_rate = sorted(scores["classes"], key=lambda row: -row["seconds_per_minute"])
    worst = ", ".join(
        f"{row['name'].replace('_', ' ')} {number(row['seconds_per_minute'], 1)}"
        for row in by_rate[:3]
        if row["seconds_per_minute"]
    )
    return [(rate, number(scores["with_speech"]), worst)]


def _cross_corpus_details(scores: Scores) -> str:
    coverage = scores["coverage"]
    rows = [
        (f"**UAR** ({_units(scores)})", with_interval(scores["uar"], scores["uar_interval"])),
        ("UAR of guessing", number(scores["chance"])),
        ("accuracy", with_interval(scores["accuracy"], scores["accuracy_interval"])),
        ("calibration error", number(scores["calibration_error"])),
        ("clips given a label, not `uncertain`", number(coverage["coverage"])),
        ("accuracy of these", number(coverage["accuracy"])),
        *most_confident_rows(coverage),
        ("clips without speech", number(scores["no_speech"])),
        ("UAR, women", number(scores["uar_women"])),
        ("UAR, men", number(scores["uar_men"])),
        ("UAR, worst speaker", worst_speaker_text(scores["worst"])),
        *((f"recall, {label}", number(value)) for label, value in scores["recall"].items()),
    ]
    return markdown_table(("score", "value"), rows)


def _cross_corpus_cells(scores: Scores) -> Rows:
    row = (
        with_interval(scores["uar"], scores["uar_interval"]),
        number(scores["chance"]),
        number(scores["accuracy"]),
        number(scores["calibration_error"]),
        f"{number(scores['coverage']['coverage'])}, {number(scores['coverage']['accuracy'])}",
        f"{number(scores['uar_women'])}, {number(scores['uar_men'])}",
        worst_speaker_text(scores["worst"]),
    )
    return [row]


def _warm_cells(scores: Scores) -> Rows:
    return [
        (
            order,
            *(_warm_and_cold(moments.get(moment)) for moment in WARM_MOMENTS),
            _calibration_errors(moments["0"]),
        )
        for order, moments in scores["streams"].items()
    ]


def _warm_and_cold(compared: Scores | None) -> str:
    if compared is None:
        return "–"
    return f"**{number(compared['warm'])}** ({number(compared['cold'])})"


def _calibration_errors(compared: Scores) -> str:
    warm, cold = (compared[f"{name}_calibration_error"] for name in ("warm", "cold"))
    return f"{number(warm)} ({number(cold)})"


def _correction_cells(scores: Scores) -> Rows:
    return [
        (user, *(number(uar[str(count)]) for count in COUNTS))
        for user, uar in scores["uar"].items()
    ]


def _table_of(protocol: str) -> Callable[[Scores], str]:
    """Return what formats one corpus's scores as the rows of a table of several."""

    def details(scores: Scores) -> str:
        header, cells = ROWS[protocol]
        return markdown_table(header, cells(scores))

    return details


def most_confident_rows(coverage: Scores) -> list[tuple[str, str]]:
    """Return a row for each share of the most confident clips, with their accuracy."""
    return [
        (f"accuracy of the most confident {float(share):.0%} of the clips", number(accuracy))
        for share, accuracy in coverage["accuracy_of_most_confident"].items()
    ]


def worst_speaker_text(worst: Scores | None) -> str:
    """Return the worst speaker's UAR and name."""
    return "–" if worst is None else f"{number(worst['uar'])} ({worst['speaker']})"


def _units(scores: Scores) -> str:
    return f"95 % interval over {scores['units']} {scores['unit']}"


DETAILS: dict[str, Callable[[Scores], str]] = {
    "ordinary": _ordinary_details,
    "sounds": _sounds_details,
    "cross-corpus": _cross_corpus_details,
    "warm": _table_of("warm"),
    "corrections": _table_of("corrections"),
}
"""The table of one corpus, by protocol."""

ROWS: dict[str, tuple[tuple[str, ...], Callable[[Scores], Rows]]] = {
    "ordinary": (
        (
            "neutral, calm or uncertain",
            "neutral",
            "calm",
            "uncertain",
            "no speech",
            "most frequent others",
        ),
        _ordinary_cells,
    ),
    "sounds": (
        ("seconds of reported speech per minute", "clips with any", "worst sounds"),
        _sounds_cells,
    ),
    "cross-corpus": (
        (
            "UAR",
            "of guessing",
            "accuracy",
            "calibration error",
            "clips given a label, their accuracy",
            "UAR of women, men",
            "UAR of the worst speaker",
        ),
        _cross_corpus_cells,
    ),
    "warm": (
        (
            "stream",
            "UAR warm (cold), first ten",
            *(f"after {moment}" if int(moment) else "all" for moment in WARM_MOMENTS[1:]),
            "calibration error warm (cold)",
        ),
        _warm_cells,
    ),
    "corrections": (
        ("corrections", *(f"UAR after {count}" for count in COUNTS)),
        _correction_cells,
    ),
}
"""Header and rows of cells of several corpora's table, by protocol."""
