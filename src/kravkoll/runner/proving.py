"""The proof: every fault against the checks that must catch it, in parallel workers."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from kravkoll.contracts.cards import FaultCard
from kravkoll.contracts.workspace import Workspace
from kravkoll.runner.dueling import Task
from kravkoll.runner.duels import PROOF, Duel, Fought, duels_of, unproven
from kravkoll.runner.header import source_digest, workspace_digest

POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Proof:
    """All duels of one proof, and what they leave unproven."""

    fought: tuple[Fought, ...]
    unproven: tuple[str, ...]
    broken: tuple[str, ...]
    """Workers that ended badly, with what they wrote."""
    seconds: float
    partial: bool

    @property
    def holds(self) -> bool:
        """True where every duel was won; for a whole proof, also where every check has one."""
        lost = [fight for fight in self.fought if not fight.won]
        return bool(self.fought) and not lost and not self.broken and (self.partial or not self.unproven)


def prove(  # noqa: PLR0913  # one call says all of a proof
    workspace: Workspace,
    environment_id: str,
    faults: Iterable[FaultCard],
    *,
    as_of: date,
    partial: bool,
    workers: int = 0,
    progress: Callable[[Fought], None] = lambda _: None,
) -> Proof:
    """Fight every duel of these faults, and for a whole proof the honest baseline too."""
    started = time.monotonic()
    environment = workspace.environment(environment_id)
    duels = sorted(duels_of(environment, faults), key=lambda duel: (duel.system, duel.fault))
    if not partial:
        honest = [Duel(d.standin, system, "") for system, d in environment.systems.items() if d.standin]
        duels = honest + duels
    if not duels:
        return Proof((), (), (), 0.0, partial)
    shares = _shares(duels, workers or os.cpu_count() or 1)
    with tempfile.TemporaryDirectory(prefix="kravkoll-proof-") as folder:
        order = Task(str(workspace.layout.root), environment_id, as_of.isoformat(), (), "")
        fought, broken = _fight(Path(folder), order, shares, progress)
    missing = () if partial else tuple(unproven(workspace, fought))
    return Proof(tuple(fought), missing, tuple(broken), round(time.monotonic() - started, 2), partial)


def _shares(duels: list[Duel], workers: int) -> list[list[Duel]]:
    """Every nth duel to the nth worker, so that an area's slow duels are spread."""
    return [share for n in range(workers) if (share := duels[n::workers])]


def _fight(
    folder: Path, order: Task, shares: list[list[Duel]], progress: Callable[[Fought], None]
) -> tuple[list[Fought], list[str]]:
    workers = []
    for number, share in enumerate(shares):
        out = folder / f"{number}.jsonl"
        task = folder / f"{number}.json"
        task.write_text(json.dumps(asdict(order) | {"duels": [asdict(d) for d in share], "out": str(out)}))
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
        log = (folder / f"{number}.log").open("wb")
        command = [sys.executable, "-m", "kravkoll.runner.dueling", str(task)]
        workers.append(
            (subprocess.Popen(command, stdout=log, stderr=log, env=environment), out, log.name, share)
        )
        log.close()
    fought: list[Fought] = []
    for line in _lines([(process, out) for process, out, _, _ in workers]):
        fight = Fought.from_line(line)
        fought.append(fight)
        progress(fight)
    done = {fight.duel for fight in fought}
    broken = []
    for process, _, log_file, share in workers:
        missing = [duel.id for duel in share if duel.id not in done]
        if missing:
            wrote = Path(log_file).read_text(encoding="utf-8", errors="replace")[-3000:]
            broken.append(f"worker ended with {process.returncode}, without {', '.join(missing)}:\n{wrote}")
    return fought, broken


def _lines(workers: list[tuple[subprocess.Popen[bytes], Path]]) -> Iterator[dict[str, Any]]:
    """Each worker's lines as they come, until all workers have ended."""
    read: dict[Path, int] = {out: 0 for _, out in workers}
    running = True
    while running:
        running = any(process.poll() is None for process, _ in workers)
        for out in read:
            whole = out.read_text(encoding="utf-8").split("\n")[:-1] if out.exists() else []
            for line in whole[read[out] :]:
                yield json.loads(line)
            read[out] = len(whole)
        if running:
            time.sleep(POLL_SECONDS)


def save(proof: Proof, workspace: Workspace, folder: Path) -> Path:
    """Write the proof beside the runs; later records name it where sources and workspace are the same."""
    folder.mkdir(parents=True, exist_ok=True)
    body: Mapping[str, Any] = {
        "source_digest": source_digest(),
        "workspace_digest": workspace_digest(workspace.layout.root),
        "holds": proof.holds,
        "seconds": proof.seconds,
        "unproven": list(proof.unproven),
        "duels": [fight.line() for fight in proof.fought],
    }
    path = folder / PROOF
    path.write_text(json.dumps(body, indent=1, default=str, sort_keys=True) + "\n", encoding="utf-8")
    return path
