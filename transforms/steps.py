"""What a stage is made of: tasks, and the step done with each. Knows no Beam, whose import takes a second."""

from typing import Any, Protocol


class Task(Protocol):
    """A stage's element: small and typed, pixels never cross a shuffle."""

    @property
    def name(self) -> str:
        """Unique within the stage; a file name."""
        ...


class Step(Protocol):
    """What a stage does with each task; sent to the workers, so it must be picklable."""

    def run(self, task: Any) -> int:
        """Do the task to its end and write what it makes; safe to run again. Returns how much it made."""
        ...
