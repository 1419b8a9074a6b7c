"""The listener hears what it is sent, and itself when asked whether it hears."""

import ssl
from collections.abc import Iterator

import httpx
import pytest

from kravkoll.city.certificate_authority import CertificateAuthority
from kravkoll.city.listening_post import ListeningPost
from kravkoll.serving.loopback import Loopback


@pytest.fixture
def post() -> Iterator[ListeningPost]:
    with Loopback() as loopback:
        opened = ListeningPost.open(loopback, CertificateAuthority.create())
        yield opened
        opened.close()


def test_hears_others_and_answers_them(post: ListeningPost) -> None:
    context = ssl.create_default_context(cadata=post.anchor_pem.decode())
    answer = httpx.put(f"{post.url}/import?a=1", json={"data": []}, verify=context, trust_env=False)
    assert (answer.status_code, answer.json()) == (200, {})
    (heard,) = post.heard
    assert (heard.method, heard.path, heard.query) == ("PUT", "/import", (("a", "1"),))
    assert heard.request == {"data": []}


def test_hearing_itself_is_not_hearing_others(post: ListeningPost) -> None:
    assert post.hears()
    assert post.heard == ()


def test_a_closed_post_is_deaf(post: ListeningPost) -> None:
    post.close()
    assert not post.hears()


def test_before_a_party_that_runs_it_hears_and_passes_on() -> None:
    with Loopback() as loopback:
        ca = CertificateAuthority.create()
        party, before = ListeningPost.open(loopback, ca), ListeningPost.open(loopback, ca)
        before.lead_to(party.url)
        context = ssl.create_default_context(cadata=before.anchor_pem.decode())
        answer = httpx.post(f"{before.url}/import?a=1", json={"b": 2}, verify=context, trust_env=False)
        assert (answer.status_code, answer.json()) == (200, {})
        (heard,), (arrived,) = before.heard, party.heard
        assert (heard.path, heard.query, heard.request) == (arrived.path, arrived.query, arrived.request)
        assert before.hears()
        party.close()
        assert httpx.post(f"{before.url}/", verify=context, trust_env=False).status_code == 502
        before.close()
