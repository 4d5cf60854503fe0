"""What `somtom sources` prints: every kind with its settings, taken from the dataclasses themselves."""

import dataclasses
import inspect
import re
from collections.abc import Iterator

from somtom.pipelines.config_rules import ConfigError
from somtom.sources.sources import SOURCES, source_class

# A field as it stands in the source of a class: its name, type, default and the comment beside it.
_FIELD = re.compile(r"^    (\w+): ([^=#\n]+?)(?: = (.+?))?  # (.+)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Setting:
    """One setting of a kind: its default, in TOML, is "" where it must be given."""

    name: str
    type: str
    default: str
    meaning: str


def kind_lines(kind: str = "") -> Iterator[str]:
    """Describe one kind, or all.

    Raises:
        ConfigError: there is no such kind.
    """
    try:
        kinds = {kind: source_class(kind)} if kind else SOURCES
    except ValueError as error:
        raise ConfigError(str(error)) from error
    for name, cls in kinds.items():
        yield f"{name}: {(inspect.getdoc(cls) or '').splitlines()[0]}"
        settings = settings_of(cls)
        widths = [max(len(text) for text in column) for column in zip(*map(_cells, settings), strict=True)]
        for setting in settings:
            cells = (text.ljust(width) for text, width in zip(_cells(setting), widths, strict=True))
            yield f"  {'  '.join(cells)}  {setting.meaning}".rstrip()
        yield ""


def _cells(setting: Setting) -> tuple[str, str, str]:
    default = f"= {setting.default}" if setting.default else "(must be given)"
    return setting.name, setting.type, default


def settings_of(cls: type) -> list[Setting]:
    """List the settings of a source's class in their order; a meaning is the comment beside the field."""
    written: dict[str, tuple[str, str]] = {}
    for base in reversed(cls.__mro__):
        if dataclasses.is_dataclass(base):
            for name, kind, _, meaning in _FIELD.findall(inspect.getsource(base)):
                written[name] = (kind, meaning)
    settings = []
    for field in dataclasses.fields(cls):
        kind, meaning = written.get(field.name, (str(field.type), ""))
        settings.append(Setting(field.name, _TYPES.get(kind, kind), _default(field), meaning))
    return settings


_TYPES = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "tuple[str, ...]": "list of texts",
}


def _default(field: "dataclasses.Field[object]") -> str:
    """A field's default as it would stand in the configuration, "" where it must be given."""
    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
        return ""
    value = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    return toml_value(value)


def toml_value(value: object) -> str:
    """Write a setting as TOML.

    >>> toml_value(True), toml_value("a\\n"), toml_value(("x", "y")), toml_value(1.0)
    ('true', '"a\\\\n"', '["x", "y"]', '1.0')
    """
    import tomli_w

    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(one) for one in value)}]"
    return tomli_w.dumps({"v": value}).removeprefix("v = ").rstrip("\n")
