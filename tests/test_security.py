"""docs/security.md: each threat's defence and test exist. And what holds for all of the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("marks", "pipelines", "schemas", "sources", "tracking", "trainer", "transforms")
TABLE = ROOT / "docs" / "security.md"


def rows() -> list[tuple[str, str, str]]:
    """Threat, defence and tests of each line of the document's tables."""
    found = []
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("|") and len(cells) == 3 and "`test_" in cells[2]:
            found.append((cells[0], cells[1], cells[2]))
    return found


def test_every_line_of_the_table_names_a_file_and_a_test_that_exist() -> None:
    assert len(rows()) >= 40
    for threat, defence, tests in rows():
        files = re.findall(r"`([a-z_0-9]+/[a-z_0-9/.]+)`", defence)
        assert files, f"{threat}: names no file"
        assert not [name for name in files if not (ROOT / name).exists()], (threat, files)
        named = re.findall(r"`(test_[a-z_0-9]+\.py)::(test_[a-z_0-9]+)`", tests)
        assert len(named) == tests.count("`test_"), f"{threat}: {tests}"
        for file, test in named:
            text = (ROOT / "tests" / file).read_text(encoding="utf-8")
            assert f"\ndef {test}(" in text, f"{threat}: {file} has no {test}"


def calls() -> Iterator[tuple[Path, ast.Call, str]]:
    """Every call in the packages, with what is called."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    yield path, node, ast.unparse(node.func)


UNSAFE = (
    *(
        "eval",
        "exec",
        "pickle.load",
        "pickle.loads",
        "pickle.Unpickler",
        "joblib.load",
        "yaml.load",
        "os.system",
    ),
    *(
        "marshal.loads",
        "shelve.open",
        "torch.jit.load",
        "tempfile.mktemp",
        "shutil.unpack_archive",
        "subprocess.call",
    ),
)


def test_nothing_that_is_read_can_be_code() -> None:
    for path, node, name in calls():
        given = {one.arg: ast.unparse(one.value) for one in node.keywords}
        where = f"{path.name}:{node.lineno}: {name}"
        assert name not in UNSAFE, where
        if name.endswith(".extractall"):  # refuses links, devices and names that lead out (PEP 706)
            assert given.get("filter") == "'data'", where
        assert given.get("shell", "False") == "False", where
        assert given.get("allow_pickle", "False") == "False", where
        assert given.get("trust_remote_code", "False") == "False", where
        if name == "torch.load":
            assert given.get("weights_only") == "True", where


def test_no_table_is_written_that_a_spreadsheet_would_calculate() -> None:
    """CSV of the built-in samples, whose texts are our own, and of a training's numbers."""
    writing = {path.name for path, _, name in calls() if name in ("csv.writer", "csv.DictWriter")}
    assert writing <= {"samples_moves.py", "log.py"}
