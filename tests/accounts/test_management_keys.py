"""Management keys: made by those who may, shown once, and never more than their member is at the moment."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import errors, services
from accounts.audit import acting_via, audit_list
from accounts.keys import key_hash, key_make, management_key_hash
from accounts.management_keys import (
    MANAGEMENT_KEYS_ACTIVE_MAX,
    SCOPES,
    management_caller_get,
    management_key_create,
    management_key_revoke,
    management_keys_list,
)
from accounts.members import member_remove
from accounts.models import ManagementKey, Membership, Organization, User

pytestmark = pytest.mark.django_db
HOME = "203.0.113.7"


@pytest.fixture
def organization():
    owner = services.user_create(email="owner@example.com", password=None, verified=True)
    return services.organization_create(name="Acme", owner=owner)


@pytest.fixture
def owner(organization):
    return Membership.objects.get(organization=organization)


def another(organization, role):
    user = services.user_create(email=f"another-{role}@example.com", password=None, verified=True)
    return Membership.objects.create(user=user, organization=organization, role=role)


def make(member, **wanted):
    wanted = {"name": "ci", "scopes": ["keys:write"]} | wanted
    return management_key_create(organization_id=member.organization_id, member_id=member.id, **wanted)


def caller_of(secret, ip):
    caller = management_caller_get(secret, ip)
    assert caller is not None
    return caller


def test_a_key_acts_as_its_member_within_its_scopes(organization, owner):
    made = make(owner, scopes=["usage:read", "keys:write"])
    caller = caller_of(made.secret, HOME)
    assert (caller.organization_id, caller.organization_slug) == (organization.id, "acme")
    assert (caller.member_id, caller.user_id, caller.role) == (owner.id, owner.user_id, "owner")
    assert caller.scopes == {"keys:write", "usage:read"}
    assert [scope for scope in SCOPES if caller.may(scope)] == ["keys:read", "keys:write", "usage:read"]
    [seen] = management_keys_list(organization_id=organization.id)
    assert (seen.name, seen.state, seen.created_by) == ("ci", "active", "owner@example.com")
    assert seen.last_used_at is not None
    assert made.secret.startswith(seen.prefix) and made.secret.endswith(seen.last_four)
    assert made.secret not in repr(made) and made.secret not in str(ManagementKey.objects.values())


def test_the_two_kinds_of_key_are_never_taken_for_each_other(owner):
    made = make(owner)
    assert made.secret.startswith("sk-mgmt-") and key_hash(made.secret) is None
    assert management_key_hash(key_make().secret) is None
    assert management_caller_get(key_make().secret, HOME) is None
    assert management_caller_get(made.secret[:-1] + "é", HOME) is None


def test_it_never_does_more_than_its_member_may_now(organization, owner):
    admin = another(organization, "admin")
    made = make(admin, scopes=list(SCOPES))
    assert caller_of(made.secret, HOME).may("members:write")
    Membership.objects.filter(id=admin.id).update(role="viewer")
    caller = caller_of(made.secret, HOME)
    assert [scope for scope in SCOPES if caller.may(scope)] == [s for s in SCOPES if s.endswith(":read")]


def test_it_stops_with_its_member(organization, owner):
    admin = another(organization, "admin")
    made = make(admin)
    User.objects.filter(id=admin.user_id).update(is_active=False)
    assert management_caller_get(made.secret, HOME) is None
    User.objects.filter(id=admin.user_id).update(is_active=True)
    member_remove(organization_id=organization.id, member_id=admin.id, keys="revoke", by_member_id=owner.id)
    assert management_caller_get(made.secret, HOME) is None
    assert [key.state for key in management_keys_list(organization_id=organization.id)] == ["revoked"]
    other = make(another(organization, "owner"))
    Membership.objects.filter(role="owner").exclude(id=owner.id).delete()
    assert management_caller_get(other.secret, HOME) is None
    assert management_keys_list(organization_id=organization.id)[0].state == "orphaned"


def test_it_stops_when_revoked_expired_or_its_organisation_is_off(organization, owner):
    revoked, expired, off = (make(owner, name=name) for name in ("a", "b", "c"))
    for _ in range(2):
        management_key_revoke(organization_id=organization.id, management_key_id=revoked.id, member_id=owner.id)
    past = timezone.now() - timedelta(seconds=1)
    ManagementKey.objects.filter(id=expired.id).update(created_at=past - timedelta(days=1), expires_at=past)
    assert management_caller_get(revoked.secret, HOME) is None
    assert management_caller_get(expired.secret, HOME) is None
    states = {key.name: key.state for key in management_keys_list(organization_id=organization.id)}
    assert states == {"a": "revoked", "b": "expired", "c": "active"}
    Organization.objects.update(is_active=False)
    assert management_caller_get(off.secret, HOME) is None
    lines = [(line.action, line.target, line.actor) for line in audit_list(organization_id=organization.id)]
    assert lines.count(("management_key.revoked", "a", "owner@example.com")) == 1


@pytest.mark.parametrize(
    ("allowed", "address", "works"),
    [
        ([], None, True),
        ([HOME], HOME, True),
        (["203.0.113.9/24"], HOME, True),
        (["203.0.113.0/24"], f"::ffff:{HOME}", True),
        (["2001:db8::/32"], "2001:DB8::1", True),
        (["203.0.113.0/24"], "203.0.114.1", False),
        (["0.0.0.0/0"], "::1", False),
        (["203.0.113.0/24"], None, False),
        (["203.0.113.0/24"], "unix", False),
    ],
)
def test_only_from_its_networks(owner, allowed, address, works):
    made = make(owner, allowed_ips=allowed)
    assert (management_caller_get(made.secret, address) is not None) == works


def test_who_may_make_one(organization, owner):
    for role in ("developer", "billing", "viewer"):
        with pytest.raises(errors.RoleNotAllowed):
            make(another(organization, role))
    with pytest.raises(errors.MemberNotFound):
        management_key_create(organization_id=organization.id, member_id=0, name="ci", scopes=["keys:read"])
    with pytest.raises(errors.ManagementKeyNotFound):
        management_key_revoke(organization_id=organization.id, management_key_id=0, member_id=owner.id)
    assert not ManagementKey.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"scopes": []},
        {"scopes": ["keys:write", "root"]},
        {"allowed_ips": ["10.0.0.0/33"]},
        {"allowed_ips": [f"10.0.{n}.0/24" for n in range(51)]},
        {"expires_at": timezone.now() - timedelta(days=1)},
    ],
)
def test_what_is_no_key_is_refused(owner, wrong):
    with pytest.raises(ValidationError):
        make(owner, **wrong)


def test_there_is_an_end_to_them(owner):
    rows = [ManagementKey(organization_id=owner.organization_id, member=owner, name="k", key_hash=bytes([n]) * 32,
                          prefix="sk-mgmt-x", last_four="abcd", scopes=["keys:read"])
            for n in range(MANAGEMENT_KEYS_ACTIVE_MAX)]  # fmt: skip
    ManagementKey.objects.bulk_create(rows)
    with pytest.raises(errors.ManagementKeysTooMany):
        make(owner)
    ManagementKey.objects.filter(key_hash=bytes(32)).update(revoked_at=timezone.now())
    make(owner)


@pytest.mark.parametrize("change", [{"scopes": []}, {"scopes": {}}, {"allowed_ips": "x"}, {"name": ""}])
def test_the_table_refuses_it_too(owner, change):
    made = make(owner)
    with pytest.raises(IntegrityError), transaction.atomic():
        ManagementKey.objects.filter(id=made.id).update(**change)


def test_what_is_done_through_a_key_says_so(organization, owner):
    caller = caller_of(make(owner).secret, HOME)
    with acting_via(caller.via):
        services.api_key_create(organization_id=organization.id, name="made", member_id=caller.member_id)
    services.api_key_create(organization_id=organization.id, name="by hand", member_id=caller.member_id)
    by_hand, made, _ = audit_list(organization_id=organization.id)
    assert (made.actor, made.details) == ("owner@example.com", {"via": "management key “ci”"})
    assert by_hand.details == {}
