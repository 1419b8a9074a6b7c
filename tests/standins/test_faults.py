from pathlib import Path

import pytest
import yaml

from kravkoll.standins import FAULTS, UnknownFault
from kravkoll.standins.faults import Behaviour
from kravkoll.standins.paging import page, page_by_offset

CARDS = Path(__file__).parents[2] / "mocks" / "faults"
SPINE = set(
    """
tls.tls10_11 tls.no_tls13 tls.plaintext tls.expired tls.untrusted_ca
api.token.none api.token.expired api.token.audience api.token.good api.token.any_client
login.entry.local login.form.local login.good
api.schema.type api.schema.missing api.status.500 api.paging.offset api.paging.doubles api.filter.ignored
export.drops export.empty export.fields
flow.fields flow.forms client.asks client.keeps client.idle
marked.listed marked.lookup marked.expand marked.twin
write.accepted write.silent flow.pushes
delivery.dirty delivery.nosec delivery.broken
document.expired document.aged document.unreviewed document.rejected document.condition
""".split()  # noqa: SIM905  a list of 41 lines says less
)


def test_every_fault_of_the_spine_is_written() -> None:
    assert set(FAULTS) >= SPINE


@pytest.mark.parametrize("card", sorted(CARDS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_card_names_a_fault(card: Path) -> None:
    named = {one["id"] for one in yaml.safe_load(card.read_text(encoding="utf-8"))["faults"]}
    assert named <= set(FAULTS)


def test_a_fault_replaces_in_its_own_instance_only() -> None:
    assert Behaviour("api.paging.offset")(page) is page_by_offset
    assert Behaviour()(page) is page
    assert Behaviour("export.empty")(page) is page


def test_an_unknown_fault_is_met_with_near_matches() -> None:
    with pytest.raises(UnknownFault, match=r"did you mean 'api\.paging\.offset'"):
        Behaviour("api.paging.ofset")
