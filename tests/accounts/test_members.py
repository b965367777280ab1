"""Invites, roles and removals through their doors: links are clicked in the outbox."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.audit import audit_list
from accounts.errors import LastOwner, RoleNotAllowed
from accounts.invites import invites_of
from accounts.members import member_remove, member_role_change
from accounts.models import ApiKey, Invite, Membership
from billing.ledger import wallet_open
from billing.limits import limits_list

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
LINK = re.compile(r"https?://\S+?(/invite/\S+)")


@pytest.fixture(autouse=True)
def _fresh():
    cache.clear()


def person(name, **more):
    return services.user_create(email=f"{name}@example.com", password=PASSWORD, verified=True, **more)


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner():
    return person("owner")


@pytest.fixture
def organization(owner):
    made = services.organization_create(name="Acme", owner=owner)
    wallet_open(organization_id=made.id)
    return made


@pytest.fixture
def invited(owner, organization, django_capture_on_commit_callbacks):
    """The path of an invite's link, out of its mail."""
    with django_capture_on_commit_callbacks(execute=True):
        answer = signed_in(owner).post(
            "/app/acme/members", {"email": "Grace@Example.com", "role": "developer", "cap_nanos": "25"}
        )
    assert answer.status_code == 302, answer.content
    message = mail.outbox[-1]
    assert message.to == ["grace@example.com"]
    assert link_in(message) in str(message.message())
    return link_in(message)


def actions(organization):
    return [line.action for line in audit_list(organization_id=organization.id)]


def link_in(message):
    found = LINK.search(str(message.body))
    assert found, message.body
    return found[1]


def member_of(organization, email="grace@example.com"):
    return Membership.objects.filter(organization=organization, user__email=email).first()


def test_a_newcomer_signs_up_without_a_code_and_joins_with_a_cap(organization, invited):
    client = Client()
    page = client.get(invited)
    assert "Make an account" in page.content.decode()
    assert b"grace@example.com" in client.get("/accounts/signup/", {"next": invited}).content
    answer = client.post("/accounts/signup/", {"email": "grace@example.com", "password1": PASSWORD, "next": invited})
    assert answer["Location"] == invited
    for _ in range(2):  # A double submit is one joining.
        assert client.post(invited)["Location"] == "/app/acme/"
    member = member_of(organization)
    assert member.role == "developer"
    limits = limits_list(organization_id=organization.id)
    assert [(each.member_id, each.period, each.amount_nanos) for each in limits] == [
        (member.id, "monthly", 25_000_000_000)
    ]
    assert actions(organization).count("invite.accepted") == 1


def test_the_link_verifies_its_own_address_only(invited):
    client = Client()
    client.get(invited)
    client.post("/accounts/signup/", {"email": "mallory@example.com", "password1": PASSWORD})
    assert "_auth_user_id" not in client.session


def test_somebody_else_is_told_and_cannot_join(organization, invited):
    client = signed_in(person("mallory"))
    assert "You are mallory@example.com; this invite is for grace@example.com" in client.get(invited).content.decode()
    client.post(invited)
    assert member_of(organization) is None
    assert member_of(organization, "mallory@example.com") is None


def test_an_expired_link_asks_for_a_new_one_once(organization, invited, django_capture_on_commit_callbacks):
    Invite.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "has expired" in Client().get(invited).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        Client().post(invited)
        Client().post(invited)
    assert [message.to for message in mail.outbox[1:]] == [["owner@example.com"]]
    assert "/app/acme/members" in mail.outbox[-1].body


def test_a_revoked_link_and_one_sent_again(owner, organization, invited, django_capture_on_commit_callbacks):
    client, invite = signed_in(owner), Invite.objects.get()
    client.post(f"/app/acme/invites/{invite.id}/resend")  # Too soon: nothing is sent.
    Invite.objects.update(sent_at=timezone.now() - timedelta(minutes=2))
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"/app/acme/invites/{invite.id}/resend")
    assert len(mail.outbox) == 2
    newer = link_in(mail.outbox[-1])
    assert Client().get(invited).status_code == 404
    client.post(f"/app/acme/invites/{invite.id}/revoke")
    assert "taken back" in Client().get(newer).content.decode()
    assert invites_of(organization_id=organization.id) == []
    unknown = Client().get("/invite/no-such-token")
    assert unknown.status_code == 404
    assert "A piece of the link may be missing" in unknown.content.decode()


