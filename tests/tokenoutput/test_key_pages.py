"""The pages of API keys: a list that stays fast, and one page to rule, rotate, switch and end a key."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.api_key_selectors import api_key_get, api_keys_list
from accounts.api_keys import api_key_create, api_key_disable, api_key_revoke
from accounts.keys import key_hash
from accounts.models import ApiKey
from billing import ledger
from billing.limits import limit_set
from tests.billing.test_admin import DjangoBooks
from tests.tokenoutput.pages import catalog_make, member, visitor

pytestmark = pytest.mark.django_db
USD = 1_000_000_000
SCRIPT = "<script>alert(1)</script>"
QUERIES = 10


@pytest.fixture
def ada():
    return visitor()


def make(host, name="ci", **more):
    made = api_key_create(
        organization_id=host.organization.id, name=name, member_id=host.organization.member_id, **more
    )
    return found(host, made.public_hash)


def found(host, public_hash):
    view = api_key_get(organization_id=host.organization.id, public_hash=public_hash)
    assert view is not None
    return view


def page_of(host, key, rest=""):
    return host.path(f"keys/{key.public_hash}{rest}")


def text(response):
    return " ".join(response.content.decode().split())


def names_in(response):
    return re.findall(r'/keys/[0-9a-f]{64}">([^<]*)</a>', response.content.decode())


def many(host, count, **columns):
    """Rows made at once, as if over years."""
    rows = [
        ApiKey(organization_id=host.organization.id, name=f"robot {n}", key_hash=n.to_bytes(32), prefix="sk-00000",
               last_four=f"{n % 10_000:04}", **columns)
        for n in range(count)
    ]  # fmt: skip
    return [row.id for row in ApiKey.objects.bulk_create(rows)]


def test_ten_thousand_keys_are_a_page_as_fast_as_one(ada):
    make(ada)
    with CaptureQueriesContext(
        connection,
    ) as few:
        ada.client.get(ada.path("keys"))
    ids = many(ada, 10_000, revoked_at=timezone.now())
    for id_ in ids[-60:]:
        limit_set(organization_id=ada.organization.id, api_key_id=id_, period="daily", amount_nanos=USD)
    for query in ("", f"?after={ids[5000]}", "?q=robot+77", "?state=revoked"):
        with CaptureQueriesContext(connection) as seen:
            response = ada.client.get(ada.path("keys") + query)
        assert len(names_in(response)) == 50
        assert len(seen) == len(few) <= QUERIES, [query["sql"] for query in seen.captured_queries]
        assert len(response.content) < 200_000


def test_pages_lead_from_the_newest_key_to_the_oldest(ada):
    many(ada, 120)
    seen, path = [], ada.path("keys") + "?q=robot"
    while path:
        html = ada.client.get(path).content.decode()
        seen += re.findall(r'/keys/[0-9a-f]{64}">robot (\d+)</a>', html)
        older = re.search(r'pager-next" href="(\?[^"]*)"', html)
        path = ada.path("keys") + older[1].replace("&amp;", "&") if older else ""
    assert seen == [str(n) for n in range(120)][::-1]
    for wrong in ("x", "-1", "9" * 19, "²"):
        assert ada.client.get(ada.path("keys"), {"after": wrong}).status_code == 404


def test_the_list_is_filtered_by_state_and_words(ada):
    active, disabled, revoked, expired, near = (make(ada, name) for name in ("on", "off", "gone", "old", "almost"))
    who = {"organization_id": ada.organization.id}
    api_key_disable(**who, api_key_id=disabled.id)
    api_key_revoke(**who, api_key_id=revoked.id)
    past = timezone.now() - timedelta(minutes=1)
    ApiKey.objects.filter(id=expired.id).update(created_at=past - timedelta(days=1), expires_at=past)
    limit_set(**who, api_key_id=near.id, period="total", amount_nanos=2 * USD)
    limit_set(**who, api_key_id=active.id, period="total", amount_nanos=20 * USD)
    books, wallet = DjangoBooks(), ledger.wallet_open(**who)
    books.finish(books.hold(wallet, 1.7, key=near.id), wallet, 1.7)

    def listed(**query):
        return names_in(ada.client.get(ada.path("keys"), query))

    assert listed() == ["almost", "old", "gone", "off", "on"]
    assert listed(state="active") == ["almost", "on"]
    assert [listed(state=state) for state in ("disabled", "revoked", "expired", "near")] == [
        ["off"], ["gone"], ["old"], ["almost"],
    ]  # fmt: skip
    assert listed(q="O", state="active") == ["almost", "on"]
    assert listed(state="no such state") == listed()
    none = text(ada.client.get(ada.path("keys"), {"q": "zebra"}))
    assert "0 of 5 keys match" in none and "Clear filters" in none
    assert "No keys yet" not in none


def test_a_new_key_may_have_rules_from_the_start(ada):
    catalog_make()
    page = text(ada.client.get(ada.path("keys")))
    assert 'value="small"' in page
    new = {
        "name": "ruled",
        "allowed_models": ["small"],
        "allowed_ips": "10.0.0.0/8, 192.0.2.1",
        "requests_per_minute": "9",
    }
    response = ada.client.post(ada.path("keys"), new)
    assert response.status_code == 200 and "no-store" in response["Cache-Control"]
    [key] = api_keys_list(organization_id=ada.organization.id)
    assert (key.allowed_models, key.allowed_ips) == (("small",), ("10.0.0.0/8", "192.0.2.1/32"))
    assert key.requests_per_minute == 9
    for wrong in ({"allowed_models": ["nothing"]}, {"allowed_ips": "here"}, {"requests_per_minute": "0"}):
        response = ada.client.post(ada.path("keys"), new | wrong)
        assert response.status_code == 422
        assert "errorlist" in text(response)
    assert len(api_keys_list(organization_id=ada.organization.id)) == 1


def test_the_page_names_what_binds(ada):
    key = make(ada)
    assert "bound by the balance" in text(ada.client.get(page_of(ada, key)))
    who = {"organization_id": ada.organization.id}
    limit_set(**who, member_id=ada.organization.member_id, period="monthly", amount_nanos=USD // 10)
    page = text(ada.client.get(page_of(ada, key)))
    assert "bound by its member's cap" in page.replace("&#x27;", "'")
    limit_set(**who, api_key_id=key.id, period="daily", amount_nanos=USD // 20)
    page = text(ada.client.get(page_of(ada, key)))
    assert "bound by a limit of this key" in page
    assert ">$0.05</data>" in page
    books, wallet = DjangoBooks(), ledger.wallet_open(**who)
    books.finish(books.hold(wallet, 0.02, key=key.id), wallet, 0.02)
    page = text(ada.client.get(page_of(ada, key)))
    assert ">$0.03</data>" in page
    assert "1 request came through it in the last 24 hours." in page
    assert "At the pace of the last 7 days it lasts until" not in page  # The day ends first.


def test_name_expiry_and_rules_are_changed(ada):
    key = make(ada, expires_at=timezone.now() + timedelta(days=3))
    form = {"name": "new name", "expiry": "keep", "allowed_ips": "2001:db8::/32", "requests_per_minute": ""}
    response = ada.client.post(page_of(ada, key), form, follow=True)
    assert "It holds from the next request on." in text(response)
    changed = found(ada, key.public_hash)
    assert (changed.name, changed.allowed_ips, changed.expires_at) == ("new name", ("2001:db8::/32",), key.expires_at)
    ada.client.post(page_of(ada, key), form | {"expiry": ""})
    assert found(ada, key.public_hash).expires_at is None
    wrong = ada.client.post(page_of(ada, key), form | {"name": "", "allowed_ips": "x"})
    assert wrong.status_code == 422 and wrong.content.count(b"errorlist") == 2
    assert found(ada, key.public_hash).name == "new name"


def test_a_rotation_shows_the_new_secret_once(ada):
    key = make(ada)
    form = {"grace": "3600", "last_four": key.last_four}
    response = ada.client.post(page_of(ada, key, "/rotate"), form)
    assert response.status_code == 200 and "no-store" in response["Cache-Control"]
    [secret] = set(re.findall(r"sk-[0-9A-Za-z]{49}", text(response)))
    row = ApiKey.objects.get(id=key.id)
    assert bytes(row.key_hash) == key_hash(secret)
    assert f"TOKENOUTPUT_API_KEY={secret}" in text(response)
    again = ada.client.post(page_of(ada, key, "/rotate"), form)  # a second press of the same button
    assert again.status_code == 422 and "rotated a moment ago" in text(again)
    assert bytes(ApiKey.objects.get(id=key.id).key_hash) == key_hash(secret)
    page = text(ada.client.get(page_of(ada, key)))
    assert secret not in page and "The secret before this one is good until" in page
    assert ada.client.post(page_of(ada, key, "/rotate"), form | {"grace": "7"}).status_code == 422


def test_off_and_on_again_and_the_end(ada):
    key = make(ada)
    response = ada.client.post(page_of(ada, key, "/disable"), {"back": "keys"})
    assert response["Location"] == ada.path("keys")
    assert found(ada, key.public_hash).state == "disabled"
    assert "its requests are refused" in text(ada.client.get(page_of(ada, key)))
    assert ada.client.post(page_of(ada, key, "/enable"))["Location"] == page_of(ada, key)
    assert found(ada, key.public_hash).state == "active"
    refused = ada.client.post(page_of(ada, key, "/revoke"), {"confirm": "other"})
    assert refused.status_code == 422 and "That is not the name of this key." in text(refused)
    assert found(ada, key.public_hash).state == "active"
    assert "The key is revoked." in text(
        ada.client.post(page_of(ada, key, "/revoke"), {"confirm": " ci "}, follow=True)
    )
    page = text(ada.client.get(page_of(ada, key)))
    assert "It stays here for its history." in page and "Rotate" not in page
    assert ada.client.post(page_of(ada, key, "/rotate"), {"grace": "0", "last_four": key.last_four}).status_code == 422
    assert ada.client.post(page_of(ada, key, "/revoke"), {"confirm": "ci"}).status_code == 302


def test_foreign_keys_are_not_there_and_viewers_look(ada):
    key, eve = make(ada), visitor("eve")
    for rest in ("", "/rotate", "/disable", "/enable", "/revoke"):
        for where in (ada, eve):
            assert eve.client.post(page_of(where, key, rest)).status_code == 404
    assert eve.client.get(page_of(eve, key)).status_code == 404
    bo = member(ada, role="viewer")
    page = text(bo.client.get(page_of(bo, key)))
    assert "What it may do" in page and "Rotate" not in page and "Revoke key" not in page
    assert bo.client.post(page_of(bo, key, "/disable")).status_code == 403
    assert found(ada, key.public_hash).state == "active"


def test_a_script_in_a_name_is_a_name(ada):
    key = make(ada, SCRIPT)
    for path in (ada.path("keys"), page_of(ada, key)):
        html = ada.client.get(path).content.decode()
        assert SCRIPT not in html and "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    ada.client.post(ada.path("management-keys"), {"name": SCRIPT, "scopes": ["keys:read"]})
    html = ada.client.get(ada.path("management-keys")).content.decode()
    assert SCRIPT not in html and "&lt;script&gt;" in html


def test_a_management_key_is_shown_once_and_revoked(ada):
    form: dict[str, object] = {"name": "ci", "expiry": "30", "allowed_ips": "10.0.0.0/8"}
    form["scopes"] = ["keys:write", "usage:read"]
    response = ada.client.post(ada.path("management-keys"), form)
    assert response.status_code == 200 and "no-store" in response["Cache-Control"]
    [secret] = set(re.findall(r"sk-mgmt-[0-9A-Za-z]{49}", text(response)))
    page = text(ada.client.get(ada.path("management-keys")))
    assert secret not in page and "<code>keys:write</code>" in page and "from 10.0.0.0/8" in page
    wrongs: list[dict[str, object]] = [{"scopes": []}, {"scopes": ["root"]}, {"name": ""}, {"allowed_ips": "x"}]
    wrongs.append({"expiry": "3"})
    for wrong in wrongs:
        assert ada.client.post(ada.path("management-keys"), form | wrong).status_code == 422
    [revoke] = re.findall(r'action="([^"]*/revoke)"', page)
    assert "is revoked" in text(ada.client.post(revoke, follow=True))
    assert ada.client.post(ada.path("management-keys/0/revoke")).status_code == 404
    eve = visitor("eve")
    assert eve.client.post(revoke).status_code == 404
