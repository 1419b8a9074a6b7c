"""The rules of the house, held by reading it: what may stand where, how large, in which words."""

import ast
import hashlib
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import yaml
from importlinter.cli import lint_imports

from kravkoll.contracts.layout import Layout
from kravkoll.contracts.model import Capability
from kravkoll.contracts.workspace import Workspace, load_trusted

ROOT = Path(__file__).resolve().parents[1]
CODE = sorted(path for folder in ("src", "suites") for path in (ROOT / folder).rglob("*.py"))
SUITES = sorted((ROOT / "suites").rglob("*.py"))
SHARED = ROOT.parent / "shared" / "catalogue"

ROOMS = frozenset({"checks", "city", "probes", "compat", "bulk", "cast", "record", "contracts"})
"""What a suite may use of ours."""

THIRD_PARTY = frozenset({"pytest", "hypothesis", "yaml"})
"""What a suite may use of others: the rest is a probe's business."""

GIVEN = ("pytest", "hypothesis", "schemathesis", "jsonschema", "mitmproxy", "bandit", "allure_commons")
"""The tools that the house was to be built with, as they are imported or run."""

NAMELESS = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"})
"""Names that say nothing about what is inside."""

LONGEST_FILE, LONGEST_FUNCTION = 500, 40
"""Lines."""

UNWANTED = frozenset(
    """
    00a7dc5a0cc38858 00e3d33fa2b02a59 053ea4804ef1bb33 0dc11026ac75c015 0fd460f0568e29c1 1768c21fc46884df
    1e32847769dc4a15 271dacc9f4d0caf8 2960ad205cb64ff3 2d7f45d7b98b427f 3530c4415dd857fb 386ebc0efd04339a
    3d01f3609be82d98 3ea125d0bff386e6 487b91042c7cf27a 4de4a07ad031569c 5792d2981981be5a 57de4cf40144bdf7
    5a5110ebe1544b31 5d0c0ab127fdea24 5d72436256ada538 60965168ce762e94 6f7ac1823da81d2e 789e46d79514e280
    7b8208d11b1b6f48 7d3194f79e645c42 877c3aec832cd410 920510199770f4d6 9236dc66571fe8e9 9c1c934e33089936
    a39a7ffad4a3013f a4aa2ac280bb8d1a add92b9cde2bdbf3 ba20768a02ee5327 c0d67255424148d8 c70eca6b0f88f44d
    c857d09db23e6822 c899567ee9068517 c9ad8f2cc1294afa cd88a6fb14237c16 de2187af3fb01170 deabe057afdf97fb
    eb7e11c7f9ecbcf4 ebde709e306badca fc5a1047f5919892
    """.split()  # noqa: SIM905  # a list literal of these would be a page long
)
"""The first 16 digits of sha256 of words that do not belong here: programs that write text, tools of a
workplace, hosts of package registries. As digests, so that this file does not hold them either."""

