"""RLDS data sets: every episode that is counted becomes clips or one reject, and values are as stored."""

import gzip
import io
import json
import struct
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_proto import EXAMPLE
from hypothesis import given
from hypothesis import strategies as st
from numbered_videos import HEIGHT, WIDTH, number_in
from PIL import Image
from rlds_folders import (
    PLAIN,
    TEXT,
    WORDS,
    Tree,
    action_of,
    features_of,
    image,
    picture,
    plain_episode,
    shard_path,
    tensor,
    write_rlds,
)
from tfrecords import Values, example, frame, header, masked_crc, tfrecord

from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Ref, Scan
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.rlds import RldsSource
from somtom.sources.rlds_columns import choose, dimension_names
from somtom.sources.rlds_features import parse_features
from somtom.sources.rlds_layout import read_info

CLIPS = ClipSettings(steps=3, step_s=0.01, cameras=1, history=1, history_step_s=0.1, action_chunk=2)


def scan_all(source: RldsSource, clips: ClipSettings = CLIPS) -> list[Scan]:
    return [source.scan(item, ShotSettings(), clips, 32) for item in source.items(0)]


def reasons_of(scans: list[Scan]) -> list[str]:
    return [scan.reject.reason if scan.reject else "" for scan in scans]


def read_all(
    source: RldsSource, scan: Scan, clips: ClipSettings = CLIPS
) -> list[tuple[Ref, Clip | DataError]]:
    found = list(source.read(scan.refs, clips))
    assert [ref for ref, _ in found] == list(scan.refs)
    return found


def outcomes(source: RldsSource) -> list[str]:
    """Of each episode: the scan's reason, or the reasons of its clips ("" for those that are whole)."""
    found = []
    for scan in scan_all(source):
        if scan.reject:
            found.append(scan.reject.reason)
        else:
            clips = [clip for _, clip in read_all(source, scan)]
            found.append(
                ",".join(sorted({one.reason if isinstance(one, DataError) else "" for one in clips}))
            )
    return found


def one_episode(tmp_path: Path, length: int = 8, features: Tree | None = None, **changes: Values) -> Path:
    return write_rlds(tmp_path / "toys" / "1.0.0", [[plain_episode(0, length, **changes)]], features)


def opened(source: RldsSource) -> Any:
    item = next(iter(source.items(0)))
    return source.open(item.uri, item.locator, item.payload)


def test_every_step_is_read_from_its_own_record(tmp_path: Path) -> None:
    lengths = [[8, 12], [9]]
    shards = [
        [plain_episode(10 * shard + n, length) for n, length in enumerate(one)]
        for shard, one in enumerate(lengths)
    ]
    source = RldsSource(path=str(write_rlds(tmp_path / "toys" / "1.0.0", shards)))

    items, scans = list(source.items(0)), scan_all(source)

    assert source.name == "toys"
    assert [item.uri for item in items] == [
        "toys-train.tfrecord-00000-of-00002#0",
        "toys-train.tfrecord-00000-of-00002#1",
        "toys-train.tfrecord-00001-of-00002#0",
    ]
    assert [scan.facts.frames for scan in scans] == [8, 12, 9]
    for episode, scan in zip((0, 1, 10), scans, strict=True):
        assert scan.action_names == ("action_0", "action_1", "action_2")
        assert len(scan.refs) == scan.facts.frames // 4
        for ref, clip in read_all(source, scan):
            assert isinstance(clip, Clip)
            earlier, steps = ref.frames[: ref.history], ref.frames[ref.history :]
            assert (ref.camera, ref.instruction, ref.fps) == ("image", WORDS, 10.0)
            assert [number_in(one) for one in clip.frames] == list(steps)
            assert [number_in(one) for one in clip.history] == list(earlier)
            assert [number_in(one) for one in clip.cameras] == [50 + steps[0]]
            np.testing.assert_allclose(clip.times_s, np.array(steps) / 10)
            robot = clip.annotation.robot
            assert robot is not None
            assert robot.actions.tolist() == [action_of(episode, step) for step in steps[:2]]
            assert robot.state.tolist() == [episode + 0.5, steps[0] / 4]
            assert robot.state_names == ("state_0", "state_1")
            assert [step.action for step in clip.annotation.past] == [
                tuple(action_of(episode, step)) for step in earlier
            ]


