import json
from pathlib import Path

import av
import numpy as np
import pytest

from somtom.pipelines.bench import BenchOptions, bench_lines
from somtom.pipelines.bench_build import config_tree
from somtom.pipelines.bench_decode import bench_decode
from somtom.pipelines.bench_figures import Figure, Findings, as_json, table_lines
from somtom.pipelines.bench_kernels import run_kernels
from somtom.pipelines.bench_memory import FPS, write_loop
from somtom.pipelines.bench_plan import bench_plan, simulated_refs
from somtom.pipelines.bench_process import run_apart
from somtom.pipelines.bench_sources import bench_sources
from somtom.pipelines.bench_writer import bench_writer
from somtom.pipelines.build import build_data_set
from somtom.pipelines.config import parse_config
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.peek import peek
from somtom.pipelines.runners import RunOptions
from somtom.pipelines.samples import DEFAULT_KINDS, write_samples
from somtom.schemas.folder import plan_path, shard_path
from somtom.schemas.plan_table import read_plan
from somtom.schemas.tar import read_shard


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    write_loop(folder / "loop.mp4", 4.0)
    return folder


def test_the_cost_of_a_process_tells_its_memory_and_time() -> None:
    cost = run_apart(eval, "sum(memoryview(b'1' * (300 << 20))[:: 1 << 8])")

    assert cost.result == ord("1") * (300 << 12)
    assert 300 < cost.peak_mb < 600 and cost.together_mb >= 300
    assert cost.cpu_s > 0 and cost.wall_s > 0


def test_a_measured_process_that_fails_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="failed"):
        run_apart(int, "no number")


def test_a_looped_video_is_as_long_as_asked_and_its_clock_never_jumps(videos: Path) -> None:
    with av.open(str(videos / "loop.mp4")) as container:
        times = [frame.time for frame in container.decode(video=0)]

    assert len(times) >= 4 * FPS
    np.testing.assert_allclose(np.diff(times), 1 / FPS, atol=1e-3)
    assert [path.name for path in videos.iterdir()] == ["loop.mp4"]


def test_the_plain_loop_makes_the_samples_of_a_build(videos: Path, tmp_path: Path) -> None:
    config = parse_config(config_tree(videos, "lk"))
    build_data_set(config, tmp_path / "out", RunOptions(mode="threads", progress=False))
    (spec,) = read_plan(plan_path(tmp_path / "out"))

    _, samples = run_kernels([(spec.refs[0].locator, spec.refs)], config.settings, tmp_path)

    built = dict(read_shard(shard_path(tmp_path / "out", spec.name)))
    assert samples == len(built) > 1
    assert dict(read_shard(tmp_path / "kernels.tar")) == built


def test_a_missed_aim_is_said_and_written() -> None:
    figures = (
        Figure("ratio", 0.5, at_least=0.85),
        Figure("time", 0.5, "s", at_most=1.0),
        Figure("free", 9.0),
    )
    found = Findings("build", "a title", figures)

    lines = table_lines(found)

    assert "MISSED" in lines[1] and "at least 0.85" in lines[1]
    assert "MISSED" not in "".join(lines[2:])
    (written,) = as_json([found])
    assert [figure["met"] for figure in written["figures"]] == [False, True, True]  # type: ignore[attr-defined]


def test_both_writers_are_measured_on_the_same_samples() -> None:
    names = [figure.name for figure in bench_writer(20, 1).figures]

    assert "ours / webdataset, CPU" in names


def test_scanning_and_reading_are_measured(videos: Path) -> None:
    assert all(figure.value > 0 for figure in bench_decode(videos, 1).figures)


def test_figures_of_a_grid_are_a_line_a_row() -> None:
    figures = [Figure(f"{row}: {column}", 2.0, "s") for row in ("x: y", "z") for column in ("a", "bb")]

    lines = table_lines(Findings("sources", "a title", tuple(figures), ("a note",), is_grid=True))

    assert [line.split() for line in lines[1:]] == [
        ["a", "bb"],
        ["s", "s"],
        ["x:", "y", "2", "2"],
        ["z", "2", "2"],
        ["a", "note"],
    ]


def test_every_kind_of_sample_has_its_line_beside_a_loop_that_decodes_as_much(tmp_path: Path) -> None:
    write_samples(tmp_path, 1)
    folders = [tmp_path / kind for kind in DEFAULT_KINDS]

    found = bench_sources(folders, 1)

    kinds = {one.kind for folder in folders for one in peek(str(folder))}
    assert kinds >= {"video", "lerobot"}
    assert {figure.name.split(":")[0].split(" ")[0] for figure in found.figures} == kinds
    assert all(figure.value > 0 for figure in found.figures)
    assert not any("the bare loop gave" in note or "not measured" in note for note in found.notes)


def test_a_source_that_cannot_be_measured_says_why(tmp_path: Path) -> None:
    (tmp_path / "gone.jsonl").write_text('{"image": "a.png", "conversations": []}\n')

    found = bench_sources([tmp_path], 1)

    assert not found.figures
    assert "llava" in found.notes[-1] and "not measured" in found.notes[-1]


def test_the_parts_asked_for_are_printed_and_written(videos: Path, tmp_path: Path) -> None:
    options = BenchOptions(("decode",), videos, 1, json_path=tmp_path / "figures.json")

    assert next(bench_lines(options)).startswith("decode: ")
    list(bench_lines(options))
    assert [one["part"] for one in json.loads((tmp_path / "figures.json").read_text())] == ["decode"]


def test_a_plan_of_simulated_clips_holds_each_in_shards_of_the_usual_size(tmp_path: Path) -> None:
    found = {figure.name: figure.value for figure in bench_plan(3000).figures}
    clips = list(simulated_refs(3000))

    assert len({one.key for one in clips}) == 3000
    assert len({one.fingerprint for one in clips}) < len({one.uri for one in clips}) == 250
    assert found["shards"] == 25  # 23 of train and 2 of val, of up to 128
    assert 0 < found["plan.parquet"] < 3 and found["peak memory"] > 0


@pytest.mark.parametrize(
    "options",
    [
        BenchOptions(("buld",)),
        BenchOptions(data=Path("/gone")),
        BenchOptions(runs=-1),
        BenchOptions(refs=-1),
    ],
)
def test_a_wrong_option_is_one_clear_line(options: BenchOptions) -> None:
    with pytest.raises(ConfigError):
        bench_lines(options)
