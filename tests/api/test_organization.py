"""The organisation, its members and invites through the API."""

import pytest
from django.core import mail

from accounts.models import AuditEntry, Invite, Membership
from accounts.services import api_key_create
from billing import ledger
from billing.limits import limit_set
from tests.api.programs import error_of, program
from tests.billing.test_admin import DjangoBooks
from tests.tokenoutput.pages import member, visitor

pytestmark = pytest.mark.django_db
# What OpenRouter's clients read of a member.
OPENROUTER = {"id", "email", "first_name", "last_name", "role"}


@pytest.fixture
def ada():
    return visitor()


@pytest.fixture
def asking(ada):
    return program(ada)


def test_the_organisation_is_the_keys_own(ada, asking):
    found = asking.data("organization")
    assert (found["id"], found["name"]) == (ada.organization.slug, ada.organization.name)
    answer = asking.ask("patch", "organization", {"name": "Analytical Engines"})
    assert answer.json()["data"]["name"] == "Analytical Engines"
    assert AuditEntry.objects.get(action="organization.renamed").details["via"] == "management key “ci”"
    assert error_of(asking.ask("patch", "organization", {"name": ""}))["fields"]["name"]
    assert asking.ask("patch", "organization", {"name": "\u202e"}).status_code == 422


def test_members_with_what_they_spent_and_may(ada, asking):
    bo = member(ada, role="developer")
    key = api_key_create(organization_id=ada.organization.id, name="bo's", member_id=bo.organization.member_id).id
    books, wallet = DjangoBooks(), ledger.wallet_open(organization_id=ada.organization.id)
    books.finish(books.hold(wallet, 0.25, key=key), wallet, 0.25)
    limit_set(
        organization_id=ada.organization.id, member_id=bo.organization.member_id, period="monthly", amount_nanos=10**10
    )
    answer = asking.get("organization/members").json()
    assert answer["total_count"] == 2
    assert all(set(row) >= OPENROUTER for row in answer["data"])
    row = answer["data"][1]
    assert (row["email"], row["role"], row["usage_monthly_usd"]) == ("bo@example.com", "developer", "0.250000000")
    assert row["limits"][0]["limit_usd"] == "10.000000000"
    assert asking.data(f"organization/members/{row['id']}") == row


def test_roles_change_and_an_owner_stays(ada, asking):
    bo = member(ada, role="developer")
    path = f"organization/members/{bo.organization.member_id}"
    assert asking.ask("patch", path, {"role": "viewer"}).json()["data"]["role"] == "viewer"
    assert asking.ask("patch", path, {"role": "king"}).status_code == 422
    mine = f"organization/members/{ada.organization.member_id}"
    answer = asking.ask("patch", mine, {"role": "viewer"})
    assert (answer.status_code, error_of(answer)["reason"]) == (409, "conflict")
    assert asking.ask("delete", path).json() == {"deleted": True}
    assert asking.ask("delete", path).status_code == 404
    assert asking.ask("delete", mine).status_code == 409
    assert Membership.objects.filter(organization_id=ada.organization.id).count() == 1


def test_an_admins_key_makes_no_owner(ada):
    bo = member(ada, role="admin")
    answer = program(bo).ask("patch", f"organization/members/{bo.organization.member_id}", {"role": "owner"})
    assert (answer.status_code, error_of(answer)["reason"]) == (403, "role")


def test_keys_of_a_member_who_leaves_stop_or_go_to_another(ada, asking):
    bo = member(ada, role="developer")
    api_key_create(organization_id=ada.organization.id, name="bo's", member_id=bo.organization.member_id)
    path = f"organization/members/{bo.organization.member_id}"
    assert asking.ask("delete", f"{path}?keys_to=999999").status_code == 404
    assert asking.ask("delete", f"{path}?keys_to=nobody").status_code == 400
    assert asking.ask("delete", f"{path}?keys_to={ada.organization.member_id}").status_code == 200
    assert AuditEntry.objects.get(action="member.removed").details["keys"] == "handed over"


def test_an_invite_is_sent_once_listed_and_revoked(asking, django_capture_on_commit_callbacks):
    body = {"email": "Cy@Example.com", "role": "viewer", "limit_usd": 25}
    with django_capture_on_commit_callbacks(execute=True):
        first = asking.post("organization/invites", body, Idempotency_Key="invite-cy")
        again = asking.post("organization/invites", body, Idempotency_Key="invite-cy")
    assert first.status_code == 201, first.content
    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotency-Replayed"] == "true"
    assert len(mail.outbox) == 1
    assert Invite.objects.get().cap_nanos == 25 * 10**9
    assert asking.data("organization/invites") == [first.json()["data"]]
    twice = asking.post("organization/invites", body)
    assert (twice.status_code, error_of(twice)["reason"]) == (422, "invalid")
    path = f"organization/invites/{first.json()['data']['id']}"
    assert asking.ask("delete", path).json() == {"deleted": True}
    assert asking.ask("delete", path).status_code == 409
    assert asking.data("organization/invites") == []


def test_foreign_members_and_invites_are_not_there(ada, asking):
    other = program(visitor("eve"))
    invite = asking.post("organization/invites", {"email": "cy@example.com", "role": "viewer"}).json()["data"]["id"]
    assert other.ask("delete", f"organization/invites/{invite}").status_code == 404
    path = f"organization/members/{ada.organization.member_id}"
    assert other.get(path).status_code == 404
    assert other.ask("patch", path, {"role": "viewer"}).status_code == 404
    assert other.ask("delete", path).status_code == 404
    assert other.get(f"organization/members/{2**70}").status_code == 404
    assert len(other.data("organization/members")) == 1


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "offset=-1", "offset=1e9", "limit=1.5"])
def test_pages_that_cannot_be(asking, query):
    answer = asking.get(f"organization/members?{query}")
    assert answer.status_code == 400
    assert list(error_of(answer)["fields"]) == [query.partition("=")[0]]
