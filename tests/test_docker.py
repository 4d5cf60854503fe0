"""The workers' images: what can be checked without building them."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(params=["Dockerfile", "Dockerfile.gpu"])
def image(request: pytest.FixtureRequest) -> str:
    return (ROOT / "docker" / request.param).read_text()


def test_driver_and_workers_have_the_same_beam(image: str) -> None:
    pinned = re.search(r"^apache-beam==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    from_line = re.search(r"^FROM apache/beam_python\$\{PYTHON\}_sdk:(.+)$", image, re.MULTILINE)
    assert pinned and from_line and pinned[1] == from_line[1]


def test_every_package_and_every_file_that_installing_reads_is_copied(image: str) -> None:
    copied = " ".join(re.findall(r"^COPY (.+) \S+$", image, re.MULTILINE)).split()
    project = PROJECT["project"]
    wanted = {"pyproject.toml", "constraints.txt", project["readme"], *project["license-files"]}
    wanted |= set(PROJECT["tool"]["setuptools"]["package-dir"].values())
    assert set(copied) == wanted and all((ROOT / name).exists() for name in copied)


def test_the_extras_exist_and_suit_the_python(image: str) -> None:
    extras = re.search(r"^ARG EXTRAS=(.+)$", image, re.MULTILINE)
    python = re.search(r"^ARG PYTHON=3\.(\d+)$", image, re.MULTILINE)
    assert extras and set(extras[1].split(",")) <= set(PROJECT["project"]["optional-dependencies"])
    assert python and int(python[1]) >= 11 and sys.version_info >= (3, 11)


def test_nothing_is_installed_when_a_worker_starts(image: str) -> None:
    assert "RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1" in image
    assert image.rstrip().endswith('ENTRYPOINT ["/opt/apache/beam/boot"]')
