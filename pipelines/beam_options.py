"""Options for Beam as they stand on a command line: looked up, completed, checked before anything runs."""

import argparse
import difflib
from collections.abc import Collection, Sequence

from somtom.pipelines.config_rules import ConfigError


def values_of(arguments: Sequence[str], *names: str) -> list[str]:
    """All values given for an option under one of its names, as "--name=value" or "--name value"."""
    found = []
    for index, one in enumerate(arguments):
        name, equals, value = one.removeprefix("--").partition("=")
        if one.startswith("--") and name in names:
            follows = arguments[index + 1 : index + 2]
            found.append(value if equals else "".join(one for one in follows if not one.startswith("--")))
    return found


def is_given(arguments: Sequence[str], *names: str) -> bool:
    """Whether an option stands there under one of its names."""
    return bool(values_of(arguments, *names))


def value_of(arguments: Sequence[str], *names: str) -> str:
    """The last value given for an option, "" where there is none."""
    return (values_of(arguments, *names) or [""])[-1]


def with_default(arguments: Sequence[str], name: str, value: str) -> list[str]:
    """The arguments with `--name=value` in front, unless the user gave that option."""
    return list(arguments) if is_given(arguments, name) else [f"--{name}={value}", *arguments]


def refuse_unknown(arguments: Sequence[str]) -> None:
    """Refuse what Beam does not know: it would only warn, and run without.

    Raises:
        ConfigError: naming the nearest option.
    """
    from apache_beam.options.pipeline_options import PipelineOptions

    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for kind in PipelineOptions.__subclasses__():
        with_options = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        kind._add_argparse_args(with_options)
        for action in with_options._actions:
            if action.option_strings and not set(action.option_strings) & set(parser._option_string_actions):
                parser._add_action(action)
    known = [name for name in parser._option_string_actions if name.startswith("--")]
    _, rest = parser.parse_known_args([*arguments])
    for one in rest:
        name = one.partition("=")[0]
        raise ConfigError(f"{one}: Beam has no such option; nearest: {nearest(name, known)}")


def nearest(name: str, names: Collection[str]) -> str:
    """The name that is spelt most like it."""
    return difflib.get_close_matches(name, sorted(names), n=1, cutoff=0.0)[0]
