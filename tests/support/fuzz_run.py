"""Runs many damaged files through the readers, in a process that is watched: `make fuzz`.

    python tests/support/fuzz_run.py --count 10000 --seed 1 [--only WORD] [--data DIR] [--out figures.json]

One child process does case after case of target after target. It has a limit on its memory, each case one on
its time; where it dies or hangs a fresh one goes on behind that case. A case is named by target, seed and
number, and is the same each time: `--only TARGET --seed S --case N` does it again, with its traceback.
"""

import argparse
import faulthandler
import json
import os
import random
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LIMIT_S = 60.0  # for one file, on a machine that is busy with other things
LIMIT_BYTES = 3 << 30  # of private memory, libraries included
ROOT = Path(__file__).resolve().parent.parent.parent
Stretch = tuple[str, int, int]  # target, first case, end


@dataclass
class Figures:
    """What came of the files of one target."""

    files: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    peak_mb: float = 0.0

    def add(self, case: dict[str, Any]) -> None:
        """Count one file."""
        self.files += 1
        self.outcomes[case["outcome"]] += 1
        if case["outcome"] == "FAULT":
            self.faults.append(f"case {case['case']} ({case['file']}): {case['said']}")
        self.slowest_s = max(self.slowest_s, case["cpu_s"])
        self.peak_mb = max(self.peak_mb, case["peak_mb"])


class Target:
    """Something that reads: a source with its seed files, or a use of a finished data set."""

    def __init__(self, name: str, folder: Path, data_set: Path | None) -> None:
        from fuzz_cases import USES, victims
        from fuzz_seeds import SEEDS

        self.name, self.folder = name, folder
        if name in SEEDS:
            self._tree = SEEDS[name](folder)
        elif name in USES and data_set is not None:
            shutil.copytree(data_set, folder)
            self._use = USES[name]
        else:
            raise SystemExit(f"no target {name!r}")
        self._victims = victims(folder)
        self._is_source = name in SEEDS

    def run(self, seed: int, case: int, work: Path) -> tuple[str, str]:
        """Damage one file, read, and mend it; returns which file and the outcome."""
        from fuzz import mutate
        from fuzz_cases import emptied, read_source, run_case

        rng = random.Random(f"{self.name} {seed} {case}")
        path = rng.choice(rng.choice(self._victims))
        whole = path.read_bytes()
        path.write_bytes(mutate(whole, rng))
        emptied(work)
        try:
            if self._is_source:
                outcome = run_case(lambda: read_source(self._tree, work))
            else:
                outcome = run_case(lambda: self._use(self.folder, work))
        finally:
            path.write_bytes(whole)
        return path.relative_to(self.folder).as_posix(), outcome


def child(plan: Sequence[Stretch], seed: int, data_set: Path | None, scratch: Path) -> None:
    """Do the cases and say of each, on the real standard output, when it begins and what came of it."""
    import cv2

    from somtom.transforms import retry

    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    cv2.setNumThreads(1)
    retry.FIRST_WAIT_S = 0.0  # a file that cannot be read stays so
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT_BYTES, LIMIT_BYTES))
    for name, first, end in plan:
        target = Target(name, scratch / "in" / name, data_set)
        for case in range(first, end):
            print(json.dumps({"target": name, "begun": case}), file=out)
            print(json.dumps({"target": name, **_do(target, seed, case, scratch / "work")}), file=out)


def _do(target: "Target", seed: int, case: int, work: Path) -> dict[str, Any]:
    faulthandler.dump_traceback_later(LIMIT_S * 0.8)
    Path("/proc/self/clear_refs").write_text("5")  # the peak is this case's own
    before, started = _memory_mb("VmRSS"), time.process_time()
    said, file = "", ""
    try:
        file, outcome = target.run(seed, case, work)
    except Exception as error:  # whatever it is, it is a fault
        traceback.print_exc()
        said, outcome = f"{type(error).__name__} at {_place_of(error)}: {str(error)[:200]}", "FAULT"
    faulthandler.cancel_dump_traceback_later()
    spent = {"cpu_s": time.process_time() - started, "peak_mb": _memory_mb("VmHWM") - before}
    return {"case": case, "file": file, "outcome": outcome, "said": said, **spent}


def _place_of(error: Exception) -> str:
    """The innermost line of ours that was at work."""
    places = traceback.extract_tb(error.__traceback__)
    ours = [one for one in places if str(ROOT) in one.filename and "site-packages" not in one.filename]
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"


