"""A step that leaves the notes of its end in a store, for workers that share no folder with the driver.

What a worker has in hand is not noted: that would cost a request a clip. So of a worker that dies nobody
knows which clip is to blame; the runner gives its task to another one, and ends the run when that goes on.
"""

import traceback
from dataclasses import dataclass

from somtom.schemas.folder import META
from somtom.transforms.noted import MADE, RAISED
from somtom.transforms.steps import Step, Task
from somtom.transforms.store import Store

NOTES = f"{META}/work/notes"


@dataclass(frozen=True)
class NotedInStore:
    """Another step's work, with notes.

    Args:
        step: what is done.
        uri: of the data set.
    """

    step: Step
    uri: str

    def run(self, task: Task) -> int:
        """Do the task; returns how much it made."""
        store = Store(self.uri)
        try:
            number = self.step.run(task)
        except Exception:
            store.write(f"{NOTES}/{task.name}{RAISED}", traceback.format_exc().encode())
            raise
        store.write(f"{NOTES}/{task.name}{MADE}", b"")
        return number