def test_the_last_step_is_seen_but_its_action_is_used_only_where_asked(tmp_path: Path) -> None:
    path = str(one_episode(tmp_path))
    long = ClipSettings(steps=3, step_s=0.01, action_chunk=8)

    def chunks(source: RldsSource) -> list[int]:
        found = [clip for _, clip in read_all(source, scan_all(source, long)[0], long)]
        return [len(one.annotation.robot.actions) for one in found]  # type: ignore[union-attr]

    assert chunks(RldsSource(path=path)) == [7, 3]
    assert chunks(RldsSource(path=path, last_action=True)) == [8, 4]
    scan = scan_all(RldsSource(path=path))[0]
    assert scan.refs[-1].frames[-1] == 7
    never = one_episode(tmp_path / "never", is_last=[0] * 8)
    assert chunks(RldsSource(path=str(never))) == [8, 4]


def test_the_newest_version_is_taken_unless_one_is_named(tmp_path: Path) -> None:
    for version, length in (("0.9.0", 4), ("0.10.0", 8), ("not", 12)):
        write_rlds(tmp_path / "toys" / version, [[plain_episode(0, length)]])
    path = str(tmp_path / "toys")
    assert RldsSource(path=path).name == "toys"
    assert scan_all(RldsSource(path=path))[0].facts.frames == 8
    assert scan_all(RldsSource(path=path, version="0.9.0"))[0].facts.frames == 4
    with pytest.raises(DataError, match="is not there"):
        list(RldsSource(path=path, version="2.0.0").items(0))


def test_splits_are_read_as_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "1.0.0"
    for split in ("val", "train"):
        write_rlds(folder, [[plain_episode(0, 8)]], split=split)
    info = json.loads((folder / "dataset_info.json").read_text())
    info["splits"] = [{"name": name, "shardLengths": ["1"]} for name in ("val", "train")]
    (folder / "dataset_info.json").write_text(json.dumps(info))
    both = [item.uri for item in RldsSource(path=str(folder)).items(0)]
    assert both == sorted(both) and len(both) == 2
    assert [item.uri for item in RldsSource(path=str(folder), splits=("val",)).items(0)] == both[1:]
    with pytest.raises(ValueError, match="there is no test; there are val, train"):
        list(RldsSource(path=str(folder), splits=("test",)).items(0))


RT1 = {
    "action/base_displacement_vector": tensor("float32", 2),
    "action/gripper_closedness_action": tensor("float32", 1),
    "action/rotation_delta": tensor("float32", 3),
    "action/terminate_episode": tensor("int32", 3),
    "action/world_vector": tensor("float32", 3),
    "observation/base_pose_tool_reached": tensor("float32", 7),
    "observation/gripper_closed": tensor("float32", 1),
    "observation/image": image("jpeg"),
    "observation/natural_language_instruction": TEXT,
}


def test_a_dictionary_of_actions_is_joined_in_the_stated_order() -> None:
    features = parse_features(features_of(RT1))
    usual = choose(features)
    assert [key.rpartition("/")[2] for key in usual.action] == [
        "world_vector",
        "rotation_delta",
        "gripper_closedness_action",
    ]
    assert dimension_names(usual.action)[2:5] == ("world_vector_2", "rotation_delta_0", "rotation_delta_1")
    assert list(usual.state) == [
        "steps/observation/base_pose_tool_reached",
        "steps/observation/gripper_closed",
    ]
    assert list(usual.language) == ["steps/observation/natural_language_instruction"]
    asked = choose(features, action=("action/terminate_episode", "steps/action/rotation_delta"))
    assert dimension_names(asked.action)[2:4] == ("terminate_episode_2", "rotation_delta_0")
    whole = choose(features, action=("action",))
    assert sum(feature.width for feature in whole.action.values()) == 12
    bridge = {
        "action/open_gripper": tensor("bool"),
        "action/rotation_delta": tensor("float32", 3),
        "action/terminate_episode": tensor("float32"),
        "action/world_vector": tensor("float32", 3),
        "observation/image": image(),
    }
    names = dimension_names(choose(parse_features(features_of(bridge))).action)
    assert [names[0], names[3], *names[6:]] == ["world_vector_0", "rotation_delta_0", "open_gripper"]
    other = {"action/right": tensor("float32", 2), "action/left": tensor("bool"), "image": image()}
    found = choose(parse_features(features_of(other)))
    assert dimension_names(found.action) == ("left", "right_0", "right_1")