def _memory_mb(what: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))


def fuzz(
    plan: Sequence[Stretch],
    seed: int,
    data_set: Path | None = None,
    log: Any = subprocess.DEVNULL,
    tell: Callable[[str, Figures], object] = lambda name, figures: None,
) -> dict[str, Figures]:
    """Run the cases of each stretch (target, first case, end) through children, whose errors go to `log`.

    `tell` is given each target and its figures when it is through.
    """
    found = {name: Figures() for name, _, _ in plan}
    left = list(plan)
    while left:
        with tempfile.TemporaryDirectory() as scratch:
            command = [sys.executable, str(Path(__file__)), "--child", json.dumps(left)]
            environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            with subprocess.Popen(
                [*command, str(seed), str(data_set or ""), scratch],
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
            ) as process:
                left = _watch(process, found, left, tell)
    return found


def _watch(
    process: "subprocess.Popen[bytes]", found: dict[str, Figures], left: list[Stretch], tell: Any
) -> list[Stretch]:
    """Follow a child to its end; returns what is left to do."""
    assert process.stdout is not None
    at, is_begun, waiting = left[0][1], False, b""
    while left:
        ready, _, _ = select.select([process.stdout], [], [], LIMIT_S if is_begun else 10 * LIMIT_S)
        data = os.read(process.stdout.fileno(), 1 << 16) if ready else b""
        name, _, end = left[0]
        if not data:
            process.kill()
            status = process.wait()
            if not is_begun:
                raise SystemExit(f"the child could not begin with {name}: status {status}")
            said = f"the process died: status {status}" if ready else f"no answer in {LIMIT_S:g} s"
            gone = {"case": at, "file": "", "outcome": "FAULT", "said": said, "cpu_s": 0, "peak_mb": 0}
            found[name].add(gone)
            return [(name, at + 1, end), *left[1:]] if at + 1 < end else left[1:]
        *lines, waiting = (waiting + data).split(b"\n")
        for line in map(json.loads, lines):
            name, _, end = left[0]
            is_begun = "begun" in line
            if is_begun:
                at = line["begun"]
                continue
            found[name].add(line)
            at = line["case"] + 1
            if at == end:
                tell(name, found[name])
                left = left[1:]
    return left


def draw_data_set(folder: Path) -> Path:
    """A finished data set of every modality, whose files are damaged."""
    from mixed_dataset import draw_mixed_dataset

    draw_mixed_dataset(folder / "in", folder / "out")
    return folder / "out"


def main() -> None:
    """The command line."""
    if sys.argv[1:2] == ["--child"]:
        plan, seed, data_set, scratch = sys.argv[2:]
        child(json.loads(plan), int(seed), Path(data_set) if data_set else None, Path(scratch))
        return
    from fuzz_cases import USES
    from fuzz_seeds import SEEDS

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=10_000, help="damaged files in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="targets whose name begins so")
    parser.add_argument("--case", type=int, default=-1, help="this one alone, with its traceback")
    parser.add_argument("--out", type=Path, default=None, help="figures as JSON")
    options = parser.parse_args()
    names = [name for name in (*SEEDS, *USES) if name.startswith(options.only)]
    if not names:
        parser.error(f"no target begins with {options.only!r}; there are {', '.join((*SEEDS, *USES))}")
    one = options.case >= 0
    first, end = (options.case, options.case + 1) if one else (0, -(-options.count // len(names)))
    with tempfile.TemporaryDirectory() as scratch:
        data_set = draw_data_set(Path(scratch)) if any(name in USES for name in names) else None
        plan = [(name, first, end) for name in names]
        found = fuzz(plan, options.seed, data_set, sys.stderr if one else subprocess.DEVNULL, _tell)
    if options.out:
        options.out.write_text(json.dumps({name: vars(one) for name, one in found.items()}, indent=1))
    sys.exit(any(figures.faults for figures in found.values()))


def _tell(name: str, figures: Figures) -> None:
    came = ", ".join(f"{why} {count}" for why, count in figures.outcomes.most_common())
    cost = f"slowest {figures.slowest_s:.1f} s, memory +{figures.peak_mb:.0f} MB"
    lines = [f"{name}: {figures.files} files: {came}; {cost}", *(f"  {one}" for one in figures.faults)]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
