"""The folders, the packaging and the order of imports."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NO_PACKAGES = {"tests", "configs", "docs", "build", "out"}

# Each package and those it may import.
MAY_IMPORT = {
    "schemas": {"schemas"},
    "sources": {"schemas", "sources"},
    "tracking": {"schemas", "tracking"},
    "marks": {"schemas", "marks"},
    "trainer": {"schemas", "trainer"},
    "transforms": {"schemas", "sources", "tracking", "marks", "transforms"},
    "pipelines": {"schemas", "sources", "tracking", "marks", "trainer", "transforms", "pipelines"},
}


def package_folders() -> set[str]:
    return {path.parent.name for path in ROOT.glob("*/__init__.py")} - NO_PACKAGES


def imported_names(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_every_package_folder_is_installed() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    expected = {f"somtom.{name}" for name in package_folders()}
    assert set(tool["packages"]) == expected
    assert tool["package-dir"] == {name: name.removeprefix("somtom.") for name in expected}


def test_every_package_is_typed_and_ordered() -> None:
    assert package_folders() == set(MAY_IMPORT)
    assert all((ROOT / name / "py.typed").is_file() for name in MAY_IMPORT)


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_imports_go_one_way(package: str) -> None:
    wrong = [
        f"{path.name} imports {name}"
        for path in (ROOT / package).rglob("*.py")
        for name in imported_names(path)
        if name.startswith("somtom.") and name.split(".")[1] not in MAY_IMPORT[package]
    ]
    assert not wrong


def test_importing_the_schemas_costs_numpy_and_nothing_else() -> None:
    """Top-level imports of every file: the standard library, NumPy and the schemas themselves."""
    import sys

    allowed = set(sys.stdlib_module_names) | {"numpy", "somtom"}
    wrong = []
    for path in (ROOT / "schemas").glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            wrong += [f"{path.name}: {name}" for name in names if name.split(".")[0] not in allowed]
    assert not wrong


def test_nothing_is_named_after_nothing() -> None:
    vague = {"utils.py", "helpers.py", "core.py", "misc.py", "common.py"}
    assert not [path for name in MAY_IMPORT for path in (ROOT / name).rglob("*.py") if path.name in vague]
