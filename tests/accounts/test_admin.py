"""Staff's pages: found by what customers quote, keys without secrets, nothing deleted."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from accounts.models import ApiKey, Membership, Organization, User
from accounts.services import api_key_create, organization_create, user_create

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client):
    root = User.objects.create_superuser("root@example.com", "correct horse battery")
    client.force_login(root, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.fixture
def organization():
    owner = user_create(email="owner@example.com", password=None, verified=True)
    return organization_create(name="Acme", owner=owner)


@pytest.fixture
def made(organization):
    return api_key_create(organization_id=organization.id, name="ci", member_id=Membership.objects.get().id)


def page(staff, name, *arguments, **query):
    answer = staff.get(reverse(f"admin:accounts_{name}", args=arguments), query)
    assert answer.status_code == 200
    return answer


def found(staff, name, text):
    return list(page(staff, f"{name}_changelist", q=text).context["cl"].result_list)


def test_rows_are_found_by_what_customers_quote(staff, organization, made):
    [api_key] = ApiKey.objects.all()
    for text in ("owner@example.com", made.prefix, made.last_four, "acme"):
        assert found(staff, "apikey", text) == [api_key]
    assert found(staff, "organization", "owner@example.com") == [organization]
    assert found(staff, "organization", "acme") == [organization]
    assert [user.email for user in found(staff, "user", "acme")] == ["owner@example.com"]
    assert len(found(staff, "membership", "acme")) == 1
    assert found(staff, "apikey", "nobody@example.com") == []
    page(staff, "starteridentity_changelist")


def test_a_key_is_read_without_hash_or_secret(staff, made):
    body = page(staff, "apikey_change", made.id).content.decode()
    assert made.prefix in body
    assert ApiKey.objects.get().key_hash.hex() not in body.lower()
    assert "key_hash" not in body
    assert made.secret not in body


def test_keys_are_revoked_by_an_action_and_never_made_changed_or_deleted(staff, made):
    staff.post(reverse("admin:accounts_apikey_changelist"), {"action": "revoke", "_selected_action": [made.id]})
    assert ApiKey.objects.get().revoked_at is not None
    assert staff.get(reverse("admin:accounts_apikey_add")).status_code == 403
    assert staff.post(reverse("admin:accounts_apikey_change", args=[made.id]), {"name": "x"}).status_code == 403
    assert staff.post(reverse("admin:accounts_apikey_delete", args=[made.id])).status_code == 403


def test_staff_who_may_only_look_cannot_revoke(client, made):
    looker = User.objects.create_user("looker@example.com", is_staff=True)
    looker.user_permissions.add(*_permissions("view_apikey"))
    client.force_login(looker, backend="allauth.account.auth_backends.AuthenticationBackend")
    client.post(reverse("admin:accounts_apikey_changelist"), {"action": "revoke", "_selected_action": [made.id]})
    assert ApiKey.objects.get().revoked_at is None
    looker.user_permissions.add(*_permissions("change_apikey"))
    client.post(reverse("admin:accounts_apikey_changelist"), {"action": "revoke", "_selected_action": [made.id]})
    assert ApiKey.objects.get().revoked_at is not None


def _permissions(codename):
    return Permission.objects.filter(codename=codename)


def test_a_user_is_made_with_one_spelling_of_the_address(staff):
    form = {"email": "Ada@Example.com", "usable_password": "false", "password1": "", "password2": ""}
    page(staff, "user_add")
    answer = staff.post(reverse("admin:accounts_user_add"), form)
    assert answer.status_code == 302
    user = User.objects.get(email="ada@example.com")
    assert not user.has_usable_password()
    page(staff, "user_change", user.id)
    assert staff.post(reverse("admin:accounts_user_add"), form).status_code == 200
    assert staff.post(reverse("admin:accounts_user_delete", args=[user.id])).status_code == 403


def test_an_organisation_is_deactivated_never_deleted_nor_made(staff, organization):
    member = Membership.objects.get()
    form = {
        "name": "Renamed",
        "memberships-TOTAL_FORMS": 1,
        "memberships-INITIAL_FORMS": 1,
        "memberships-0-id": member.id,
        "memberships-0-organization": organization.id,
        "memberships-0-user": member.user_id,
        "memberships-0-role": "viewer",
    }
    page(staff, "organization_change", organization.id)
    staff.post(reverse("admin:accounts_organization_change", args=[organization.id]), form)
    organization.refresh_from_db()
    assert (organization.name, organization.slug, organization.is_active) == ("Renamed", "acme", False)
    assert Membership.objects.get().role == "viewer"
    assert staff.get(reverse("admin:accounts_organization_add")).status_code == 403
    assert staff.post(reverse("admin:accounts_organization_delete", args=[organization.id])).status_code == 403
    assert Organization.objects.exists()


@pytest.mark.parametrize("name", ["user", "organization", "membership", "apikey", "starteridentity"])
def test_customers_see_no_admin(client, organization, name):
    client.force_login(
        User.objects.get(email="owner@example.com"), backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    assert client.get(reverse(f"admin:accounts_{name}_changelist")).status_code == 302