DROID = {
    "action": tensor("float64", 7),
    "action_dict/cartesian_velocity": tensor("float64", 6),
    "action_dict/gripper_position": tensor("float64", 1),
    "language_instruction": TEXT,
    "language_instruction_2": TEXT,
    "language_instruction_3": TEXT,
    "observation/cartesian_position": tensor("float64", 6),
    "observation/exterior_image_1_left": image("jpeg"),
    "observation/exterior_image_2_left": image("jpeg"),
    "observation/gripper_position": tensor("float64", 1),
    "observation/joint_position": tensor("float64", 7),
    "observation/wrist_image_left": image("jpeg"),
}


def test_droid_s_features_are_found() -> None:
    features = parse_features(features_of(DROID))
    usual = choose(features)
    assert dimension_names(usual.action) == tuple(f"action_{place}" for place in range(7))
    assert len(dimension_names(usual.state)) == 7
    assert list(usual.cameras) == ["exterior_image_1_left", "exterior_image_2_left", "wrist_image_left"]
    assert [key[-2:] for key in usual.language] == ["on", "_2", "_3"]
    keys = ("action_dict/cartesian_velocity", "action_dict/gripper_position")
    assert dimension_names(choose(features, action=keys).action)[5:] == (
        "cartesian_velocity_5",
        "gripper_position",
    )


JSON_NAMES = [
    *("featuresDict", "features", "sequence", "feature", "steps", "tensor", "image", "shape", "dimensions"),
    *("dtype", "text", "splits", "name", "shardLengths", "filepathTemplate"),
]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(JSON_NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_any_description_is_read_or_refused(tree: Any) -> None:
    for described in (tree, features_of({"action": tree}), features_of({"x": image()}, more=tree)):
        try:
            choose(parse_features(described))
        except DataError as error:
            assert error.reason in ("bad_record", "bad_action", "missing_camera")


@given(JSON_VALUES)
def test_any_index_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, tree: object) -> None:
    folder = tmp_path_factory.mktemp("info")
    for described in (
        tree,
        {"splits": tree},
        {"splits": [tree]},
        {"splits": [{"name": "a", "shardLengths": tree}]},
    ):
        (folder / "dataset_info.json").write_text(json.dumps(described))
        try:
            read_info(str(folder))
        except DataError as error:
            assert error.reason in ("bad_record", "unsafe_path", "unsupported")


def test_rt1_records_give_the_arm_s_seven_numbers(tmp_path: Path) -> None:
    values: dict[str, Values] = {
        "steps/action/base_displacement_vector": [9.0] * 12,
        "steps/action/gripper_closedness_action": [float(step) for step in range(6)],
        "steps/action/rotation_delta": [step + 0.5 for step in range(18)],
        "steps/action/terminate_episode": [0, 1, 0] * 6,
        "steps/action/world_vector": [step + 0.25 for step in range(18)],
        "steps/observation/base_pose_tool_reached": [1.0] * 42,
        "steps/observation/gripper_closed": [0.0] * 6,
        "steps/observation/image": [picture(step, "JPEG") for step in range(6)],
        "steps/observation/natural_language_instruction": [WORDS.encode()] * 6,
    }
    folder = write_rlds(tmp_path / "fractal" / "0.1.0", [[values]], features_of(RT1), "fractal20220817_data")
    episode = opened(RldsSource(path=str(folder)))
    assert episode.actions[2].tolist() == [6.25, 7.25, 8.25, 6.5, 7.5, 8.5, 2.0]
    assert episode.times_s[3] == 1.0
    assert episode.instruction == WORDS
    dims = opened(RldsSource(path=str(folder), action_dims=("rotation_delta", "6")))
    assert dims.action_names == (
        "rotation_delta_0",
        "rotation_delta_1",
        "rotation_delta_2",
        "gripper_closedness_action",
    )
    assert dims.actions[2].tolist() == [6.5, 7.5, 8.5, 2.0]


def test_dimensions_are_named_as_asked_for(tmp_path: Path) -> None:
    folder = str(one_episode(tmp_path))
    named = opened(RldsSource(path=folder, action_names=("x", "y", "grip"), action_dims=("grip", "x")))
    assert named.action_names == ("grip", "x")
    assert named.actions[3].tolist() == [0.5, 3 / 64]
    wrong = scan_all(RldsSource(path=folder, action_names=("x",)))
    assert reasons_of(wrong) == ["bad_action"]
    assert reasons_of(scan_all(RldsSource(path=folder, action_dims=("7",)))) == ["bad_action"]
    with pytest.raises(ValueError, match="must differ"):
        RldsSource(path=folder, action_names=("x", "x", "y"))


