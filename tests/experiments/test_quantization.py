"""The choice among quantized formats."""

import pytest

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

for module in ("sklearn", "scipy", "tqdm", "keras", "parselmouth"):
    pytest.importorskip(module, reason="the train extra is not installed", exc_type=ImportError)

from experiments.quantization import Variant, variant_table, verdict  # noqa: E402


@pytest.mark.parametrize(
    ("uar", "hop_ms", "expected"),
    [
        (0.650, 1.0, "use int8: it takes 0.50 of a hop's time and changes UAR by +0.000"),
        (0.646, 1.0, "use int8: it takes 0.50 of a hop's time and changes UAR by -0.004"),
        (0.644, 1.0, "use float32: no faster format"),
        (0.660, 2.1, "use float32: no faster format"),
    ],
)
def test_a_format_is_chosen_if_it_is_faster_and_scores_as_well(
    uar: float, hop_ms: float, expected: str
) -> None:
    variants = [
        Variant("float32", 15.0, 0.66, 0.650, 1.0, 1.2, 2.0),
        Variant("int8", 4.0, 0.66, uar, 0.97, 0.3, hop_ms),
    ]
    assert verdict(variants).startswith(expected)
    assert f"| int8 | 4.0 | {uar:.3f} | 0.660 | 0.970 | 0.30 | {hop_ms:.2f} |" in variant_table(
        variants, 240
    )
