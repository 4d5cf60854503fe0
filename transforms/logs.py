"""What is logged, in the driver and in all workers: lines for people, or a JSON object a line for machines.

Each names the input that the thread has in hand, whoever logs.
"""

import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from somtom.schemas.shown import shown

if TYPE_CHECKING:
    from somtom.schemas.refs import Ref  # whose NumPy a command line does not need that only complains

OURS = "somtom"
TRACEBACK = "traceback"  # what a record may hold besides: of an error that another process raised
LEVELS = ("debug", "info", "warning", "error")

# What the thread works on: the stage with its shard or task, and the input of it that is in hand.
_TASK: ContextVar[dict[str, object]] = ContextVar("somtom_task", default={})  # noqa: B039  # never changed
_INPUT: ContextVar[dict[str, object]] = ContextVar("somtom_input", default={})  # noqa: B039


@contextlib.contextmanager
def working_on(**fields: object) -> Iterator[None]:
    """Name what the block works on in all that is logged in it: `stage`, and `shard` or `task`."""
    task, one = _TASK.set(fields), _INPUT.set({})
    try:
        yield
    finally:
        _INPUT.reset(one)
        _TASK.reset(task)


def take_in_hand(dataset: str, uri: str) -> None:
    """Name the input that is worked on from now on."""
    _INPUT.set({"dataset": dataset, "uri": uri})


def take_clip(ref: "Ref") -> None:
    """Name the clip that is worked on from now on; `run` is the number of its run within the input."""
    _INPUT.set({"dataset": ref.dataset, "key": ref.key, "uri": ref.uri, "run": ref.run})


@dataclass(frozen=True)
class Logs:
    """How is logged: a name in `FORMATS`, and the least of `LEVELS` of our own lines."""

    form: str = "text"
    level: str = "warning"


class _Text(logging.Formatter):
    """Names of strangers' files do nothing on a terminal; what a library raised keeps its lines."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        first, *rest = super().format(record).split("\n")
        here = _INPUT.get()
        named = str(here.get("key") or here.get("uri", ""))
        if named and named not in first:
            first = f"{first} [{named}]"
        return "\n".join(map(shown, (first, *rest)))


class _Json(logging.Formatter):
    """See docs/observability.md for the fields."""

    def format(self, record: logging.LogRecord) -> str:
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields = {
            "time": f"{when}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_TASK.get(),
            **_INPUT.get(),
            "pid": os.getpid(),
        }
        raised = self.formatException(record.exc_info) if record.exc_info else getattr(record, TRACEBACK, "")
        if raised:
            fields["exception"] = raised
        return json.dumps(fields, default=str)


FORMATS: dict[str, type[logging.Formatter]] = {"text": _Text, "json": _Json}


class _Standard(logging.StreamHandler):  # type: ignore[type-arg]  # not subscriptable at run time
    """Writes to what is the standard error now, errors of others and whatever of ours has its level."""

    def __init__(self, logs: Logs) -> None:
        super().__init__()
        self.logs = logs
        self.addFilter(_is_wanted)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def _is_wanted(record: logging.LogRecord) -> bool:
    library = record.name.partition(".")[0]
    # Beam remarks on every package that it could use, and prints what a task raised, in many lines: that
    # comes back to the driver, which says it once.
    least = {OURS: logging.DEBUG, "apache_beam": logging.CRITICAL}.get(library, logging.ERROR)
    return record.levelno >= least


def _handler() -> _Standard | None:
    return next((one for one in logging.getLogger().handlers if isinstance(one, _Standard)), None)


def current_logs() -> Logs:
    """How this process logs."""
    handler = _handler()
    return handler.logs if handler is not None else Logs()


def configure_logging(logs: Logs | None = None) -> None:
    """Log to the standard error, unless somebody else has set up logging here before."""
    logs = logs or Logs()
    root = logging.getLogger()
    handler = _handler()
    if handler is None and not root.handlers:
        handler = _Standard(logs)
        root.addHandler(handler)
        root.setLevel(logging.ERROR)
    if handler is not None:
        handler.logs = logs
        handler.setFormatter(FORMATS[logs.form]())
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    logging.getLogger(OURS).setLevel(logs.level.upper())


def log_from_harness(logs: Logs) -> None:
    """Log in a process that Beam has started, whose own handler sends records to the runner: there, too.

    What else Beam has set up there prints all that it says itself.
    """
    root = logging.getLogger()
    if _handler() is None:
        for other in [other for other in root.handlers if type(other) is logging.StreamHandler]:
            root.removeHandler(other)
        root.addHandler(_Standard(logs))
    for one in root.handlers:
        one.setFormatter(FORMATS[logs.form]())
    logging.getLogger(OURS).setLevel(logs.level.upper())