def test_the_first_instruction_that_says_anything_is_taken(tmp_path: Path) -> None:
    steps = PLAIN | {"language_instruction_2": TEXT, "language_instruction_3": TEXT}
    words = "öffne die Schublade 打开抽屉"
    folder = one_episode(
        tmp_path,
        features=features_of(steps),
        language_instruction=[b""] * 8,
        language_instruction_2=[b" "] * 8,
        language_instruction_3=[b"", *[f" {words}\n".encode()] * 7],
    )
    episode = opened(RldsSource(path=str(folder)))
    assert episode.instruction == words
    assert [episode.instruction_at(step) for step in (0, 5)] == [words, words]
    first = opened(RldsSource(path=str(folder), language=("language_instruction",)))
    assert first.instruction == first.instruction_at(3) == ""


def test_a_text_that_changes_is_said_from_the_step_where_it_does(tmp_path: Path) -> None:
    folder = one_episode(tmp_path, language_instruction=[b"reach"] * 4 + [b"grasp \xff"] * 4)
    scan = scan_all(RldsSource(path=str(folder)))[0]
    assert [ref.instruction for ref in scan.refs] == ["reach", "grasp �"]


def test_an_instruction_may_be_stored_as_code_points_or_once_for_the_episode(tmp_path: Path) -> None:
    steps = {name: form for name, form in PLAIN.items() if name != "language_instruction"}
    codes = [*map(ord, "déjà"), 0, 0]
    spelled = one_episode(
        tmp_path / "a",
        features=features_of(steps | {"observation/instruction": tensor("int32", 6)}),
        **{"observation/instruction": codes * 8},
    )
    assert opened(RldsSource(path=str(spelled))).instruction == "déjà"
    meta = {"featuresDict": {"features": {"language_instruction": TEXT}}}
    values = plain_episode(0, 8) | {"episode_metadata/language_instruction": [b"once"]}
    once = write_rlds(tmp_path / "b", [[values]], features_of(steps, episode_metadata=meta))
    assert opened(RldsSource(path=str(once))).instruction_at(4) == "once"


def test_times_come_from_the_record_the_setting_or_the_name(tmp_path: Path) -> None:
    timed = features_of(PLAIN | {"timestamp": tensor("float64")})
    stored = one_episode(tmp_path / "a", features=timed, timestamp=[5.0 + step / 4 for step in range(8)])
    assert opened(RldsSource(path=str(stored))).times_s.tolist() == [step / 4 for step in range(8)]
    assert opened(RldsSource(path=str(stored), control_hz=2.0)).times_s[1] == 0.5
    # Seconds since 1970 do not fit into float32.
    epoch = one_episode(tmp_path / "b", features=timed, timestamp=[1.6e9 + step for step in range(8)])
    episode = opened(RldsSource(path=str(epoch)))
    assert episode.times_s[1] == 0.1
    assert "too coarse" in episode.warning and "10 is taken" in episode.warning
    back = one_episode(tmp_path / "c", features=timed, timestamp=[1.0, 2.0, 1.5, 3.0, 4.0, 5.0, 6.0, 7.0])
    assert reasons_of(scan_all(RldsSource(path=str(back)))) == ["bad_timestamps"]
    for name, hz in (("bridge_dataset", 5), ("fractal20220817_data", 3), ("droid", 15), ("mine", 10)):
        folder = write_rlds(tmp_path / name, [[plain_episode(0, 8)]], name=name)
        assert 1 / opened(RldsSource(path=str(folder))).times_s[1] == pytest.approx(hz)


def test_cameras_are_found_and_named_short(tmp_path: Path) -> None:
    steps = PLAIN | {
        "observation/depth": image(channels=1),
        "observation/image_2": image(),
        "image_top": image(),
        "views": {"sequence": {"feature": image(), "length": "-1"}},
    }
    found = choose(parse_features(features_of(steps))).cameras
    assert list(found) == ["image_top", "image", "image_2", "wrist_image"]
    asked = choose(parse_features(features_of(steps)), cameras=("wrist_image", "steps/image_top")).cameras
    assert asked == {"wrist_image": "steps/observation/wrist_image", "steps/image_top": "steps/image_top"}
    folder = one_episode(tmp_path)
    assert opened(RldsSource(path=str(folder), cameras=("wrist_image",))).cameras == ("wrist_image",)


