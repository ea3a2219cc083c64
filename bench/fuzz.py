"""Give the action whatever a workflow could give it, and see that it never fails by itself.

Usage: .venv/bin/python bench/fuzz.py                          two minutes, seed 0
       .venv/bin/python bench/fuzz.py --minutes 10 --seed 7    longer, other cases
       .venv/bin/python bench/fuzz.py --cases 300 --whole 0    this many, none of them with real workers
       .venv/bin/python bench/fuzz.py --replay bench/results/fuzz/0-17.json   one that has failed, again

A case is what a runner gives: all inputs, a config file, events, command files that cannot be written, odd addresses;
values are those that are meant, nearly right ones, and such as are meant to break something. Most cases are run in this
process, where a worker only seems to have worked: it says what another did once, or nothing, or hands over a link
instead of a file. Every ``--whole``-th case is a process of its own with real workers; none asks a network.

What must hold of each stands in bench/_fuzz_check.py: no traceback, documented exit codes and never 1, outputs that the
runner and act read, no command but ours, a report that fits its schema, no secret anywhere, nothing written outside of
the workspace. Cases that fail are kept in bench/results/fuzz, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from _common import REPOSITORY
from _fuzz_cases import Case, make_case
from _fuzz_check import faults
from _fuzz_run import Ended, prepare, run_here, run_whole

#: What reads without an end is to fail, and not to take the whole machine with it.
MEMORY = 6 << 30
KEPT = REPOSITORY / "bench" / "results" / "fuzz"


@dataclass
class Tally:
    """What came of the cases: how many of each kind, exit codes, and those that failed."""

    kinds: Counter[str] = field(default_factory=Counter)
    codes: Counter[int | None] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        """How many cases there were."""
        return self.codes.total()


def fuzz(seed: int, *, cases: int | None, minutes: float, whole: int, kept: Path) -> Tally:
    """Run cases from number 0 until there were as many, or the time is over; ``whole`` is 0 for none of that kind."""
    tally = Tally()
    end = time.monotonic() + minutes * 60
    while (cases is None or tally.cases < cases) and time.monotonic() < end:
        number = tally.cases
        case = make_case(seed, number)
        as_process = bool(whole) and number % whole == whole - 1
        found, ended = try_case(case, as_process=as_process)
        tally.codes[ended.code] += 1
        tally.kinds["as processes" if as_process else "in this process"] += 1
        tally.kinds["with a specification that led to a worker"] += bool(ended.worked)
        if found:
            kept.mkdir(parents=True, exist_ok=True)
            file = kept / f"{seed}-{number}.json"
            file.write_text(case.dumps())
            tally.failed.append(f"{file}{' --whole 1' if as_process else ''}: {'; '.join(found)}")
    return tally


def try_case(case: Case, *, as_process: bool) -> tuple[list[str], Ended]:
    """Run one case in folders of its own: what is wrong with it, and how it ended."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as root:
        place, environ = prepare(case, Path(root))
        ended = run_whole(environ, place) if as_process else run_here(case, environ)
        return list(faults(case, environ, place, ended)), ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run the cases and say what came of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--cases", type=int, help="default: as many as there is time for")
    parser.add_argument("--whole", type=int, default=200, help="one case in so many is a process of its own; 0: none")
    parser.add_argument("--replay", type=Path, help="a case that was kept; with --whole 1 as a process of its own")
    arguments = parser.parse_args(argv)
    if arguments.replay:
        found, ended = try_case(Case.loads(arguments.replay.read_text()), as_process=arguments.whole == 1)
        print(ended.output, *found, f"exit code {ended.code}", sep="\n")
        return 1 if found else 0
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    tally = fuzz(arguments.seed, cases=arguments.cases, minutes=arguments.minutes, whole=arguments.whole, kept=KEPT)
    print(f"{tally.cases} cases, seed {arguments.seed}; {len(tally.failed)} failed")
    print(*(f"  {count} {kind}" for kind, count in tally.kinds.items()), sep="\n")
    print("  exit codes: " + ", ".join(f"{code}: {count}" for code, count in sorted(tally.codes.items(), key=str)))
    print(*tally.failed, sep="\n", file=sys.stderr)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
