"""Weights: where they come from, that they are the right ones, and what is said when they are not."""

import hashlib
import http.server
import importlib.util
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from shelf import Shelf

from somtom.pipelines.build import build_data_set
from somtom.pipelines.config import parse_config
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.runners import RunOptions
from somtom.schemas.settings import TrackingSettings
from somtom.tracking import cotracker3
from somtom.tracking.trackers import make_tracker
from somtom.tracking.weights import find_weights

CONTENT = b"weights" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ASKED = TrackingSettings(tracker="cotracker3", weights="w.pth", accept_licence="CC-BY-NC-4.0")
needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None,
    reason="torch is not installed: pip install 'somtom[cotracker]'",
)


def test_a_local_file_is_taken_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "with space.pth"
    path.write_bytes(CONTENT)

    for location in (str(path), path.as_uri()):
        found = find_weights(location, SHA256.upper(), cache=tmp_path / "cache")
        assert (found.path, found.sha256) == (path, SHA256)
    assert not (tmp_path / "cache").exists()


def test_a_uri_is_fetched_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Shelf.content, "shelf://models/w.pth", CONTENT)

    first = find_weights("shelf://models/w.pth", cache=tmp_path)
    monkeypatch.delitem(Shelf.content, "shelf://models/w.pth")
    second = find_weights("shelf://models/w.pth", SHA256, cache=tmp_path)

    assert first == second
    assert first.path.read_bytes() == CONTENT
    assert first.sha256 == SHA256


class Web(http.server.BaseHTTPRequestHandler):
    """Serves /w.pth, and /cut.pth, of which half never comes."""

    def do_GET(self) -> None:
        if self.path not in ("/w.pth", "/cut.pth"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: len(CONTENT) // (1 if self.path == "/w.pth" else 2)])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_weights_are_fetched_from_the_web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web) as server:
        threading.Thread(target=server.serve_forever).start()
        site = f"http://127.0.0.1:{server.server_port}"

        found = find_weights(f"{site}/w.pth", cache=tmp_path)

        assert found.sha256 == SHA256
        with pytest.raises(ValueError, match="cut off after 3500 of 7000 bytes"):
            find_weights(f"{site}/cut.pth", cache=tmp_path)
        with pytest.raises(ValueError, match="cannot be fetched: HTTP Error 404"):
            find_weights(f"{site}/other.pth", cache=tmp_path)
        server.shutdown()
    assert [path for path in tmp_path.iterdir() if path.suffix != ".lock"] == [found.path]


def test_threads_that_want_the_same_weights_wait_for_one_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Shelf.content, "shelf://models/w.pth", CONTENT)
    found = []

    def find() -> None:
        found.append(find_weights("shelf://models/w.pth", cache=tmp_path))

    threads = [threading.Thread(target=find) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [one.sha256 for one in found] == [SHA256] * 4
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".lock", ".pth"]


@pytest.mark.parametrize(
    ("location", "sha256", "said"),
    [
        ("missing.pth", "", "missing.pth: cannot be read: No such file"),
        ("w.pth", "0" * 64, f"has SHA-256 {SHA256}, but 000"),
        ("shelf://models/missing.pth", "", "shelf://models/missing.pth: cannot be fetched"),
        ("nowhere://models/w.pth", "", "nowhere"),
    ],
)
def test_weights_that_are_not_there_or_others_are_an_error_of_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str, sha256: str, said: str
) -> None:
    (tmp_path / "w.pth").write_bytes(CONTENT)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ValueError, match=said) as caught:
        find_weights(location, sha256, cache=tmp_path / "cache")

    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "cache").glob("*.pth"))


@needs_torch
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (replace(ASKED, weights=""), "weights is not set: give the path or URI of scaled_offline.pth"),
        (replace(ASKED, accept_licence=""), 'if you accept it, set tracking.accept_licence = "CC-BY-NC-4.0"'),
        (replace(ASKED, accept_licence="MIT"), "it is 'MIT'"),
        (replace(ASKED, model_width=500), "model_width = 500: must be a multiple of 16"),
        (ASKED, "w.pth: cannot be read"),
    ],
)
def test_what_cotracker3_lacks_is_said_in_one_line(settings: TrackingSettings, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        make_tracker(settings)

    assert "\n" not in str(caught.value)


def test_without_torch_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cotracker3, "TORCH", "torch_that_nobody_has")

    with pytest.raises(ValueError, match=r'pip install "somtom\[cotracker\]"'):
        make_tracker(ASKED)


@needs_torch
def test_a_checkpoint_that_holds_code_or_another_model_is_refused(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "w.pth"
    settings = replace(ASKED, weights=str(path))
    path.write_bytes(CONTENT)
    with pytest.raises(ValueError, match="no checkpoint of tensors alone"):
        make_tracker(settings)
    torch.save({"fnet.conv1.weight": Path("a class that is no tensor")}, path)
    with pytest.raises(ValueError, match="no checkpoint of tensors alone"):
        make_tracker(settings)
    torch.save([torch.zeros(1)], path)
    with pytest.raises(ValueError, match="not the offline CoTracker3"):
        make_tracker(settings)
    torch.save({"corr_mlp.fc1.bias": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match=r"not the offline CoTracker3: corr_mlp.fc1.bias has shape \(3,\)"):
        make_tracker(settings)
    torch.save({"time_emb": torch.zeros(1, 16, 1110)}, path)
    with pytest.raises(ValueError, match=r"is the online CoTracker3.*take the offline one \(scaled_offline"):
        make_tracker(settings)


def test_a_build_says_what_the_tracker_lacks_before_any_work(tmp_path: Path) -> None:
    tree = {
        "source": [{"kind": "video", "path": str(tmp_path)}],
        "tracking": {"tracker": "cotracker3", "weights": "nowhere.pth"},
    }
    folder = tmp_path / "out"

    with pytest.raises(ConfigError, match=r"tracking\.tracker = 'cotracker3': "):
        build_data_set(parse_config(tree), folder, RunOptions(progress=False))

    assert not folder.exists()