def test_what_the_record_or_the_description_lacks_is_said(tmp_path: Path) -> None:
    folder = one_episode(tmp_path)
    for settings, reason, says in (
        ({"cameras": ("top",)}, "missing_camera", "it has image, wrist_image"),
        ({"action": ("joints",)}, "bad_action", "features.json has no 'joints'"),
        ({"action": ("observation/image",)}, "bad_action", "not as many plain numbers"),
        ({"state": ("effort",)}, "bad_record", "no 'effort'"),
        ({"language": ("words",)}, "bad_record", "no 'words'"),
    ):
        [scan] = scan_all(RldsSource(path=str(folder), **settings))  # type: ignore[arg-type]
        assert scan.reject is not None and scan.reject.reason == reason
        assert says in scan.reject.message


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"action": []}, "bad_action"),
        ({"action": [0.5] * 23}, "bad_action"),
        ({"action": [1] * 24}, "bad_action"),
        ({"action": [b"x"] * 24}, "bad_action"),
        ({"action": [float("nan")] * 24}, "bad_action"),
        ({"observation/state": [0.5] * 15}, "bad_record"),
        ({"observation/state": [b""] * 16}, "bad_record"),
        ({"observation/image": []}, "missing_camera"),
        ({"observation/image": [0.5]}, "bad_record"),
        ({"observation/image": [picture(0)] * 7}, "bad_record"),
        ({"observation/image": [b""] * 8}, "not_image"),
        ({"observation/image": [b"not a picture"] * 8}, "not_image"),
        ({"observation/image": [picture(0)[:200]] * 8}, "undecodable"),
        ({"language_instruction": [b"a"] * 5}, "bad_record"),
        ({"language_instruction": [0.5]}, "bad_record"),
        ({"language_instruction": [b"a" * 70_000] * 8}, "bad_record"),
        ({"is_first": [], "is_last": [], "action": []}, "bad_action"),
        ({"is_first": [1], "is_last": [1]}, "bad_action"),
    ],
)
def test_a_record_that_differs_from_its_description_is_rejected(
    tmp_path: Path, changes: dict[str, Values], reason: str
) -> None:
    shard = [plain_episode(0, 8), plain_episode(1, 8, **changes), plain_episode(2, 8)]
    folder = write_rlds(tmp_path / "1.0.0", [shard])
    assert outcomes(RldsSource(path=str(folder))) == ["", reason, ""]


def test_one_action_that_is_no_number_costs_the_clips_that_need_it(tmp_path: Path) -> None:
    values = [value for step in range(12) for value in action_of(0, step)]
    values[3 * 4 + 1] = float("inf")
    source = RldsSource(path=str(one_episode(tmp_path, 12, action=values)))
    [scan] = scan_all(source)
    read = [clip for _, clip in read_all(source, scan)]
    assert [one.reason if isinstance(one, DataError) else "" for one in read] == ["", "bad_action", ""]
    assert scan.actions is not None
    assert (scan.actions.rows, scan.actions.bad_rows) == (10, 1)


def test_one_damaged_picture_costs_its_clips_only(tmp_path: Path) -> None:
    pictures = [picture(step) for step in range(12)]
    pictures[5] = b"damaged"
    source = RldsSource(path=str(one_episode(tmp_path, 12, **{"observation/image": pictures})))
    read = [clip for _, clip in read_all(source, scan_all(source)[0])]
    assert [one.reason if isinstance(one, DataError) else "" for one in read] == ["", "not_image", ""]


def test_what_a_picture_is_encoded_in_is_judged_by_its_bytes(tmp_path: Path) -> None:
    odd = features_of(PLAIN | {"observation/image": image("h264"), "observation/wrist_image": image("")})
    assert outcomes(RldsSource(path=str(one_episode(tmp_path, features=odd)))) == [""]


@pytest.mark.parametrize(
    "form",
    [
        tensor("float32", 4),
        tensor("float32", -1),
        tensor("float32", 0),
        tensor("float32", 3, encoding="zlib"),
        tensor("complex64", 3),
        tensor("int32", 3),
        tensor("string"),
        TEXT,
        {"pythonClassName": "other"},
        {"sequence": {"feature": tensor("float32", 3), "length": "-1"}},
    ],
)
def test_a_description_that_does_not_fit_the_action_is_said(tmp_path: Path, form: Tree) -> None:
    folder = one_episode(tmp_path, features=features_of(PLAIN | {"action": form}))
    assert reasons_of(scan_all(RldsSource(path=str(folder)))) == ["bad_action"]


