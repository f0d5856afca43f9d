"""The packages import each other in one direction only. Reads sources, and needs no extra."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SHARED = ("train.files", "train.markdown")
LAYERS = ("corpora", "audio", "model", "evaluation", "publishing")
COMMANDS = ("train.__main__", "train.command_line")

FORBIDDEN_IN_THE_PROGRAM = (
    "train",
    "experiments",
    "benchmarks",
    "tensorflow",
    "tensorflow_hub",
    "keras",
    "librosa",
    "scipy",
    "sklearn",
)


def modules(package: str) -> list[str]:
    paths = sorted((ROOT / package).rglob("*.py"))
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]


def imports(source: str, module: str) -> Iterator[str]:
    """Yield the full names of everything that a module imports, anywhere in its source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*package, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def imported_by(module: str) -> list[str]:
    path = ROOT / f"{module.replace('.', '/')}.py"
    return list(imports(path.read_text(encoding="utf-8"), module))


def is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def backward(module: str, names: list[str]) -> list[str]:
    """Return what a module of ``train`` must not import."""
    if module in COMMANDS:
        allowed: tuple[str, ...] = ("train",)
    elif module in SHARED:
        allowed = SHARED
    else:
        layer = LAYERS.index(module.split(".")[1])
        allowed = (*SHARED, *(f"train.{name}" for name in LAYERS[: layer + 1]))
    return [
        name
        for name in names
        if is_in(name, "experiments")
        or is_in(name, "benchmarks")
        or (is_in(name, "train") and not any(is_in(name, each) for each in allowed))
    ]


@pytest.mark.parametrize("module", [name for name in modules("train") if name.count(".") > 0])
def test_train_imports_from_left_to_right_only(module: str) -> None:
    if module != "train.__init__":
        assert backward(module, imported_by(module)) == []


@pytest.mark.parametrize("module", modules("realtime_ser"))
def test_the_program_imports_nothing_of_training(module: str) -> None:
    names = imported_by(module)
    assert [
        name for name in names if any(is_in(name, each) for each in FORBIDDEN_IN_THE_PROGRAM)
    ] == []


@pytest.mark.parametrize(
    ("module", "statement", "is_backward"),
    [
        ("train.audio.cache", "from train.model.fit import fit", True),
        ("train.model.fit", "from train import evaluation", True),
        ("train.model.fit", "def f():\n    import train.publishing.quality", True),
        ("train.model.fit", "from ..evaluation import scores", True),
        ("train.corpora.clip", "from train.command_line import main", True),
        ("train.files", "from train.corpora.clip import Clip", True),
        ("train.evaluation.scores", "import experiments.compare", True),
        ("train.evaluation.scores", "from train.model.fit import fit", False),
        ("train.evaluation.scores", "from train.files import read_json", False),
        ("train.__main__", "from train.publishing.quality import page", False),
    ],
)
def test_a_backward_import_is_found(module: str, statement: str, is_backward: bool) -> None:
    assert bool(backward(module, list(imports(statement, module)))) == is_backward


def test_everything_is_read() -> None:
    assert {"train.model.fit", "train.corpora.ravdess"} <= set(modules("train"))
    assert {f"train.{name}.__init__" for name in LAYERS} <= set(modules("train"))
    assert "realtime_ser.pipeline" in modules("realtime_ser")
