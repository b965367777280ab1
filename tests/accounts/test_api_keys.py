"""API keys through their services: rules, rotation, the switch, and what the tables refuse."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import errors
from accounts.api_key_selectors import ApiKeyFilter, api_key_get, api_keys_count, api_keys_page
from accounts.api_keys import (
    api_key_create,
    api_key_disable,
    api_key_enable,
    api_key_revoke,
    api_key_rotate,
    api_key_update,
)
from accounts.audit import audit_list
from accounts.keys import key_hash
from accounts.models import ApiKey, Membership
from accounts.services import organization_create, user_create

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization():
    return organization_create(name="Acme", owner=user_create(email="owner@example.com", password=None, verified=True))


@pytest.fixture
def made(organization):
    return api_key_create(organization_id=organization.id, name="ci")


@pytest.fixture
def which(organization, made):
    return {"organization_id": organization.id, "api_key_id": made.id}


def seen(organization, made):
    view = api_key_get(organization_id=organization.id, public_hash=made.public_hash)
    assert view is not None
    return view


def actions(organization):
    return [(line.action, line.details) for line in audit_list(organization_id=organization.id)][:-1][::-1]


def test_the_public_name_says_nothing_of_the_secret(organization, made):
    view = seen(organization, made)
    hashed = key_hash(made.secret)
    assert hashed is not None
    assert len(view.public_hash) == 64 and view.public_hash != hashed.hex()
    assert api_key_get(organization_id=organization.id + 1, public_hash=made.public_hash) is None
    assert api_key_get(organization_id=organization.id, public_hash="x\x00") is None


def test_rules_are_cleaned_kept_and_changed(organization, which):
    rules = {
        "allowed_models": ["b", "a", "a"],
        "allowed_ips": [" 10.1.2.3/8 ", "2001:DB8::/32"],
        "requests_per_minute": 5,
    }
    made = api_key_create(organization_id=organization.id, name="ruled", rules=rules)  # type: ignore[arg-type]  # a table
    view = seen(organization, made)
    assert (view.allowed_models, view.allowed_ips) == (("a", "b"), ("10.0.0.0/8", "2001:db8::/32"))
    assert view.requests_per_minute == 5
    api_key_update(organization_id=organization.id, api_key_id=made.id, changes={"name": "new", "allowed_models": None})
    view = seen(organization, made)
    assert (view.name, view.allowed_models, view.requests_per_minute) == ("new", None, 5)
    api_key_update(organization_id=organization.id, api_key_id=made.id, changes={"name": "new"})
    assert [action for action, _ in actions(organization)].count("api_key.changed") == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"allowed_models": []},
        {"allowed_models": ["x" * 201]},
        {"allowed_models": ["a\x00"]},
        {"allowed_models": [str(n) for n in range(201)]},
        {"allowed_ips": ["here"]},
        {"requests_per_minute": 0},
        {"requests_per_minute": 100_001},
        {"expires_at": timezone.now() - timedelta(days=1)},
    ],
)
def test_what_is_no_rule_is_refused(organization, made, which, changes):
    before = seen(organization, made)
    with pytest.raises(ValidationError):
        api_key_update(**which, changes=changes)
    assert seen(organization, made) == before


def test_an_expiry_that_passed_does_not_stand_in_the_way(organization, made, which):
    past = timezone.now() - timedelta(minutes=1)
    ApiKey.objects.filter(id=made.id).update(created_at=past - timedelta(days=1), expires_at=past)
    api_key_update(**which, changes={"name": "renamed", "expires_at": past})
    assert seen(organization, made).name == "renamed"
    api_key_update(**which, changes={"expires_at": None})
    assert seen(organization, made).state == "active"


def test_rotation_keeps_the_key_and_changes_the_secret(organization, made, which):
    old = seen(organization, made)
    rotated = api_key_rotate(**which, grace_seconds=3600)
    view = seen(organization, rotated)
    assert (view.id, view.public_hash, view.name) == (old.id, old.public_hash, old.name)
    assert rotated.secret != made.secret and rotated.secret.endswith(view.last_four)
    row = ApiKey.objects.get(id=made.id)
    assert row.previous_key_hash is not None and view.previous_valid_until is not None
    assert bytes(row.previous_key_hash) == key_hash(made.secret)
    assert abs(view.previous_valid_until - timezone.now() - timedelta(hours=1)) < timedelta(minutes=1)
    again = api_key_rotate(**which)
    row = ApiKey.objects.get(id=made.id)
    assert row.previous_key_hash is None and row.previous_valid_until is None
    assert bytes(row.key_hash) == key_hash(again.secret)
    assert actions(organization) == [
        ("api_key.rotated", {"grace_seconds": "3600"}),
        ("api_key.rotated", {"grace_seconds": "0"}),
    ]
    for seconds in (-1, 24 * 3600 + 1):
        with pytest.raises(ValidationError):
            api_key_rotate(**which, grace_seconds=seconds)


def test_the_switch_goes_off_and_on(organization, made, which):
    for _ in range(2):
        api_key_disable(**which)
    assert seen(organization, made).state == "disabled"
    for _ in range(2):
        api_key_enable(**which)
    assert seen(organization, made).state == "active"
    assert [action for action, _ in actions(organization)] == ["api_key.disabled", "api_key.enabled"]


def test_revoked_is_final(organization, made, which):
    for _ in range(2):
        api_key_revoke(**which)
    for act in (api_key_disable, api_key_enable, api_key_rotate):
        with pytest.raises(errors.ApiKeyRevoked):
            act(**which)
    with pytest.raises(errors.ApiKeyRevoked):
        api_key_update(**which, changes={"name": "x"})
    assert seen(organization, made).state == "revoked"


def test_foreign_keys_are_not_there_and_viewers_change_nothing(organization, made, which):
    viewer = user_create(email="v@example.com", password=None, verified=True)
    member = Membership.objects.create(user=viewer, organization=organization, role="viewer")
    for act in (api_key_disable, api_key_enable, api_key_rotate, api_key_revoke):
        with pytest.raises(errors.ApiKeyNotFound):
            act(organization_id=organization.id + 1, api_key_id=made.id)
        with pytest.raises(errors.RoleNotAllowed):
            act(**which, member_id=member.id)
    assert seen(organization, made).state == "active"


@pytest.mark.parametrize(
    "change",
    [
        {"public_hash": "A" * 64},
        {"previous_key_hash": b"x" * 31, "previous_valid_until": timezone.now()},
        {"previous_key_hash": b"x" * 32},
        {"previous_valid_until": timezone.now()},
        {"allowed_models": []},
        {"allowed_models": "gpt"},
        {"allowed_ips": {}},
        {"requests_per_minute": 0},
    ],
)
def test_the_table_refuses_it_too(made, change):
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.filter(id=made.id).update(**change)


def test_pages_filters_and_counts(organization):
    keys = [api_key_create(organization_id=organization.id, name=f"robot {n}") for n in range(5)]
    ids = [key.id for key in keys][::-1]
    api_key_disable(organization_id=organization.id, api_key_id=keys[0].id)
    api_key_revoke(organization_id=organization.id, api_key_id=keys[1].id)
    past = timezone.now() - timedelta(minutes=1)
    ApiKey.objects.filter(id=keys[2].id).update(created_at=past - timedelta(days=1), expires_at=past)

    def page(**wanted):
        only = ApiKeyFilter(**wanted.pop("only", {}))
        found = [key.id for key in api_keys_page(organization_id=organization.id, only=only, **wanted)]
        assert api_keys_count(organization_id=organization.id, only=only) >= len(found)
        return found

    assert page() == ids
    assert page(limit=2) == ids[:2]
    assert page(limit=2, after=ids[1]) == ids[2:4]
    assert page(limit=2, offset=4) == ids[4:]
    states = {"disabled": keys[0].id, "revoked": keys[1].id, "expired": keys[2].id}
    assert {state: page(only={"state": state}) for state in states} == {state: [id_] for state, id_ in states.items()}
    assert page(only={"state": "active"}) == ids[:2]
    assert page(only={"q": "BOT 3"}) == [keys[3].id]
    assert page(only={"q": keys[4].last_four}) == [keys[4].id]
    assert page(only={"q": "%"}) == [] and page(only={"q": "\x00"}) == ids
    assert page(only={"ids": [keys[4].id]}) == [keys[4].id]
    assert page(only={"ids": []}) == []
