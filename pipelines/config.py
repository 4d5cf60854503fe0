"""Reads the TOML configuration into frozen dataclasses and says in one line what is wrong with it."""

import dataclasses
import difflib
import tomllib
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tomli_w

from somtom.pipelines.config_rules import ConfigError, check_cameras, check_numbers, check_values
from somtom.schemas.settings import BuildSettings
from somtom.sources.source import Source
from somtom.sources.sources import SOURCES, source_class

T = typing.TypeVar("T")


@dataclass(frozen=True)
class BuildConfig:
    """A whole configuration: where samples come from and every setting."""

    sources: tuple[Source, ...]
    settings: BuildSettings

    def as_dict(self) -> dict[str, object]:
        """The resolved configuration as the plain tree that meta/config.toml holds.

        The output's path is left out, so that the same build in another folder gives the same bytes, and
        the file of removals, whose names go to meta/removals.txt.
        """
        tree: dict[str, object] = {
            "source": [{"kind": source_name(source), **_plain(source)} for source in self.sources]
        }
        for name, section in _plain(self.settings).items():
            tree[name] = section
        tree["filter"] = self.settings.filter.chosen()
        for name in ("path", "removals"):
            typing.cast(dict[str, object], tree["output"]).pop(name)
        return tree


def source_name(source: Source) -> str:
    """The name under which the configuration asks for this source's kind."""
    cls = type(source)
    return source.kind if SOURCES.get(source.kind) is cls else f"{cls.__module__}:{cls.__qualname__}"


def load_config(path: Path, overrides: Sequence[str] = ()) -> BuildConfig:
    """Read a configuration file; `overrides` are "section.key=value" with a TOML value or a bare word.

    Raises:
        ConfigError: in one line, what is wrong and the nearest right thing.
    """
    tree = read_toml(path)
    apply_overrides(tree, overrides)
    return parse_config(tree)


def read_toml(path: Path) -> dict[str, object]:
    """Read a TOML file as a plain tree.

    Raises:
        ConfigError: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # not only TOMLDecodeError: bytes, numbers of 5000 digits
        raise ConfigError(f"{path}: not valid TOML: {error}") from error


def apply_overrides(tree: dict[str, object], overrides: Sequence[str]) -> None:
    """Change a plain tree by "section.key=value" texts.

    Raises:
        ConfigError: one is not of that form.
    """
    for override in overrides:
        _override(tree, override)


def parse_config(tree: Mapping[str, object]) -> BuildConfig:
    """Turn a plain tree, as TOML gives it, into a checked configuration.

    Raises:
        ConfigError: in one line, what is wrong and the nearest right thing.
    """
    settings = parse_sections(tree, BuildSettings, ["source"])
    blocks = tree.get("source", [])
    if not isinstance(blocks, list) or not blocks or not all(isinstance(block, dict) for block in blocks):
        raise ConfigError(
            'source: at least one [[source]] block is needed, such as kind = "video", path = "clips/"'
        )
    sources = tuple(_source(block, f"source[{number}]") for number, block in enumerate(blocks))
    check_values(settings)
    check_cameras(sources, settings)
    check_numbers(sources, settings)
    return BuildConfig(sources=sources, settings=settings)


def parse_sections(tree: Mapping[str, object], cls: type[T], further: Sequence[str] = ()) -> T:
    """Turn a plain tree into a dataclass of dataclasses, one a section; `further` names may stand there too.

    Raises:
        ConfigError: a name is unknown, or a value of another type.
    """
    sections = {field.name: field for field in dataclasses.fields(typing.cast(typing.Any, cls))}
    _refuse_unknown(tree, [*further, *sections], "")
    parsed: dict[str, object] = {}
    for name, field in sections.items():
        section = tree.get(name, {})
        if not isinstance(section, dict):
            raise ConfigError(f"{name}: must be a section [{name}], got {section!r}")
        parsed[name] = _dataclass(typing.cast(type, field.type), section, name)
    return cls(**parsed)


def dump_config(config: BuildConfig) -> str:
    """The resolved configuration as TOML text."""
    return tomli_w.dumps(config.as_dict())


def difference(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """Name every setting that two plain configurations differ in: "section.key: old -> new"."""
    before, after = _flat(old), _flat(new)
    lines = []
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            lines.append(f"{key}: {before.get(key, '(absent)')!r} -> {after.get(key, '(absent)')!r}")
    return lines


def _flat(tree: object, prefix: str = "") -> dict[str, object]:
    if isinstance(tree, Mapping):
        children = [(f"{prefix}.{name}" if prefix else str(name), child) for name, child in tree.items()]
    elif isinstance(tree, list) and any(isinstance(child, Mapping) for child in tree):
        children = [(f"{prefix}[{number}]", child) for number, child in enumerate(tree)]
    else:
        return {prefix: tree}
    return {key: value for name, child in children for key, value in _flat(child, name).items()}


def _plain(settings: object) -> dict[str, object]:
    """A dataclass as TOML-ready values: nested dicts, lists, strings and numbers."""

    def convert(value: object) -> object:
        if isinstance(value, dict):
            return {key: convert(child) for key, child in value.items()}
        return [convert(child) for child in value] if isinstance(value, (tuple, list)) else value

    return typing.cast(dict[str, object], convert(dataclasses.asdict(typing.cast(typing.Any, settings))))


def _override(tree: dict[str, object], override: str) -> None:
    malformed = ConfigError(
        f"--set {override!r}: write section.key=value, such as motion.epsilon=1.5 or source.0.path=clips/"
    )
    name, sign, text = override.partition("=")
    parts = name.strip().split(".")
    if not sign or not all(parts):
        raise malformed
    target: object = tree.setdefault(parts[0], {})
    if parts[0] == "source":
        number, parts = (parts[1], ["source", parts[2]]) if len(parts) == 3 else ("0", parts)
        if not isinstance(target, list) or not number.isdecimal() or int(number) >= len(target):
            raise ConfigError(f"--set {override!r}: there is no [[source]] number {number}")
        target = target[int(number)]
    if not isinstance(target, dict) or len(parts) != 2:
        raise malformed
    target[parts[1]] = _toml_value(text.strip())


def _toml_value(text: str) -> object:
    """Read a TOML value; what is none is a bare word, as a person types it."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return parsed["value"] if len(parsed) == 1 else text


