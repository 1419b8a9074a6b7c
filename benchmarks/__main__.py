"""Every budget, measured: one line each with its ratio to something measured in the same run.

`python -m benchmarks` measures all; `--quick` leaves out the demo and the proof. Exits 1 if a budget is
broken. Nothing here is a test: figures of a busy machine say little, ratios more.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import tls, views

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 7
DEMO_GOAL_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure beside its budget (same unit), and beside what it is compared with."""

    name: str
    value: float
    budget: float
    unit: str
    ratio: str
    """Such as `6 x python -c pass`."""

    @property
    def holds(self) -> bool:
        """True within the budget."""
        return self.value <= self.budget

    def __str__(self) -> str:
        verdict = "holds" if self.holds else "BROKEN"
        return (
            f"{self.name:<34} {self.value:8.2f} {self.unit:<3} of {self.budget:<6g} {verdict:<7} {self.ratio}"
        )


def seconds(*arguments: str, codes: tuple[int, ...] = (0,)) -> float:
    """Wall time of one process of this Python. RuntimeError if it ends with another code than expected."""
    environment = os.environ | {"NO_COLOR": "1"}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, check=False
    )
    spent = time.perf_counter() - started
    if done.returncode not in codes:
        told = done.stderr.decode(errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}:\n{told}")
    return spent


def repeated(*arguments: str) -> float:
    """Median wall time of some processes, after one that warms up."""
    seconds(*arguments)
    return median(seconds(*arguments) for _ in range(ROUNDS))


def start_up() -> Iterator[Measure]:
    """Commands that only read; the ratio is to a Python that does nothing."""
    bare = repeated("-c", "pass")
    for name, budget, arguments in (
        ("--help", 0.3, ("--help",)),
        ("list", 0.5, ("list",)),
        ("list checks", 0.5, ("list", "checks")),
    ):
        spent = repeated("-m", "kravkoll", *arguments)
        yield Measure(f"kravkoll {name}", spent, budget, "s", f"{spent / bare:.1f} x python -c pass")


def watched_run(folder: Path) -> tuple[float, float, float, int]:
    """One run's (wall, start-up, in rows, rows), seconds; progress on stderr tells when the first row ended.

    Start-up is interpreter, imports, city, simulated systems and collection. In rows is the sum of the rows'
    own seconds in the record: checks with their fixtures.
    """
    command = [sys.executable, "-m", "kravkoll", "run", "--env", "demo", "--supplier", "tempus"]
    started = time.perf_counter()
    with subprocess.Popen(
        [*command, "--as-of", "2026-11-23", "--out", str(folder)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        first = next(iter(process.stderr or ()), "")
        first_ended = time.perf_counter() - started
        for _ in process.stderr or ():
            pass
    wall = time.perf_counter() - started
    lines = map(json.loads, (folder / "results.jsonl").read_text(encoding="utf-8").splitlines())
    rows = {line["row"]: float(line["seconds"]) for line in lines if line["type"] == "result"}
    return wall, first_ended - rows[first.split()[-1]], sum(rows.values()), len(rows)


def one_supplier() -> Iterator[Measure]:
    """One supplier against its simulated system, and how much of it the harness itself takes.

    Overhead is what remains of the wall time after start-up and rows: controls' second runs, evidence,
    redaction, the journal, the reports, closing down.
    """
    with tempfile.TemporaryDirectory() as folder:
        wall, start, inside, rows = watched_run(Path(folder) / "record")
    yield Measure("one supplier, its simulated system", wall, 20, "s", f"{wall / inside:.1f} x time in rows")
    rest = wall - start - inside
    told = f"{wall:.1f} s = {start:.1f} start-up + {inside:.1f} in {rows} rows + {rest:.1f}"
    yield Measure("harness overhead", rest / wall * 100, 10, "%", told)


def examination() -> Iterator[Measure]:
    """The TLS prober against an ordinary handshake."""
    for result in tls.run():
        name = f"tls from {result['lowest']}".replace("TLSv1_", "1.")
        connections, budget = float(str(result["connections"])), float(str(result["connections_budget"]))
        worth = f"{result['handshakes_worth']} x the CPU of a handshake"
        yield Measure(f"{name}: connections", connections, budget, "", worth)
        cpu = float(str(result["cpu_ms_per_connection"]))
        yield Measure(f"{name}: CPU a connection", cpu, tls.CPU_BUDGET_MS, "ms", worth)


def replays() -> Iterator[Measure]:
    """Every report of a large platform."""
    seen = views.measure()
    name = f"views of {views.REQUIREMENTS} x {views.SUPPLIERS}"
    yield Measure(
        name, seen.total, views.BUDGET, "s", f"{seen.total / seen.parsing:.1f} x parsing the records"
    )


def demo() -> Iterator[Measure]:
    """Every supplier, all areas, all reports."""
    with tempfile.TemporaryDirectory() as folder:
        spent = seconds("-m", "kravkoll", "demo", "--out", folder)
    yield Measure(
        "demo", spent, 120, "s", f"{spent / DEMO_GOAL_SECONDS:.2f} x the goal of {DEMO_GOAL_SECONDS} s"
    )


def proof() -> Iterator[Measure]:
    """The whole proof; each duel's time is in the file that it writes."""
    spent = seconds("-m", "kravkoll", "prove", "--full", codes=(0, 1))
    duels = json.loads((ROOT / "reports" / "out" / "proof.json").read_text(encoding="utf-8"))["duels"]
    typical = median(duel["seconds"] for duel in duels)
    yield Measure("prove", spent, 8 * 60, "s", f"{spent / typical:.0f} x its median duel, {len(duels)} duels")
    yield Measure("median duel", typical, 1.5, "s", f"{typical / spent * 100:.1f} % of prove")


QUICK: tuple[Callable[[], Iterator[Measure]], ...] = (start_up, examination, replays, one_supplier)
SLOW: tuple[Callable[[], Iterator[Measure]], ...] = (demo, proof)


def main(arguments: list[str]) -> int:
    """Print each figure as it comes."""
    kept = True
    for measuring in QUICK if "--quick" in arguments else QUICK + SLOW:
        for measure in measuring():
            kept &= measure.holds
            sys.stdout.write(f"{measure}\n")
            sys.stdout.flush()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