def test_half_precision_and_whole_numbers_are_read_as_lists_of_their_kind(tmp_path: Path) -> None:
    steps = PLAIN | {"action": tensor("uint8", 2), "observation/state": tensor("bfloat16", 2)}
    folder = one_episode(tmp_path, features=features_of(steps), action=[7, 250] * 8)
    assert opened(RldsSource(path=str(folder))).actions[5].tolist() == [7, 250]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("features.json", None, "missing"),
        ("dataset_info.json", None, "missing"),
        ("features.json", "{", "bad_record"),
        ("features.json", "[]", "bad_record"),
        ("features.json", json.dumps({"featuresDict": {"features": {"x": tensor("int64")}}}), "bad_record"),
        ("features.json", "[" * 100_000, "bad_record"),
        ("dataset_info.json", "{}", "bad_record"),
        ("dataset_info.json", '{"splits": [{"name": "a", "shardLengths": ["x"]}]}', "bad_record"),
        ("dataset_info.json", '{"splits": [{"name": "a", "shardLengths": ["99999999"]}]}', "bad_record"),
        ("dataset_info.json", '{"splits": [{"name": "../../a", "shardLengths": ["1"]}]}', "unsafe_path"),
        ("dataset_info.json", '{"splits": [], "fileFormat": "array_record"}', "unsupported"),
        (
            "dataset_info.json",
            '{"splits": [{"name": "a", "shardLengths": ["1"], "filepathTemplate": "{WHAT}"}]}',
            "bad_record",
        ),
        (
            "dataset_info.json",
            '{"splits": [{"name": "a", "shardLengths": ["1"], "filepathTemplate": "/etc/{SPLIT}"}]}',
            "unsafe_path",
        ),
    ],
)
def test_a_data_set_whose_description_is_broken_is_refused(
    tmp_path: Path, name: str, text: str | None, reason: str
) -> None:
    folder = one_episode(tmp_path)
    (folder / name).unlink()
    if text is not None:
        (folder / name).write_text(text)
    with pytest.raises(DataError) as caught:
        list(RldsSource(path=str(folder)).items(0))
    assert caught.value.reason == reason
    assert RldsSource.recognise(str(folder)) is None


def test_shards_without_counts_are_listed_as_they_are(tmp_path: Path) -> None:
    shards = [[plain_episode(0, 8)], [plain_episode(1, 8)]]
    splits = [{"name": "train", "numShards": "2", "filepathTemplate": "{SPLIT}.{SHARD_INDEX}"}]
    folder = write_rlds(tmp_path / "1.0.0", shards, splits=splits)
    for number in (0, 1):
        shard_path(folder, number, 2).rename(folder / f"train.{number:05d}")
    assert outcomes(RldsSource(path=str(folder))) == ["", ""]
    data = (folder / "train.00001").read_bytes()
    (folder / "train.00001").write_bytes(data[:-1])
    assert outcomes(RldsSource(path=str(folder))) == ["", "unreadable"]


def test_episodes_that_a_shard_lacks_are_rejected_one_by_one(tmp_path: Path) -> None:
    payloads = [example(plain_episode(n, 8)) for n in range(3)]
    folder = write_rlds(tmp_path / "1.0.0", [[plain_episode(n, 8) for n in range(3)]])
    path, whole = shard_path(folder), tfrecord(payloads)
    cases = {
        "cut off": (whole[: len(frame(payloads[0])) + 900], ["", "unreadable", "unreadable"]),
        "fewer": (tfrecord(payloads[:2]), ["", "", "unreadable"]),
        "empty": (b"", ["unreadable"] * 3),
        "a length of 2^40": (
            frame(payloads[0]) + header(1 << 40) + bytes(99),
            ["", "unreadable", "unreadable"],
        ),
        "more": (tfrecord([*payloads, payloads[0]]), [""] * 4),
        "other bytes": (b"something else entirely", ["unreadable"] * 3),
    }
    for what, (data, expected) in cases.items():
        path.write_bytes(data)
        assert outcomes(RldsSource(path=str(folder))) == expected, what
    path.unlink()
    scans = scan_all(RldsSource(path=str(folder)))
    assert reasons_of(scans) == ["missing"] * 3
    assert [scan.facts.uri for scan in scans] == [f"{path.name}#{n}" for n in range(3)]
    assert scans[0].reject is not None and str(tmp_path) not in scans[0].reject.message


