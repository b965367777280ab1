"""Staff see all money and change none of it; a wallet can be frozen."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.urls import reverse

from accounts.services import organization_create, user_create
from billing import ledger
from gateway.request_id import request_id_make
from tests.billing.books import USD, Books

pytestmark = pytest.mark.django_db
NAMES = ["wallet", "transfer", "hold", "usagerecord", "usagehourly", "spendinglimit", "gatewaylease", "settlement"]


class DjangoBooks(Books):
    """The same stories told through Django's connection, inside the test's transaction."""

    def __init__(self):
        connection.ensure_connection()
        super().__init__(connection.connection)


@pytest.fixture
def staff(client):
    user = user_create(email="staff@example.com", password=None, verified=True)
    get_user_model().objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    client.force_login(user)
    return user


@pytest.fixture
def story(staff):
    """An organisation with money, a limit, a settled request and a live one."""
    books = DjangoBooks()
    organization = organization_create(name="Acme Rockets", owner=staff)
    ledger.wallet_credit(
        organization_id=organization.id, amount_nanos=20 * USD, key="story", kind="promo", reason="a story"
    )
    wallet = ledger.wallet_open(organization_id=organization.id)
    ledger.spending_limit_set(wallet_id=wallet, api_key_id=1, period="daily", amount_nanos=9 * USD)
    books.one("SELECT gateway_lease_open('here', '1 min')")
    used, live = books.hold(wallet, 4), books.hold(wallet, 2)
    books.finish(used, wallet, 1.25, input=1234, output=5)
    books.settle()
    return {"wallet": wallet, "used": used, "live": live, "organization": organization}


def page(client, name, query=""):
    response = client.get(reverse(f"admin:billing_{name}_changelist") + query)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("name", NAMES)
def test_every_list_and_record_shows_and_nothing_edits(client, story, name):
    html = page(client, name)
    assert f"/admin/billing/{name}/add/" not in html
    assert "delete_selected" not in html
    changes = [part.partition('"')[0] for part in html.split(f'href="/admin/billing/{name}/')[1:]]
    record = next(path for path in changes if path.partition("?")[0].endswith("/change/"))
    shown = client.get(f"/admin/billing/{name}/{record}")
    assert shown.status_code == 200
    assert b'name="_save"' not in shown.content
    assert client.post(f"/admin/billing/{name}/{record}", {"_save": "Save"}).status_code == 403
    assert client.get(f"/admin/billing/{name}/add/").status_code == 403
    delete = record.partition("?")[0].replace("/change/", "/delete/")
    assert client.post(f"/admin/billing/{name}/{delete}", {"post": "yes"}).status_code == 403


def test_dollars_are_shown_exactly(client, story):
    assert '<td class="field-posted_usd">18.75</td>' in page(client, "wallet")
    assert '<td class="field-charge_usd">1.25</td>' in page(client, "usagerecord")


def test_search(client, story):
    """By organisation and by request id; what is unknown finds nothing and breaks nothing."""
    for query in ("rockets", "acme-rockets", str(story["used"])):
        assert "1.25" in page(client, "usagerecord", f"?q={query}")
    assert "1.25" not in page(client, "usagerecord", f"?q={request_id_make()}")
    assert "0 usage records" in page(client, "usagerecord", "?q=ffffffff-ffff-7fff-bfff-ffffffffffff")
    assert str(story["live"]) in page(client, "hold", f"?q={story['live']}")
    assert "0 wallets" in page(client, "wallet", f"?q={story['used']}")
    assert "18.75" in page(client, "wallet", "?q=rockets")
    assert "Acme Rockets" in page(client, "transfer", "?q=rockets")
    assert "0 wallets" in page(client, "wallet", "?q=nobody")


def test_a_record_that_is_not_there(client, story):
    for wrong in ("nonsense", str(request_id_make()), "ffffffff-ffff-7fff-bfff-ffffffffffff"):
        response = client.get(f"/admin/billing/usagerecord/{wrong}/change/")
        assert response.status_code == 302  # back to the admin's front page, with a message


def act(client, story, action):
    data = {"action": action, "_selected_action": [story["wallet"]]}
    return client.post(reverse("admin:billing_wallet_changelist"), data, follow=True)


def test_freeze_and_unfreeze(client, story):
    books = DjangoBooks()
    assert "Wallets now frozen: 1." in act(client, story, "freeze").content.decode()
    assert books.hold(story["wallet"], 1) == "frozen"
    assert "Wallets now frozen: 0." in act(client, story, "freeze").content.decode()
    assert "Wallets now active: 1." in act(client, story, "unfreeze").content.decode()
    assert books.hold(story["wallet"], 1) not in ("frozen", "insufficient")
    assert LogEntry.objects.filter(change_message__contains="frozen").exists()


def test_freezing_needs_its_permission(client, story):
    """A member of staff who may look at wallets may not freeze one, until given that right."""
    clerk = user_create(email="clerk@example.com", password=None, verified=True)
    get_user_model().objects.filter(pk=clerk.pk).update(is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_wallet"))
    client.force_login(clerk)
    assert "18.75" in page(client, "wallet")
    act(client, story, "freeze")
    assert ledger_status(story) == "active"
    clerk.user_permissions.add(Permission.objects.get(codename="freeze_wallet"))
    act(client, story, "freeze")
    assert ledger_status(story) == "frozen"


def ledger_status(story):
    return DjangoBooks().one("SELECT status FROM wallet WHERE id = %s", story["wallet"])
