"""A walk through pages loses and doubles nothing, whatever the page size and whatever changes on the way."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky

from kravkoll.checks import Inconclusive, NotExercised, NotMet, Subject, check
from kravkoll.checks.schema import PagedWalk, paging_findings, smallest
from kravkoll.probes.conformance import Contract, curl
from kravkoll.probes.ss12000 import Page, Record, Ss12000

type Seed = Callable[..., object]
type Change = tuple[int, str]

EXAMPLES = 12
MOST_PAGES = 25
MOST_COPIED = 2000
WITHOUT_PEOPLE = ("organisations", "groups", "placements", "duties", "rooms", "activities")
"""Resources that are copied to make records of our own; people are never copied."""
OWN = tuple(
    str(UUID(f"{start:02x}abcdef-0000-4000-8000-0123456789ab")) for start in (0, 60, 120, 180, 240, 255)
)
NEW = tuple(str(UUID(f"{start:02x}abcdef-1111-4000-8000-0123456789ab")) for start in (1, 121, 254))
"""Spread, so that some come first, some last, in a list that is sorted by id."""

DRAWING = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


class Broken(Exception):
    """Tells Hypothesis to look for a smaller walk that goes wrong; it ends nowhere else."""


@dataclass
class Model:
    """What a walk should show, and every walk that showed something else."""

    api: Ss12000
    counts: Mapping[str, int]
    ids: Mapping[str, frozenset[str]]
    wrong: list[PagedWalk] = field(default_factory=list)
    walks: int = 0
    unseen: Inconclusive | None = None

    def judge(self, walk: Callable[[], PagedWalk]) -> None:
        """Walk once; what could not be seen ends the drawing and is told if nothing else was."""
        if self.unseen:
            return
        try:
            walked = walk()
        except Inconclusive as reason:
            self.unseen = reason
            return
        self.walks += 1
        if paging_findings(walked):
            walked = self.still_there(walked)
        if paging_findings(walked):
            self.wrong.append(walked)
            raise Broken

    def still_there(self, walk: PagedWalk) -> PagedWalk:
        """Without the records that somebody else removed meanwhile: they are nobody's fault."""
        now = frozenset(self.api.explore(walk.resource).ids)
        return replace(walk, untouched=walk.untouched & now)

    def draw(self, test: Callable[[], None]) -> None:
        """Run a drawn test to its end; its walks are kept here, so its exception says nothing new."""
        try:
            test()
        except (Broken, Flaky):  # Flaky: it went wrong once and not again, which is still wrong
            return