def test_a_flipped_bit_is_found_before_a_clip_is_made(tmp_path: Path) -> None:
    folder = write_rlds(tmp_path / "1.0.0", [[plain_episode(n, 8) for n in range(2)]])
    path = shard_path(folder)
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 30] ^= 4
    path.write_bytes(data)
    assert outcomes(RldsSource(path=str(folder))) == ["unreadable", ""]


def test_a_record_that_is_no_example_is_rejected(tmp_path: Path) -> None:
    folder = write_rlds(tmp_path / "1.0.0", [[plain_episode(n, 8) for n in range(3)]])
    shard_path(folder).write_bytes(tfrecord([b"\xff" * 40, b"", example(plain_episode(0, 8))]))
    assert outcomes(RldsSource(path=str(folder))) == ["bad_record", "bad_record", ""]


def test_a_compressed_shard_is_read_and_its_lost_episodes_are_counted(tmp_path: Path) -> None:
    folder = write_rlds(tmp_path / "1.0.0", [[plain_episode(n, 8) for n in range(3)]])
    path = shard_path(folder)
    whole = tfrecord(example(plain_episode(n, 8)) for n in range(3))
    path.write_bytes(gzip.compress(whole))
    source = RldsSource(path=str(folder))
    assert outcomes(source) == ["", "", ""]
    assert [scan.facts.frames for scan in scan_all(source)] == [8, 8, 8]
    path.write_bytes(gzip.compress(whole[:-5]))
    assert outcomes(source) == ["", "", "unreadable"]


def test_an_input_that_changed_after_it_was_planned_is_refused(tmp_path: Path) -> None:
    folder = write_rlds(tmp_path / "1.0.0", [[plain_episode(0, 8)]])
    source = RldsSource(path=str(folder))
    scan = scan_all(source)[0]
    state: Values = [0.25] * 16
    write_rlds(folder, [[plain_episode(0, 8, **{"observation/state": state})]])
    read = [clip for _, clip in read_all(source, scan)]
    assert [one.reason for one in read if isinstance(one, DataError)] == ["changed_input"] * len(scan.refs)


def test_equal_episodes_of_a_file_have_different_fingerprints(tmp_path: Path) -> None:
    folder = write_rlds(tmp_path / "1.0.0", [[plain_episode(0, 8)] * 2])
    one, two = scan_all(RldsSource(path=str(folder)))
    assert one.facts.fingerprint != two.facts.fingerprint
    assert one.refs[0].key != two.refs[0].key


