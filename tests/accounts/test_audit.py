"""The audit log: written with the act, in its organisation alone, and never changed."""

import pytest
from django.db import DatabaseError, connection, transaction

from accounts import services
from accounts.audit import AuditFilter, audit_list, audit_record
from accounts.models import AuditEntry, Membership

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return services.user_create(email="owner@example.com", password=None, verified=True)


@pytest.fixture
def organization(owner):
    return services.organization_create(name="Acme", owner=owner)


def actions(organization):
    return [line.action for line in audit_list(organization_id=organization.id)]


def test_making_and_revoking_a_key_leave_a_line_each(owner, organization):
    member = Membership.objects.get(user=owner)
    made = services.api_key_create(organization_id=organization.id, name="ci", member_id=member.id)
    for _ in range(2):
        services.api_key_revoke(organization_id=organization.id, api_key_id=made.id, member_id=member.id)
    lines = audit_list(organization_id=organization.id)
    assert [(line.actor, line.action, line.target) for line in lines] == [
        ("owner@example.com", "api_key.revoked", "ci"),
        ("owner@example.com", "api_key.created", "ci"),
    ]
    assert made.secret not in str(lines)


def test_an_act_that_fails_leaves_no_line(owner, organization):
    with pytest.raises(RuntimeError), transaction.atomic():
        services.api_key_create(organization_id=organization.id, name="ci")
        raise RuntimeError
    assert actions(organization) == []


def test_filters_and_pages(owner, organization):
    for number in range(5):
        audit_record(
            organization_id=organization.id, user_id=owner.pk, action=f"a.{number % 2}", target=f"key {number}"
        )
    audit_record(organization_id=organization.id + 1, user_id=owner.pk, action="a.0")
    newest = audit_list(organization_id=organization.id, limit=2)
    assert [line.target for line in newest] == ["key 4", "key 3"]
    older = audit_list(organization_id=organization.id, before=newest[-1].id)
    assert [line.target for line in older] == ["key 2", "key 1", "key 0"]
    only = AuditFilter(action="a.0", actor="owner@example.com", target="KEY 2")
    assert [line.target for line in audit_list(organization_id=organization.id, only=only)] == ["key 2"]


@pytest.mark.parametrize("change", ["UPDATE accounts_auditentry SET actor = 'x'", "DELETE FROM accounts_auditentry"])
def test_the_table_refuses_every_change(organization, change):
    audit_record(organization_id=organization.id, user_id=None, action="a.b")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)
    assert AuditEntry.objects.count() == 1
