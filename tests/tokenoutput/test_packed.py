"""Pages go out packed to whoever can unpack them, and say the same."""

import gzip

import pytest

from tests.tokenoutput.pages import catalog_make, visitor

pytestmark = pytest.mark.django_db
PACKED = {"Accept-Encoding": "gzip, br"}


@pytest.mark.parametrize("path", ["/models?part=catalog", "/api/v1/models"])
def test_packed_is_smaller_and_the_same(client, path):
    catalog_make()
    plain, packed = client.get(path), client.get(path, headers=PACKED)
    assert (packed["Content-Encoding"], "Content-Encoding" in plain) == ("gzip", False)
    assert len(packed.content) < len(plain.content) / 3
    assert gzip.decompress(packed.content) == plain.content
    assert "Accept-Encoding" in plain["Vary"]


def test_who_has_a_packed_answer_already_gets_304(client):
    catalog_make()
    host = visitor()
    for visiting, path in (
        (client, "/models?part=catalog"),
        (client, "/api/v1/models"),
        (host.client, host.path("live")),
    ):
        first = visiting.get(path, headers=PACKED)
        again = visiting.get(path, headers=PACKED | {"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b""), path


def test_a_table_is_packed_row_by_row():
    host = visitor()
    path = host.path("usage.csv")
    plain, packed = host.client.get(path), host.client.get(path, headers=PACKED)
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.getvalue()) == plain.getvalue()
