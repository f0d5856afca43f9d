"""Which package imports which: the rules of docs/architecture.md."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

TRAIN_ORDER = ("corpora", "audio", "model", "evaluation", "publishing")
COMMANDS = ("train.__main__", "train.command_line")
TRAINING_LIBRARIES = {"tensorflow", "tensorflow_hub", "keras", "librosa", "scipy", "sklearn"}

FORBIDDEN = {
    "realtime_ser": {"train", "experiments", "benchmarks", "tools", *TRAINING_LIBRARIES},
    "train": {"experiments", "benchmarks", "tools"},
    "experiments": {"benchmarks", "tools"},
}


def imported_modules(path: Path) -> Iterator[str]:
    """Every absolute name that a file imports, also within functions: ``package.module.name``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_below(folder: Path) -> list[tuple[str, str]]:
    """Pairs of a file, relative to the repository, and a module that it imports."""
    pairs = [
        (path.relative_to(ROOT).as_posix(), module)
        for path in sorted(folder.rglob("*.py"))
        for module in imported_modules(path)
    ]
    assert pairs, f"{folder} holds no imports"
    return pairs


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_imports_nothing_that_depends_on_it(package: str) -> None:
    wrong = [
        (path, module)
        for path, module in imports_below(ROOT / package)
        if module.partition(".")[0] in FORBIDDEN[package]
    ]
    assert not wrong


@pytest.mark.parametrize("position", range(len(TRAIN_ORDER)), ids=TRAIN_ORDER)
def test_train_imports_only_to_the_left(position: int) -> None:
    later = (*(f"train.{package}" for package in TRAIN_ORDER[position + 1 :]), *COMMANDS)
    wrong = [
        (path, module)
        for path, module in imports_below(ROOT / "train" / TRAIN_ORDER[position])
        if ".".join(module.split(".")[:2]) in later
    ]
    assert not wrong


def test_the_engine_imports_no_output() -> None:
    wrong = [
        (path, module)
        for path, module in imports_below(ROOT / "realtime_ser" / "live")
        if module.startswith("realtime_ser.output")
    ]
    assert not wrong


def test_imports_are_found_wherever_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("import a.b\ndef f():\n    from c.d import e\n")
    assert list(imported_modules(file)) == ["a.b", "c.d.e"]
