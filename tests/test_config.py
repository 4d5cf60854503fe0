"""Configuration: every mistake is one line that names key, value and the nearest right thing."""

import dataclasses
import math
import tomllib
from pathlib import Path

import pytest

from somtom.pipelines.config import difference, dump_config, load_config, parse_config, source_name
from somtom.pipelines.config_rules import BOUNDS, CHOICES, ConfigError
from somtom.pipelines.train_config import load_train_settings
from somtom.schemas.settings import BuildSettings

SOURCE = {"kind": "video", "path": "clips"}
SECTIONS = {field.name: field.type for field in dataclasses.fields(BuildSettings)}


def settings_of(kind: type) -> list[str]:
    return [
        f"{section}.{field.name}"
        for section, cls in SECTIONS.items()
        for field in dataclasses.fields(cls)  # type: ignore[arg-type]
        if field.type is kind
    ]


def tree_with(key: str, value: object) -> dict[str, object]:
    section, name = key.split(".")
    return {"source": [dict(SOURCE)], section: {name: value}}


def mistake(tree: dict[str, object]) -> str:
    with pytest.raises(ConfigError) as raised:
        parse_config(tree)
    message = str(raised.value)
    assert "\n" not in message
    return message


def file_mistake(tmp_path: Path, text: str, *overrides: str) -> str:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_config(path, overrides)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_defaults_are_taken_where_nothing_is_said() -> None:
    assert parse_config({"source": [SOURCE]}).settings == BuildSettings()


def test_the_resolved_configuration_reads_back_as_it_was() -> None:
    tree = tree_with("motion.epsilon", 1) | {"marks": {"style": "box"}}
    tree["source"] = [
        {**SOURCE, "include": ["*.mp4", "a/*"], "first_person": True, "licence": 'a "b" \n c'},
        {"kind": "somtom.sources.video:VideoSource", "path": "ünïcode 视频/*.mp4"},
    ]
    config = parse_config(tree)
    again = parse_config(tomllib.loads(dump_config(config)))
    assert again == config and dump_config(again) == dump_config(config)
    assert [source_name(source) for source in again.sources] == ["video", "video"]


def test_the_output_path_is_not_part_of_what_was_built() -> None:
    one, other = (parse_config(tree_with("output.path", path)) for path in ("a", "b"))
    assert one.settings.output.path == "a"
    assert dump_config(one) == dump_config(other)


def test_every_numeric_setting_has_bounds_and_no_others() -> None:
    assert set(BOUNDS) == {*settings_of(int), *settings_of(float)}


def test_every_default_lies_within_its_bounds() -> None:
    for key, (low, high) in BOUNDS.items():
        section, name = key.split(".")
        assert low <= getattr(getattr(BuildSettings(), section), name) <= high, key


@pytest.mark.parametrize("key", sorted(BOUNDS))
def test_a_number_out_of_bounds_is_refused_with_the_nearest_one(key: str) -> None:
    low, high = BOUNDS[key]
    for value, nearest in ((low - 1, low), (high + 1, high)):
        message = mistake(tree_with(key, value))
        assert message.startswith(f"{key} = {value!r}: must be") and message.endswith(f"nearest is {nearest}")