WORD_FORMS = (re.compile(r"[a-z0-9]+"), re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+"))

MACHINE_PATHS = tuple("/" + folder + "/" for folder in ("work", "root", "home", "Users"))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _imported(tree: ast.Module) -> Iterator[str]:
    """Full names of modules; for `from kravkoll import x`, `kravkoll.x`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (
                (f"{module}.{alias.name}" for alias in node.names) if module == "kravkoll" else (module,)
            )


def _tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return load_trusted(Layout(ROOT))


# -- suites ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SUITES, ids=_shown)
def test_a_suite_imports_from_its_rooms_only(path: Path) -> None:
    for name in _imported(_tree(path)):
        first, _, rest = name.partition(".")
        if first == "kravkoll":
            assert rest.partition(".")[0] in ROOMS, f"{_shown(path)} imports {name}"
        else:
            assert first in THIRD_PARTY or first in sys.stdlib_module_names, f"{_shown(path)} imports {name}"


@pytest.mark.parametrize("path", SUITES, ids=_shown)
def test_every_test_function_of_a_suite_is_a_check(path: Path) -> None:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            marks = [mark for mark in node.decorator_list if isinstance(mark, ast.Call)]
            named = [mark.func.id for mark in marks if isinstance(mark.func, ast.Name)]
            assert named == ["check"], f"{_shown(path)}: {node.name} is not marked @check, or with more"


@pytest.mark.parametrize("path", SUITES, ids=_shown)
def test_a_suite_judges_by_our_outcomes_alone(path: Path) -> None:
    """A plain assert has no finding code, and a skip of pytest's no reason code."""
    for node in ast.walk(_tree(path)):
        place = f"{_shown(path)}:{getattr(node, 'lineno', 0)}"
        assert not isinstance(node, ast.Assert), f"{place}: raise NotMet, Inconclusive or NotExercised"
        if isinstance(node, ast.Attribute):
            said = f"{place}: {node.attr} has no reason code; raise NotExercised"
            assert node.attr not in {"skip", "skipif", "xfail", "importorskip", "fail"}, said


# -- sizes and names -----------------------------------------------------------------------------------------


def test_no_file_is_named_after_nothing() -> None:
    named = [name for name in _tracked() if set(re.split(r"[/._-]", name.lower())) & NAMELESS]
    assert named == []


def test_no_file_is_too_long() -> None:
    lengths = {_shown(path): path.read_text(encoding="utf-8").count("\n") for path in CODE}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_function_is_too_long() -> None:
    lengths = {
        f"{_shown(path)}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in CODE
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}


# -- words ---------------------------------------------------------------------------------------------------


def _digest(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()[:16]


def test_the_list_of_unwanted_words_knows_the_words() -> None:
    assert {_digest("py" + "pi"), _digest("npm" + "js"), _digest("files.python" + "hosted.org")} <= UNWANTED


def test_no_text_names_machines_registries_or_tools() -> None:
    seen: dict[str, set[str]] = {}
    for name in _tracked():
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for word in {word for form in WORD_FORMS for word in form.findall(text.lower())}:
            seen.setdefault(word, set()).add(name)
        for path in MACHINE_PATHS:
            if re.search(rf"(?<![\w.]){re.escape(path)}", text):
                seen.setdefault(path, set()).add(name)
    unwanted = {word: sorted(names) for word, names in seen.items() if _digest(word) in UNWANTED}
    unwanted |= {path: sorted(seen[path]) for path in MACHINE_PATHS if path in seen}
    assert unwanted == {}


# -- dependencies --------------------------------------------------------------------------------------------


def test_the_lock_names_no_host() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    assert not re.search(r"^\s*(-i|--index-url|--extra-index-url|--find-links)\b", lock, re.MULTILINE)
    pinned = [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]
    assert all("==" in line for line in pinned)
    assert lock.count("--hash=sha256:") >= len(pinned)
    assert "uv.lock" not in _tracked()


@pytest.mark.parametrize("package", GIVEN)
def test_a_given_tool_has_a_job(package: str) -> None:
    """Imported, or named in a list of arguments, as `python -m bandit` is."""
    for path in CODE:
        tree = _tree(path)
        if any(name.partition(".")[0] == package for name in _imported(tree)):
            return
        if any(
            isinstance(item, ast.Constant) and item.value == package
            for node in ast.walk(tree)
            if isinstance(node, ast.List | ast.Tuple)
            for item in node.elts
        ):
            return
    pytest.fail(f"nothing in src or suites uses {package}")


def test_imports_go_downwards() -> None:
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


# -- what is documented and covered --------------------------------------------------------------------------


def test_every_capability_is_documented() -> None:
    text = (ROOT / "docs" / "capabilities.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z.-]+)` \|", text, re.MULTILINE)
    assert Counter(rows) == Counter(get_args(Capability.__value__))


def test_a_catalogue_holds_each_row_once(workspace: Workspace) -> None:
    for area, rows in workspace.catalogue.items():
        doubled = [identity for identity, count in Counter(row.id for row in rows).items() if count > 1]
        assert doubled == [], area
        assert [row.id for row in rows if not row.id or not row.source] == [], area


def test_every_row_of_a_catalogue_is_covered_or_excused(workspace: Workspace) -> None:
    for area, covered in _covered(workspace).items():
        for row in workspace.catalogue[area]:
            said = f"{area} {row.id}: excused ({row.excuse!r}) yet covered, or neither"
            assert (row.id in covered) != bool(row.excuse), said


def test_every_id_that_a_check_names_stands_in_its_catalogue(workspace: Workspace) -> None:
    for area, covered in _covered(workspace).items():
        assert covered - {row.id for row in workspace.catalogue[area]} == set(), area


def _covered(workspace: Workspace) -> dict[str, set[str]]:
    """Area to the catalogue ids that its checks name."""
    found: dict[str, set[str]] = {area: set() for area in workspace.catalogue}
    for path in sorted((ROOT / "suites").glob("*/checks.yaml")):
        cards = yaml.safe_load(path.read_text(encoding="utf-8"))
        found.setdefault(cards["area"], set()).update(
            i for card in cards["checks"] for i in card["catalogue"]
        )
    return found


# -- against the catalogues that the areas were made from ----------------------------------------------------


def _listed(cell: str) -> Iterator[tuple[str, str]]:
    """(family, rest) of `a.x / y`, `a.x, a.y`, `A-1..8` and `a.x_*`; rest as a pattern."""
    family = ""
    for part in re.split(r"\s*[/,]\s*", cell):
        if "." in part and ".." not in part:
            family, _, part = part.partition(".")  # noqa: PLW2901  # the family is put back by the pattern
        if match := re.fullmatch(r"(.+?)(\d+)\.\.(\d+)", part):
            yield from (("", f"{match[1]}{number}") for number in range(int(match[2]), int(match[3]) + 1))
        else:
            yield family, part


def _original() -> Iterator[str]:
    """A pattern for each id of the original catalogues."""
    for name in ("encryption.md", "sso.md"):
        for cell in re.findall(r"^\| ([^|]+?) \|", (SHARED / name).read_text(encoding="utf-8"), re.MULTILINE):
            if cell == "id" or set(cell) <= {"-", " "}:
                continue
            for family, rest in _listed(cell):
                start = rf"{re.escape(family)}\.(\w*_)?" if family else ""
                yield start + re.escape(rest).replace(r"\*", ".+")
    text = (SHARED / "data-rights-and-secrecy.yaml").read_text(encoding="utf-8")
    yield from re.findall(r"^- id: (\S+)$", text, re.MULTILINE)
    digg = (SHARED / "digg-rest-profile.tsv").read_text(encoding="utf-8").splitlines()[1:]
    yield from (re.escape(line.split("\t")[0]) for line in digg if line)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the catalogues that the areas were made from are not here")
def test_no_row_of_the_original_catalogues_is_lost(workspace: Workspace) -> None:
    ours = "\n".join(row.id for rows in workspace.catalogue.values() for row in rows)
    patterns = list(_original())
    assert len(patterns) > 250
    assert [one for one in patterns if not re.search(rf"^{one}$", ours, re.MULTILINE)] == []
