"""Who is calling: the gateway's one query, and the notices that drop what it remembers."""

import asyncio
import secrets
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from accounts.api_keys import api_key_disable, api_key_rotate, api_key_update
from accounts.keys import key_hash, key_make
from accounts.models import ApiKey, Membership, Organization, User
from accounts.selectors import Caller, caller_get
from accounts.services import api_key_create, api_key_revoke, api_keys_touch, organization_create, user_create


@pytest.fixture
def organization(database):
    mark = secrets.token_hex(6)
    owner = user_create(email=f"owner-{mark}@example.com", password=None, verified=True)
    return organization_create(name=f"Caller {mark}", owner=owner)


@pytest.fixture
def made(organization):
    member_id = Membership.objects.get(organization=organization).id
    return api_key_create(organization_id=organization.id, name="ci", member_id=member_id)


@pytest.fixture
def dsn(database):
    parameters = connection.get_connection_params()
    return {name: parameters[name] for name in ("dbname", "user", "password", "host") if name in parameters}


def who(dsn, secret):
    """The caller, asked as the gateway asks: on an asynchronous connection of its own."""

    hashed = key_hash(secret)
    assert hashed is not None

    async def ask():
        async with await psycopg.AsyncConnection.connect(**dsn) as conn:
            return await caller_get(conn, key_hash=hashed)

    return asyncio.run(ask())


def page_of(organization, made):
    return f"/app/{organization.slug}/keys/{made.public_hash}"


def test_a_good_key_says_who_calls(dsn, organization, made):
    member_id = Membership.objects.get(organization=organization).id
    assert who(dsn, made.secret) == Caller(organization.id, made.id, member_id, None, page=page_of(organization, made))


def test_an_unknown_key_is_nobody(dsn):
    assert who(dsn, key_make().secret) is None


def test_a_revoked_key_is_nobody(dsn, organization, made):
    api_key_revoke(organization_id=organization.id, api_key_id=made.id)
    assert who(dsn, made.secret) is None


def test_an_expired_key_is_nobody_and_the_caller_knows_when(dsn, organization):
    expires_at = timezone.now() + timedelta(hours=1)
    made = api_key_create(organization_id=organization.id, name="ci", expires_at=expires_at)
    assert who(dsn, made.secret) == Caller(organization.id, made.id, None, expires_at, page=page_of(organization, made))
    past = timezone.now() - timedelta(seconds=1)
    ApiKey.objects.filter(id=made.id).update(created_at=past - timedelta(days=1), expires_at=past)
    assert who(dsn, made.secret) is None


def test_a_deactivated_organisation_or_user_is_nobody(dsn, organization, made):
    for rows in (
        Organization.objects.filter(id=organization.id),
        User.objects.filter(memberships__organization=organization),
    ):
        rows.update(is_active=False)
        assert who(dsn, made.secret) is None
        rows.update(is_active=True)
        assert who(dsn, made.secret) is not None


def test_a_key_without_a_member_still_calls(dsn, organization, made):
    Membership.objects.filter(organization=organization).delete()
    assert who(dsn, made.secret) == Caller(organization.id, made.id, None, None, page=page_of(organization, made))


def test_every_change_but_a_use_is_noticed(dsn, organization, made):
    users = User.objects.filter(memberships__organization=organization)
    one = api_key_create(organization_id=organization.id, name="one")
    changes = {
        "make": lambda: api_key_create(organization_id=organization.id, name="ci"),
        "revoke": lambda: api_key_revoke(organization_id=organization.id, api_key_id=made.id),
        "disable": lambda: api_key_disable(organization_id=organization.id, api_key_id=one.id),
        "rotate": lambda: api_key_rotate(organization_id=organization.id, api_key_id=one.id),
        "rules": lambda: api_key_update(
            organization_id=organization.id, api_key_id=one.id, changes={"allowed_ips": ["10.0.0.0/8"]}
        ),
        "bulk": lambda: ApiKey.objects.filter(organization=organization).update(name="renamed"),
        "organisation": lambda: Organization.objects.filter(id=organization.id).update(is_active=True),
        "user": lambda: users.update(is_active=True),
        "delete": lambda: ApiKey.objects.filter(organization=organization).delete(),
    }
    with psycopg.connect(**dsn, autocommit=True) as conn:
        conn.execute("LISTEN api_key")
        api_keys_touch(last_used={made.id: timezone.now()})
        users.update(last_login=timezone.now())
        Organization.objects.filter(id=organization.id).update(name="Renamed")
        for name, change in changes.items():
            change()
            [notice] = list(conn.notifies(timeout=5, stop_after=1))
            assert (notice.channel, notice.payload) == ("api_key", ""), name
        assert list(conn.notifies(timeout=0.1)) == []