def test_scanning_leaves_the_pictures_in_the_file(tmp_path: Path) -> None:
    pictures: Values = [bytes(1 << 20)] * 8
    folder = one_episode(tmp_path, **{"observation/image": pictures, "observation/wrist_image": pictures})
    source = RldsSource(path=str(folder))
    scan_all(source)
    tracemalloc.start()
    scan_all(source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def stats_file(width: int, **changes: Any) -> str:
    numbers = {name: [float(place) for place in range(width)] for name in ("mean", "std", "max", "min")}
    action = numbers | {"q01": [0.0] * width, "q99": [2.0] * width}
    return json.dumps({"action": action | changes, "num_transitions": 77, "num_trajectories": 3})


def test_published_statistics_are_used_where_they_fit(tmp_path: Path) -> None:
    folder = one_episode(tmp_path)
    source = RldsSource(path=str(folder))
    assert source.published_stats() is None
    path = folder / "dataset_statistics_0123abcd.json"
    path.write_text(stats_file(3))
    stats = source.published_stats()
    assert stats is not None
    assert (stats.names, stats.count, stats.origin) == (scan_all(source)[0].action_names, 77, "published")
    assert (stats.q99, stats.mean) == ((2.0, 2.0, 2.0), (0.0, 1.0, 2.0))
    picked = RldsSource(path=str(folder), action_dims=("2", "0")).published_stats()
    assert picked is not None and picked.mean == (2.0, 0.0)
    for text in (stats_file(4), stats_file(3, q01=["a"] * 3), stats_file(3, q01=[9.0] * 3), "{}", "[", "3"):
        path.write_text(text)
        assert source.published_stats() is None
    later = json.loads(stats_file(3))
    later["action"] |= {"p01": later["action"].pop("q01"), "p99": later["action"].pop("q99")}
    path.write_text(json.dumps({"toys": later}))
    assert source.published_stats() is not None
    (folder / "dataset_statistics_other.json").write_text(stats_file(3))
    assert source.published_stats() is None


def test_a_path_is_recognised_by_its_description(tmp_path: Path) -> None:
    folder = one_episode(tmp_path)
    for path in (folder, folder.parent):
        found = RldsSource.recognise(str(path))
        assert found is not None and found.settings == {"path": str(path)}
        assert "cameras: image, wrist_image" in found.notes
        assert "{'train': 1} episodes" in found.notes[0]
    assert RldsSource.recognise(str(tmp_path)) is None
    assert RldsSource.recognise(str(tmp_path / "absent")) is None


def test_real_data_sets_are_read_as_another_reader_reads_them(test_data: Path) -> None:
    for path, cameras, expected in (
        ("rlds_bridge_octo/bridge_dataset", 4, {"": 25, "missing": 25}),
        ("rlds_mini_fractal_layout/mini_fractal_layout", 1, {"": 2}),
    ):
        source = RldsSource(path=str(test_data / "robot" / path), last_action=True)
        items = list(source.items(0))
        assert Counter(outcomes(source)) == expected
        for item in items[: expected[""]]:
            episode = source.open(item.uri, item.locator, item.payload)
            place = json.loads(item.payload)
            record = Path(item.locator).read_bytes()[place["at"] - 12 :][: place["size"] + 16]
            length, crc = struct.unpack_from("<QI", record)
            assert (length, crc) == (place["size"], masked_crc(record[:8]))
            theirs = EXAMPLE.FromString(record[12:-4])
            check_as_protobuf(episode, theirs.features.feature, cameras)  # type: ignore[attr-defined]


def check_as_protobuf(episode: Any, features: Any, cameras: int) -> None:
    keys = (
        ["action"]
        if "steps/action" in features
        else [f"action/{name}" for name in ("world_vector", "rotation_delta", "gripper_closedness_action")]
    )
    steps = len(features["steps/is_first"].int64_list.value)
    columns = [np.array(features[f"steps/{key}"].float_list.value).reshape(steps, -1) for key in keys]
    assert np.array_equal(episode.actions, np.concatenate(columns, axis=1))
    words = "language_instruction" if "steps/language_instruction" in features else ""
    said = features[f"steps/{words or 'observation/natural_language_instruction'}"].bytes_list.value
    assert [episode.instruction_at(step) for step in range(steps)] == [text.decode() for text in said]
    assert len(episode.cameras) == cameras
    for camera in episode.cameras:
        encoded = features[f"steps/observation/{camera}"].bytes_list.value
        own = list(episode.pictures(camera, range(steps), ClipSettings(short_side=4096)))
        for (picture_read, size), data in zip(own, encoded, strict=True):
            with Image.open(io.BytesIO(data)) as image_read:
                whole = np.array(image_read.convert("RGB"))
            assert np.array_equal(picture_read, whole) and size == whole.shape[1::-1]


def test_hostile_shards_cost_what_is_damaged_in_them(test_data: Path, tmp_path: Path) -> None:
    real = test_data / "robot" / "rlds_bridge_octo" / "bridge_dataset" / "1.0.0"
    for name, counted, expected in (
        ("tfrecord_bad_data_crc", 1, ["unreadable"]),
        ("tfrecord_bad_episodes", 4, ["", "bad_action", ",not_image", "bad_action"]),
        ("tfrecord_bad_length_crc", 1, ["unreadable"]),
        ("tfrecord_empty", 0, []),
        ("tfrecord_gzip", 1, [""]),
        ("tfrecord_huge_length", 1, ["unreadable"]),
        ("tfrecord_not_example", 2, ["bad_record", "bad_record"]),
        ("tfrecord_truncated", 2, ["", "unreadable"]),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "features.json").write_bytes((real / "features.json").read_bytes())
        info = {"name": "bridge_dataset", "splits": [{"name": "train", "shardLengths": [str(counted)]}]}
        (folder / "dataset_info.json").write_text(json.dumps(info))
        data = (test_data / "hostile" / "robot" / name).read_bytes()
        (folder / "bridge_dataset-train.tfrecord-00000-of-00001").write_bytes(data)
        assert outcomes(RldsSource(path=str(folder), cameras=("image_0", "image_1"))) == expected, name


def test_the_pictures_size_is_the_one_decoded(tmp_path: Path) -> None:
    source = RldsSource(path=str(one_episode(tmp_path)))
    [(_, clip), *_] = read_all(source, scan_all(source)[0])
    assert isinstance(clip, Clip)
    assert (clip.source_width, clip.source_height) == (WIDTH, HEIGHT)