@pytest.mark.parametrize(
    "typed",
    [{"email": "no-at"}, {"email": "owner@example.com"}, {"role": "king"}, {"cap_nanos": "-1"}, {"email": ""}],
)
def test_a_bad_invite_is_refused(owner, organization, typed):
    good = {"email": "a@example.com", "role": "viewer", "cap_nanos": ""}
    assert signed_in(owner).post("/app/acme/members", good | typed).status_code == 422
    assert not Invite.objects.exists()
    assert mail.outbox == []


def join(organization, name, role):
    return Membership.objects.create(organization=organization, user=person(name), role=role)


def test_the_last_owner_stays(owner, organization):
    mine = Membership.objects.get(user=owner)
    common = {"organization_id": organization.id, "member_id": mine.id, "by_member_id": mine.id}
    with pytest.raises(LastOwner):
        member_role_change(role="admin", **common)
    with pytest.raises(LastOwner):
        member_remove(keys="revoke", **common)
    other = join(organization, "second", "owner")
    member_role_change(role="admin", **common)
    mine.refresh_from_db()
    assert mine.role == "admin"
    with pytest.raises(RoleNotAllowed):  # An admin neither makes nor unmakes owners.
        member_role_change(organization_id=organization.id, member_id=other.id, role="viewer", by_member_id=mine.id)
    with pytest.raises(RoleNotAllowed):
        member_role_change(role="owner", **common)


@pytest.mark.parametrize("keys", ["revoke", "hand_over"])
def test_removal_says_what_becomes_of_the_keys(owner, organization, keys):
    mine, leaving = Membership.objects.get(user=owner), join(organization, "dev", "developer")
    made = services.api_key_create(organization_id=organization.id, name="ci", member_id=leaving.id)
    client = signed_in(owner)
    path = f"/app/acme/members/{leaving.id}/remove"
    client.post(path, {})
    assert Membership.objects.filter(id=leaving.id).exists()
    client.post(path, {"keys": keys, "to_member_id": mine.id})
    assert not Membership.objects.filter(id=leaving.id).exists()
    key = ApiKey.objects.get(id=made.id)
    assert (key.revoked_at is None, key.member_id) == ((True, mine.id) if keys == "hand_over" else (False, None))
    assert client.post(path, {"keys": keys}).status_code == 404


def test_keys_go_to_nobody_who_may_not_have_them(owner, organization):
    viewer, leaving = join(organization, "viewer", "viewer"), join(organization, "dev", "developer")
    signed_in(owner).post(f"/app/acme/members/{leaving.id}/remove", {"keys": "hand_over", "to_member_id": viewer.id})
    assert Membership.objects.filter(id=leaving.id).exists()


def test_leaving_renaming_and_another_organisation(owner, organization):
    dev = join(organization, "dev", "developer")
    client = signed_in(dev.user)
    assert client.post("/app/acme/settings", {"name": "Mine"}).status_code == 403
    assert "New holder" in client.get("/app/acme/settings").content.decode()
    assert client.post(f"/app/acme/members/{dev.id}/remove", {"keys": "revoke"})["Location"] == "/app/"
    assert client.get("/app/acme/").status_code == 404
    boss = signed_in(owner)
    assert "New holder" not in boss.get("/app/acme/settings").content.decode()  # Nobody is left to be one.
    hostile = "<script>alert(1)</script>"
    boss.post("/app/acme/settings", {"name": hostile})
    page = boss.get("/app/acme/members").content.decode()
    assert hostile not in page
    assert "&lt;script&gt;" in page
    assert boss.post("/organizations/new", {"name": "Second"})["Location"] == "/app/second/"
    assert boss.get("/app/second/").status_code == 200
    assert boss.post("/organizations/new", {"name": ""}).status_code == 422
    assert actions(organization)[:2] == ["organization.renamed", "member.left"]
    lines = boss.get("/app/acme/audit", {"action": "member.left"}).content.decode()
    assert "dev@example.com" in lines
    assert boss.get("/app/acme/audit", {"before": "x"}).status_code == 404
    assert "Nothing matches" in boss.get("/app/acme/audit", {"action": "none"}).content.decode()


def test_forms_want_their_token(owner, organization):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert client.post("/app/acme/members", {"email": "a@example.com", "role": "viewer"}).status_code == 403