@pytest.mark.parametrize("key", settings_of(float))
def test_a_number_that_is_none_is_refused(key: str) -> None:
    for value in (math.nan, math.inf, -math.inf):
        assert mistake(tree_with(key, value)).startswith(f"{key} = {value!r}: must be")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("clips.steps", 16.0, "a whole number"),
        ("clips.steps", True, "a whole number"),
        ("clips.steps", "16", "a whole number"),
        ("motion.epsilon", "two", "a number"),
        ("motion.epsilon", False, "a number"),
        ("marks.style", 1, "a text"),
        ("marks.style", ["disc"], "a text"),
        ("text.use_instruction", 1, "true or false"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(key: str, value: object, expected: str) -> None:
    message = mistake(tree_with(key, value))
    assert message.startswith(f"{key} = ") and expected in message


def test_a_number_beyond_64_bits_is_refused() -> None:
    for key in ("motion.epsilon", "clips.steps"):
        assert mistake(tree_with(key, 10**400)).endswith("must be a number of 64 bits")


def test_a_whole_number_does_for_a_setting_with_a_point() -> None:
    epsilon = parse_config(tree_with("motion.epsilon", 3)).settings.motion.epsilon
    assert type(epsilon) is float and epsilon == 3.0


def test_an_unknown_section_names_the_nearest() -> None:
    assert "did you mean tracking?" in mistake({"source": [SOURCE], "trackng": {"grid": 3}})


def test_an_unknown_key_names_the_nearest() -> None:
    message = mistake(tree_with("motion.epsilom", 1.5))
    assert message == "motion.epsilom = 1.5: unknown; did you mean motion.epsilon?"


def test_a_section_must_be_one() -> None:
    assert mistake({"source": [SOURCE], "motion": 3}) == "motion: must be a section [motion], got 3"


def test_an_unknown_source_setting_names_the_nearest() -> None:
    message = mistake({"source": [{**SOURCE, "licens": "MIT"}]})
    assert message == "source[0].licens = 'MIT': unknown; did you mean source[0].licence?"


@pytest.mark.parametrize("blocks", [[], {}, "clips/", ["clips/"], 3])
def test_no_source_is_refused(blocks: object) -> None:
    assert "at least one [[source]]" in mistake({"source": blocks})


def test_a_configuration_without_source_is_refused() -> None:
    assert "at least one [[source]]" in mistake({})


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"path": "x"}, "source[0].kind: must name a source, one of "),
        ({"kind": "vidio", "path": "x"}, "did you mean 'video'?"),
        ({"kind": "nowhere:Source", "path": "x"}, "cannot be imported"),
        ({"kind": "json:loads", "path": "x"}, "is not a source"),
        ({"kind": "video"}, "source[0].path: must be given"),
        ({"kind": "video", "path": 3}, "source[0].path = 3: must be a text"),
        ({"kind": "video", "path": ""}, "path must name a file or a folder"),
        ({"kind": "lerobot", "path": " "}, "path must name a file or a folder"),
        ({"kind": "video", "path": "x", "include": "*.mp4"}, "must be a list"),
        ({"kind": "video", "path": "x", "include": ["a", 3]}, "source[0].include = 3: must be a text"),
        ({"kind": "video", "path": "x", "split": "test"}, "'test'"),
        ({"kind": "video", "path": "x", "backend": "opencv"}, "'opencv'"),
    ],
)
def test_a_wrong_source_is_refused(block: dict[str, object], expected: str) -> None:
    message = mistake({"source": [block]})
    assert message.startswith("source[0]") and expected in message


@pytest.mark.parametrize(
    ("key", "value", "nearest"),
    [
        ("tracking.tracker", "diss", "dis"),
        ("tracking.tracker", "nowhere:Tracker", "nowhere"),
        ("tracking.tracker", "json:nothing", "nothing"),
        ("marks.style", "dics", "disc"),
        ("marks.style", "nowhere:style", "nowhere"),
        ("shots.detector", "adaptiv", "'adaptive'"),
    ],
)
def test_an_unknown_choice_names_the_nearest(key: str, value: str, nearest: str) -> None:
    message = mistake(tree_with(key, value))
    assert message.startswith(f"{key} = {value!r}") and nearest in message.removeprefix(f"{key} = {value!r}")


def test_every_choice_is_accepted() -> None:
    for key, choices in CHOICES.items():
        for choice in choices:
            parse_config(tree_with(key, choice))


def test_a_lowest_number_above_the_highest_is_refused() -> None:
    message = mistake({"source": [SOURCE], "marks": {"foreground_min": 6, "foreground_max": 5}})
    assert message == "marks.foreground_min = 6: must not exceed marks.foreground_max = 5"


@pytest.mark.parametrize(
    "text",
    [
        "[motion\n",
        "a = 1\na = 2\n",
        "[[source]]\nkind = video\n",
        "x = " + "1" * 5000,
        "x = " + "[" * 20_000,
    ],
)
def test_invalid_toml_is_one_line(tmp_path: Path, text: str) -> None:
    assert "config.toml: not valid TOML: " in file_mistake(tmp_path, text)


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_config(tmp_path / "config.toml")


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_configuration_that_cannot_be_read_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / name)