def _source(block: Mapping[str, object], where: str) -> Source:
    kind = block.get("kind")
    if not isinstance(kind, str):
        raise ConfigError(
            f"{where}.kind: must name a source, one of {', '.join(sorted(SOURCES))}; got {kind!r}"
        )
    try:
        cls = source_class(kind)
    except ValueError as error:
        raise ConfigError(f"{where}.kind = {kind!r}: {error}") from error
    rest = {key: value for key, value in block.items() if key != "kind"}
    try:
        return typing.cast(Source, _dataclass(cls, rest, where))
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error


def _dataclass(cls: type, values: Mapping[str, object], where: str) -> object:
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    _refuse_unknown(values, list(fields), f"{where}.")
    for name, field in fields.items():
        no_default = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if no_default and name not in values:
            raise ConfigError(f"{where}.{name}: must be given")
    return cls(**{name: _value(hints[name], value, f"{where}.{name}") for name, value in values.items()})


def _value(hint: object, value: object, where: str) -> object:
    if typing.get_origin(hint) is tuple and isinstance(value, list):
        return tuple(_value(typing.get_args(hint)[0], child, where) for child in value)
    if typing.get_origin(hint) is dict and isinstance(value, dict):
        kind = typing.get_args(hint)[1]
        return {key: _value(kind, child, f"{where}.{key}") for key, child in value.items()}
    if type(value) is int and abs(value) >= 2**63:
        raise ConfigError(f"{where} = {str(value)[:20]}...: must be a number of 64 bits")
    if hint is float and type(value) is int:
        return float(value)
    expected = typing.get_origin(hint) or hint
    if not isinstance(expected, type) or type(value) is not expected:
        name = {
            int: "a whole number",
            float: "a number",
            str: "a text",
            bool: "true or false",
            tuple: "a list",
            dict: "a table such as {max = 0.1}",
        }
        raise ConfigError(f"{where} = {value!r}: must be {name.get(typing.cast(type, expected), expected)}")
    return value


def _refuse_unknown(values: Mapping[str, object], known: Sequence[str], prefix: str) -> None:
    for key in values:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
            raise ConfigError(f"{prefix}{key} = {values[key]!r}: unknown; did you mean {prefix}{close[0]}?")


def output_of(config: BuildConfig, out: str) -> str:
    """Where the build goes, a path or a URI: `out` of the command line, else output.path."""
    return out or config.settings.output.path
