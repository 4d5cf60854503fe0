"""What a driver does for an output that may lie elsewhere than in the folder it works on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from somtom.schemas.plan_table import PlannedShard
from somtom.transforms.noted import NotedStep
from somtom.transforms.place import InFolder, Place
from somtom.transforms.steps import Step


class Upkeep(Protocol):
    """Carries what changes between the driver's folder and the output: `OnDisk` or `mirror.Mirror`."""

    def place(self, folder: Path, is_elsewhere: bool) -> Place:
        """Where steps write, whose workers may be on other machines."""
        ...

    def gather(self, planned: Sequence[PlannedShard]) -> None:
        """Bring all that was made to the folder, and see that it is whole."""
        ...

    def fetch(self, *names: str) -> None:
        """Bring files that steps have written to the folder."""
        ...

    def keep_plan(self) -> None:
        """Make the tables of a new plan, which lie ready, outlive this machine."""
        ...

    def share(self, locators: Sequence[str], is_elsewhere: bool) -> tuple[str, ...]:
        """Name files of the folder as workers see them, who may be on other machines."""
        ...

    def noted(self, step: Step, notes: Path, is_elsewhere: bool) -> Step:
        """The step, leaving notes of its end where `look` finds them."""
        ...

    def look(self, closely: bool = False) -> None:
        """Bring the notes that steps have left to the folder; `closely`: of what is in hand, too."""
        ...

    def tell(self, tasks: Collection[str]) -> None:
        """Bring who is blamed, and what is in hand no longer, to where the steps of these tasks look."""
        ...

    def save(self) -> None:
        """Make the output equal to the folder."""
        ...


@dataclass(frozen=True)
class OnDisk:
    """The folder is the output itself."""

    def place(self, folder: Path, is_elsewhere: bool) -> Place:
        """The folder, whoever writes."""
        return InFolder(folder)

    def gather(self, planned: Sequence[PlannedShard]) -> None:
        """Nothing is to be done."""

    def fetch(self, *names: str) -> None:
        """Nothing is to be done."""

    def keep_plan(self) -> None:
        """Nothing is to be done."""

    def share(self, locators: Sequence[str], is_elsewhere: bool) -> tuple[str, ...]:
        """As they are: all workers see the folder."""
        return tuple(locators)

    def noted(self, step: Step, notes: Path, is_elsewhere: bool) -> Step:
        """Notes lie in the folder."""
        return NotedStep(step, notes)

    def look(self, closely: bool = False) -> None:
        """Nothing is to be done."""

    def tell(self, tasks: Collection[str]) -> None:
        """Nothing is to be done."""

    def save(self) -> None:
        """Nothing is to be done."""
