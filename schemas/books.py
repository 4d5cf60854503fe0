"""The books of a build: for each source and stage, inputs = samples + filtered + failed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from somtom.schemas.reasons import FILTERED, REASONS, Reject

SCAN, LABEL = "scan", "label"
STAGES = (SCAN, LABEL)  # what goes in: files and episodes; refs


@dataclass(frozen=True)
class Books:
    """What became of one source's inputs at one stage.

    Args:
        source: the data set's name.
        stage: "scan" (inputs are files or episodes) or "label" (inputs are refs).
        inputs: how many went in.
        samples: how many went on.
        reasons: (reason, how many), in the order of the alphabet.
    """

    source: str
    stage: str
    inputs: int
    samples: int
    reasons: tuple[tuple[str, int], ...] = ()

    @property
    def filtered(self) -> int:
        """Inputs left out on purpose."""
        return sum(count for reason, count in self.reasons if REASONS[reason][0] == FILTERED)

    @property
    def failed(self) -> int:
        """Inputs that could not be used."""
        return sum(count for reason, count in self.reasons) - self.filtered

    @property
    def balanced(self) -> bool:
        """Whether every input is accounted for."""
        return self.inputs == self.samples + self.filtered + self.failed


def count_books(
    stage: str, inputs: Mapping[str, int], samples: Mapping[str, int], rejects: Iterable[Reject]
) -> list[Books]:
    """Keep the books of one stage from inputs and samples per source and the rejects, one Books a source."""
    reasons: dict[str, Counter[str]] = {}
    for reject in rejects:
        if reject.stage == stage:
            reasons.setdefault(reject.source, Counter())[reject.reason] += 1
    sources = sorted({*inputs, *samples, *reasons})
    return [
        Books(
            source,
            stage,
            inputs.get(source, 0),
            samples.get(source, 0),
            tuple(sorted(reasons.get(source, Counter()).items())),
        )
        for source in sources
    ]


def add_books(books: Iterable[Books]) -> list[Books]:
    """Add up what belongs to the same stage and source; ordered by stage, then source."""
    together: dict[tuple[int, str], tuple[int, int, Counter[str]]] = {}
    for one in books:
        place = (STAGES.index(one.stage), one.source)
        inputs, samples, reasons = together.get(place, (0, 0, Counter()))
        together[place] = (inputs + one.inputs, samples + one.samples, reasons + Counter(dict(one.reasons)))
    return [
        Books(source, STAGES[stage], inputs, samples, tuple(sorted(reasons.items())))
        for (stage, source), (inputs, samples, reasons) in sorted(together.items())
    ]


def require_balance(books: Iterable[Books]) -> None:
    """Raise when an input is not accounted for.

    Raises:
        ValueError: naming the first source whose books do not balance.
    """
    for one in books:
        if not one.balanced:
            raise ValueError(
                f"the books of {one.source} do not balance at {one.stage}: {one.inputs} inputs, but "
                f"{one.samples} samples + {one.filtered} filtered + {one.failed} failed"
            )
