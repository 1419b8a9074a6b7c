"""Every budget, measured: one line each with its ratio to something measured in the same run.

`python -m benchmarks` measures all; `--quick` leaves out the demo and the proof. Exits 1 if a budget is broken.
Nothing here is a test: figures of a busy machine say little, ratios more.
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

from benchmarks import tls

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
        return f"{self.name:<34} {self.value:8.2f} {self.unit:<3} of {self.budget:<6g} {verdict:<7} {self.ratio}"


def seconds(*arguments: str, codes: tuple[int, ...] = (0,)) -> float:
    """Wall time of one process of this Python. RuntimeError if it ends with another code than expected."""
    environment = os.environ | {"NO_COLOR": "1"}
    started = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, check=False)
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


def one_supplier() -> Iterator[Measure]:
    """One supplier against its simulated system, and how much of it the harness itself takes.

    In checks = the sum of the rows' seconds in the record. Overhead = the process' wall time without start-up (a run
    narrowed to one cheap row, which pays interpreter, imports, city and simulated systems too) minus the time in
    checks. It includes fixtures, controls' second runs, evidence, redaction, the journal and the reports.
    """
    with tempfile.TemporaryDirectory() as folder:
        run = ("-m", "kravkoll", "run", "--env", "demo", "--supplier", "tempus", "--as-of", "2026-11-23", "--out")
        start = seconds(*run, f"{folder}/one", "-k", "ROU-DOC-02", codes=(0, 1, 5))
        wall = seconds(*run, f"{folder}/all", codes=(0, 1, 5))
        lines = (Path(folder) / "all" / "results.jsonl").read_text(encoding="utf-8").splitlines()
    results = [line for line in map(json.loads, lines) if line["type"] == "result"]
    inside = sum(result["seconds"] for result in results)
    yield Measure("one supplier, its simulated system", wall, 20, "s", f"{wall / inside:.2f} x time in checks")
    overhead = max(wall - start - inside, 0) / wall * 100
    yield Measure(
        "harness overhead", overhead, 10, "%",
        f"{wall:.1f} s = {start:.1f} start-up + {inside:.1f} in {len(results)} rows + rest",
    )  # fmt: skip


def examination() -> Iterator[Measure]:
    """The TLS prober against an ordinary handshake."""
    for result in tls.run():
        name = f"tls from {result['lowest']}".replace("TLSv1_", "1.")
        connections, budget = float(str(result["connections"])), float(str(result["connections_budget"]))
        worth = f"{result['handshakes_worth']} x the CPU of a handshake"
        yield Measure(f"{name}: connections", connections, budget, "", worth)
        cpu = float(str(result["cpu_ms_per_connection"]))
        yield Measure(f"{name}: CPU a connection", cpu, tls.CPU_BUDGET_MS, "ms", worth)


def demo() -> Iterator[Measure]:
    """Every supplier, all areas, all reports."""
    with tempfile.TemporaryDirectory() as folder:
        spent = seconds("-m", "kravkoll", "demo", "--out", folder)
    yield Measure("demo", spent, 120, "s", f"{spent / DEMO_GOAL_SECONDS:.2f} x the goal of {DEMO_GOAL_SECONDS} s")


def proof() -> Iterator[Measure]:
    """The whole proof; each duel's time is in the file that it writes."""
    spent = seconds("-m", "kravkoll", "prove", "--full", codes=(0, 1))
    duels = json.loads((ROOT / "reports" / "out" / "proof.json").read_text(encoding="utf-8"))["duels"]
    typical = median(duel["seconds"] for duel in duels)
    yield Measure("prove", spent, 8 * 60, "s", f"{spent / typical:.0f} x its median duel, {len(duels)} duels")
    yield Measure("median duel", typical, 1.5, "s", f"{typical / spent * 100:.1f} % of prove")


QUICK: tuple[Callable[[], Iterator[Measure]], ...] = (start_up, examination, one_supplier)
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