PLAIN = '[[source]]\nkind = "video"\npath = "a"\n[[source]]\nkind = "video"\npath = "b"\n'


def test_settings_can_be_changed_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(PLAIN)
    overrides = [
        "motion.epsilon=1.5",
        "clips.steps = 8",
        "marks.style=box",
        'tracking.tracker="lk"',
        "text.use_instruction=false",
        "source.dataset=first",
        'source.1.include=["*.mp4"]',
        "source.1.licence=CC-BY-4.0",
        "motion.epsilon=2.5",
    ]
    config = load_config(tmp_path / "config.toml", overrides)
    assert config.settings.motion.epsilon == 2.5
    assert (config.settings.clips.steps, config.settings.marks.style) == (8, "box")
    assert (config.settings.tracking.tracker, config.settings.text.use_instruction) == ("lk", False)
    assert [source.dataset for source in config.sources] == ["first", ""]
    assert config.sources[1].include == ("*.mp4",)  # type: ignore[attr-defined]
    assert config.sources[1].licence == "CC-BY-4.0"


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("motion.epsilon", "write section.key=value"),
        ("epsilon=1", "write section.key=value"),
        ("=1", "write section.key=value"),
        (".epsilon=1", "write section.key=value"),
        ("motion.=1", "write section.key=value"),
        ("motion.epsilon.x=1", "write section.key=value"),
        ("motion.epsilom=1", "did you mean motion.epsilon?"),
        ("moton.epsilon=1", "did you mean motion?"),
        ("motion.epsilon=", "motion.epsilon = ''"),
        ("motion.epsilon=much", "motion.epsilon = 'much': must be a number"),
        ("motion.epsilon=nan", "motion.epsilon = nan: must be"),
        ("source.2.path=x", "there is no [[source]] number 2"),
        ("source.one.path=x", "there is no [[source]] number one"),
        ("source.0.a.path=x", "write section.key=value"),
        ("source.pth=x", "did you mean source[0].path?"),
        ("clips.steps=1\nclips.stride=3", "must be a whole number"),
    ],
)
def test_a_wrong_override_is_one_line(tmp_path: Path, override: str, expected: str) -> None:
    assert expected in file_mistake(tmp_path, PLAIN, override)


def test_the_difference_names_each_setting() -> None:
    old, new = (parse_config(tree_with("motion.epsilon", value)).as_dict() for value in (1.0, 2.5))
    assert difference(old, new) == ["motion.epsilon: 1.0 -> 2.5"]
    assert difference(old, old) == []


def test_the_configurations_that_come_along_are_right() -> None:
    """Those with sources are of builds, the others of the trainer."""
    for path in sorted((Path(__file__).parent.parent / "configs").glob("*.toml")):
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
        if "source" in tree:
            load_config(path)
        elif "paths" in tree["data"]:
            load_train_settings(path)
        else:
            load_train_settings(path, ['data.paths=["out/"]'])  # `somtom ablate` names its data itself


def test_more_cameras_than_the_samples_carry_are_refused() -> None:
    source = {"kind": "lerobot", "path": "robots", "cameras": ["front", "wrist", "side"]}

    assert "set clips.cameras = 2" in mistake({"source": [source], "clips": {"cameras": 1}})
    assert parse_config({"source": [source], "clips": {"cameras": 2}}).settings.clips.cameras == 2


def test_numbers_that_no_picture_shows_are_refused() -> None:
    video, screens = ({"kind": kind, "path": "clips/"} for kind in ("video", "screenshots"))
    tree: dict[str, object] = {"source": [video], "marks": {"style": "none"}}
    with pytest.raises(ConfigError, match=r"set text\.numbers = false too"):
        parse_config(tree)
    parse_config({**tree, "text": {"numbers": False}})
    with pytest.raises(ConfigError, match=r"source\[1\]\.kind = 'screenshots': text.numbers = false"):
        parse_config({"source": [video, screens], "text": {"numbers": False}})
    pairs = {"kind": "llava", "path": "pairs.json"}
    parse_config({"source": [pairs], "text": {"numbers": False}})
    with pytest.raises(ConfigError, match=r"screenshots and pairs have numbers"):
        parse_config({"source": [pairs], "text": {"numbers": False}, "vl": {"boxes": "marks"}})