def limits(count: int) -> st.SearchStrategy[int]:
    """From one record a page, or what keeps the walk short, to more than there are."""
    return st.integers(max(1, count // MOST_PAGES), count + 1)


def walked(
    api: Ss12000, resource: str, limit: int, on_page: Callable[[Page], None] = lambda _: None
) -> tuple[tuple[Page, ...], bool]:
    pages = []
    for page in api.pages(resource, limit=limit):
        pages.append(page)
        on_page(page)
    return tuple(pages), bool(pages[-1].next_token)


def as_walk(
    resource: str, limit: int, pages: tuple[Page, ...], endless: bool, untouched: frozenset[str], **more: Any
) -> PagedWalk:
    ids = tuple(tuple(str(one.get("id")) for one in page.records) for page in pages)
    return PagedWalk(
        resource, limit, ids, untouched, endless, repeat=curl("GET", pages[0].exchange.url), **more
    )


def draw_sizes(model: Model) -> None:
    """The same list in pages of any size shows the same records."""

    @DRAWING
    @given(st.data())
    def any_size(data: st.DataObject) -> None:
        resource = data.draw(st.sampled_from(sorted(model.counts)), "resource")
        limit = data.draw(limits(model.counts[resource]), "limit")

        def walk() -> PagedWalk:
            pages, endless = walked(model.api, resource, limit)
            return as_walk(resource, limit, pages, endless, model.ids[resource])

        model.judge(walk)

    model.draw(any_size)


def draw_changes(model: Model, resource: str, template: Record, seed: Seed) -> None:
    """Records of our own come and go between the pages; the others are each shown once."""

    @DRAWING
    @given(
        limits(model.counts[resource] + len(OWN)),
        st.lists(
            st.tuples(st.integers(0, len(OWN) - 2), st.sampled_from(["remove", "insert"])),
            min_size=1,
            max_size=2,
        ),
    )
    def any_change(limit: int, changes: list[Change]) -> None:
        with own_records(resource, template, seed):
            model.judge(lambda: changing_walk(model, resource, limit, changes, template, seed))

    model.draw(any_change)


def copied_to(
    api: Ss12000, templates: Mapping[str, Record], counts: Mapping[str, int], seed: Seed
) -> tuple[str, Record] | None:
    """A list that shows copies of one of its records when they are put there, and that record."""
    for resource in WITHOUT_PEOPLE:
        if resource in templates and counts[resource] <= MOST_COPIED:
            with own_records(resource, templates[resource], seed):
                if set(OWN) <= set(api.explore(resource).ids):
                    return resource, templates[resource]
    return None


@contextmanager
def own_records(resource: str, template: Record, seed: Seed) -> Iterator[None]:
    seed(put={resource: [template | {"id": identity} for identity in OWN]}, remove={})
    try:
        yield
    finally:
        seed(put={}, remove={resource: [*OWN, *NEW]})


def changing_walk(  # noqa: PLR0913, PLR0917  a model, what was drawn, and what to do it with
    model: Model, resource: str, limit: int, changes: list[Change], template: Record, seed: Seed
) -> PagedWalk:
    """When the n-th record of our own has been shown, remove it or insert a new one."""
    shown: list[str] = []
    made: list[dict[str, object]] = []
    waiting = list(changes)
    number = 0

    def change(page: Page) -> None:
        nonlocal number
        number += 1
        shown.extend(str(one["id"]) for one in page.records if one.get("id") in OWN)
        for one in [one for one in waiting if one[0] < len(shown)]:
            waiting.remove(one)
            identity = shown[one[0]] if one[1] == "remove" else NEW[len(made) % len(NEW)]
            seed(
                put={resource: [template | {"id": identity}]} if one[1] == "insert" else {},
                remove={resource: [identity]} if one[1] == "remove" else {},
            )
            made.append({"after page": number, one[1]: identity})

    pages, endless = walked(model.api, resource, limit, change)
    touched = {str(one.get("remove") or one.get("insert")) for one in made}
    untouched = frozenset(model.ids[resource] | set(OWN)) - touched
    return as_walk(resource, limit, pages, endless, untouched, changes=tuple(made))


def seeding(subject: Subject) -> Seed | None:
    """The environment's way to put and remove records, where there is one."""
    try:
        return subject.hook(str(subject.capability("seed").get("hook", "seed")))
    except NotExercised:
        return None


@check("SCH-PAG-01")
def test_pages_lose_and_double_nothing(subject: Subject, api: Ss12000, contract: Contract) -> None:
    resources = [one.resource for one in contract.lists if one.resource != "deletedEntities"]
    held = {resource: api.explore(resource) for resource in resources}
    held = {resource: walk for resource, walk in held.items() if len(set(walk.ids)) > 1}
    if not held:
        raise Inconclusive("subject.empty", "no list holds two records, so there is nothing to page")
    model = Model(
        api,
        {resource: len(set(walk.ids)) for resource, walk in held.items()},
        {resource: frozenset(walk.ids) for resource, walk in held.items()},
    )
    draw_sizes(model)
    seed = seeding(subject)
    templates = {resource: walk.records[-1] for resource, walk in held.items()}
    copied = copied_to(api, templates, model.counts, seed) if seed else None
    if seed and copied:
        draw_changes(model, *copied, seed)
    changed = copied[0] if copied else None
    subject.note({"walks": model.walks, "lists": dict(model.counts), "changed": changed})
    findings = smallest(model.wrong)
    if findings:
        raise NotMet(findings=findings)
    if model.unseen:
        raise model.unseen
    if seed and not copied:
        raise Inconclusive("seed.unseen", "records that were put there showed in no list")
