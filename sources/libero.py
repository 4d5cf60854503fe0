"""Demonstrations of LIBERO's tasks: robomimic's layout with the task in words, and pictures upside down."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from somtom.schemas.reasons import DataError
from somtom.sources.hdf5_episodes import peek_files
from somtom.sources.hdf5_files import group_at
from somtom.sources.robomimic import DemoSource, json_attribute, look_for_demos
from somtom.sources.source import Found


@dataclass(frozen=True)
class LiberoSource(DemoSource):
    """Demonstrations of LIBERO's tasks, one HDF5 file a task."""

    kind: ClassVar[str] = "libero"
    usual_states: ClassVar[tuple[str, ...]] = ("ee_states", "gripper_states", "joint_states")

    turn: str = "flip"  # pictures are stored upside down: none | flip (top to bottom) | rotate (180)

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """Look for data/demo_i and the task's words in the first file; see `Source.recognise`."""
        return peek_files(path, partial(look_for_demos, is_libero=True))

    def file_instruction(self, locator: str, file: Any, demo: str, env: Mapping[str, Any]) -> str:
        """The task in words, which all demonstrations of a file share; see `DemoSource`."""
        problem = json_attribute(locator, group_at(file, "data"), "problem_info")
        words = problem.get("language_instruction", "")
        if not isinstance(words, str):
            raise DataError("bad_record", f"language_instruction must be a text, is {type(words).__name__}")
        # Some files hold the words in quotes.
        return words.strip().strip('"')

    def acts_on_pose(self, env: Mapping[str, Any]) -> bool:
        """All of LIBERO's actions are changes of pose; see `DemoSource`."""
        return True
