"""Users, organisations and API keys through the services."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils import timezone

from accounts import api_keys, errors, services
from accounts.keys import key_hash
from accounts.models import ApiKey, Membership, Organization
from accounts.roles import Action, Role, role_may
from accounts.selectors import (
    api_key_names,
    api_keys_list,
    organization_access,
    organization_by_slug_or_name,
    organization_name_taken,
    organizations_of,
)

pytestmark = pytest.mark.django_db
GOOD_PASSWORD = "correct horse battery"


def make_user(email="owner@example.com", *, verified=True):
    return services.user_create(email=email, password=None, verified=verified)


@pytest.fixture
def owner():
    return make_user()


@pytest.fixture
def organization(owner):
    return services.organization_create(name="Acme", owner=owner)


def member(organization, role, *, verified=True):
    user = make_user(f"{role}@example.com", verified=verified)
    return Membership.objects.create(user=user, organization=organization, role=role)


def test_a_user_is_made_with_an_address_to_verify():
    user = services.user_create(email=" Ada@Example.com ", password=GOOD_PASSWORD, verified=False)
    assert user.email == "ada@example.com"
    assert user.password.startswith("argon2")
    assert list(EmailAddress.objects.values_list("email", "verified", "primary")) == [(user.email, False, True)]


@pytest.mark.parametrize(
    ("email", "password"),
    [("", None), ("no-at", None), ("a@b", None), ("nul\x00@example.com", None), ("a@example.com", "short"),
     ("a@example.com", "qwertyuiop123"), ("longlocalpart@example.com", "longlocalpart")],
)  # fmt: skip
def test_a_bad_address_or_password_is_refused(email, password):
    with pytest.raises(ValidationError):
        services.user_create(email=email, password=password, verified=True)


def test_an_address_is_taken_in_any_case(owner):
    with pytest.raises(errors.EmailTaken):
        make_user("OWNER@example.com")


def test_organisations_of_one_name_get_slugs_of_their_own(owner, organization):
    again = services.organization_create(name=" Acme\x00 ", owner=owner)
    assert (organization.slug, again.name) == ("acme", "Acme")
    assert again.slug.startswith("acme-")
    assert [(view.slug, view.role) for view in organizations_of(user=owner)] == [
        ("acme", "owner"), (again.slug, "owner"),
    ]  # fmt: skip


def test_an_organisation_without_a_name_is_refused_whole(owner):
    with pytest.raises(ValidationError):
        services.organization_create(name=" ", owner=owner)
    assert not Organization.objects.exists()


def test_a_stranger_and_an_unknown_organisation_look_alike(owner, organization):
    assert organization_access(user=owner, slug="acme").id == organization.id
    for user, slug in [
        (make_user("stranger@example.com"), "acme"), (owner, "nothing"), (owner, "a\x00b"), (AnonymousUser(), "acme"),
    ]:  # fmt: skip
        with pytest.raises(Http404):
            organization_access(user=user, slug=slug)
    assert organizations_of(user=AnonymousUser()) == []


def test_a_deactivated_organisation_is_closed(owner, organization):
    Organization.objects.update(is_active=False)
    assert organizations_of(user=owner) == []
    with pytest.raises(Http404):
        organization_access(user=owner, slug="acme")
    with pytest.raises(errors.OrganizationNotFound):
        organization_by_slug_or_name(reference="acme")
    with pytest.raises(errors.OrganizationNotFound):
        services.api_key_create(organization_id=organization.id, name="ci")


def test_operators_find_an_organisation_by_slug_or_exact_name(owner, organization):
    twin = [services.organization_create(name="Twin", owner=owner) for _ in range(2)][1]
    assert organization_by_slug_or_name(reference="acme").id == organization.id
    assert organization_by_slug_or_name(reference="Acme").id == organization.id
    assert organization_by_slug_or_name(reference=twin.slug).id == twin.id
    for reference in ("ACME", "", "\x00", "x" * 1000):
        with pytest.raises(errors.OrganizationNotFound):
            organization_by_slug_or_name(reference=reference)
    with pytest.raises(errors.OrganizationAmbiguous, match="use the slug"):
        organization_by_slug_or_name(reference="Twin")
    assert organization_name_taken(name="aCME")
    assert not organization_name_taken(name="Other")


def test_a_key_is_kept_as_a_hash_with_what_people_know_it_by(owner, organization):
    made = services.api_key_create(organization_id=organization.id, name=" ci\x00 ")
    row = ApiKey.objects.get()
    assert bytes(row.key_hash) == key_hash(made.secret)
    assert (row.id, row.name, row.prefix, row.last_four) == (made.id, "ci", made.secret[:8], made.secret[-4:])
    assert made.secret not in repr(made)
    assert made.secret not in str(list(ApiKey.objects.values()))
    [view] = api_keys_list(organization_id=organization.id)
    assert (view.state, view.created_by, view.last_used_at) == ("active", None, None)
    assert api_key_names(organization_id=organization.id) == {made.id: "ci"}


def test_an_expiry_is_in_the_future_and_has_a_zone(organization):
    now = timezone.now()
    for expires_at in (now, now - timedelta(days=1), now.replace(tzinfo=None) + timedelta(days=1)):
        with pytest.raises(ValidationError):
            services.api_key_create(organization_id=organization.id, name="ci", expires_at=expires_at)
    services.api_key_create(organization_id=organization.id, name="ci", expires_at=now + timedelta(days=1))


def test_revoked_and_expired_are_told_apart(organization, time_machine):
    start = timezone.now()
    keys = {}
    for name in ("active", "expired", "revoked"):
        expires_at = start + timedelta(days=1) if name == "expired" else None
        keys[name] = services.api_key_create(organization_id=organization.id, name=name, expires_at=expires_at)
    services.api_key_revoke(organization_id=organization.id, api_key_id=keys["revoked"].id)
    time_machine.move_to(start + timedelta(days=2))
    assert all(view.state == view.name for view in api_keys_list(organization_id=organization.id))


def test_revoking_twice_keeps_the_first_time(organization):
    made = services.api_key_create(organization_id=organization.id, name="ci")
    services.api_key_revoke(organization_id=organization.id, api_key_id=made.id)
    first = ApiKey.objects.get().revoked_at
    services.api_key_revoke(organization_id=organization.id, api_key_id=made.id)
    assert ApiKey.objects.get().revoked_at == first is not None


def test_a_foreign_key_is_not_found_and_lives_on(owner, organization):
    other = services.organization_create(name="Other", owner=owner)
    made = services.api_key_create(organization_id=other.id, name="ci")
    for api_key_id in (made.id, made.id + 1000):
        with pytest.raises(errors.ApiKeyNotFound):
            services.api_key_revoke(organization_id=organization.id, api_key_id=api_key_id)
    assert api_keys_list(organization_id=other.id)[0].state == "active"
    assert api_keys_list(organization_id=organization.id) == []


ROLE_TABLE = """
role      read api_keys_change money_change members_change limits_change alerts_change settings_change audit_read management_keys_change
owner     yes  yes             yes          yes            yes           yes           yes             yes        yes
admin     yes  yes             yes          yes            yes           yes           yes             yes        yes
developer yes  yes             no           no             no            no            no              no         no
billing   yes  no              yes          no             no            no            no              no         no
viewer    yes  no              no           no             no            no            no              no         no
"""  # noqa: E501 -- a table


def test_roles_may_what_the_table_says():
    head, *rows = [line.split() for line in ROLE_TABLE.strip().splitlines()]
    assert [row[0] for row in rows] == list(Role)
    assert head[1:] == list(Action)
    for role, *answers in rows:
        assert [role_may(role, action) for action in Action] == [answer == "yes" for answer in answers]


@pytest.mark.parametrize("role", list(Role))
def test_members_make_and_revoke_keys_as_their_role_allows(organization, role):
    who = member(organization, role) if role != Role.OWNER else organization.memberships.get()
    made = services.api_key_create(organization_id=organization.id, name="operator's")
    view = organization_access(user=who.user, slug=organization.slug)
    assert view.may_change_money == role_may(role, Action.MONEY_CHANGE)
    if view.may_change_api_keys:
        services.api_key_create(organization_id=organization.id, name="theirs", member_id=who.id)
        services.api_key_revoke(organization_id=organization.id, api_key_id=made.id, member_id=who.id)
        assert [key.created_by for key in api_keys_list(organization_id=organization.id)] == [who.user.email, None]
    else:
        with pytest.raises(errors.RoleNotAllowed):
            services.api_key_create(organization_id=organization.id, name="theirs", member_id=who.id)
        with pytest.raises(errors.RoleNotAllowed):
            services.api_key_revoke(organization_id=organization.id, api_key_id=made.id, member_id=who.id)
        assert [key.state for key in api_keys_list(organization_id=organization.id)] == ["active"]


def test_members_from_elsewhere_unverified_or_inactive_get_no_key(owner, organization):
    other = services.organization_create(name="Other", owner=owner)
    foreign = other.memberships.get()
    unverified = member(organization, "admin", verified=False)
    inactive = member(organization, "developer")
    inactive.user.is_active = False
    inactive.user.save()
    for who, error in [
        (foreign, errors.MemberNotFound), (unverified, errors.EmailNotVerified), (inactive, errors.MemberNotFound),
    ]:  # fmt: skip
        with pytest.raises(error):
            services.api_key_create(organization_id=organization.id, name="ci", member_id=who.id)
    assert not ApiKey.objects.exists()


def test_a_key_outlives_its_member(organization):
    who = member(organization, "developer")
    services.api_key_create(organization_id=organization.id, name="ci", member_id=who.id)
    who.delete()
    assert [key.created_by for key in api_keys_list(organization_id=organization.id)] == [None]


def test_an_organisation_has_a_limit_of_active_keys(organization, monkeypatch):
    monkeypatch.setattr(api_keys, "API_KEYS_ACTIVE_MAX", 2)
    first, _ = [services.api_key_create(organization_id=organization.id, name="ci") for _ in range(2)]
    with pytest.raises(errors.ApiKeysTooMany):
        services.api_key_create(organization_id=organization.id, name="ci")
    services.api_key_revoke(organization_id=organization.id, api_key_id=first.id)
    services.api_key_create(organization_id=organization.id, name="ci")


def test_last_use_only_moves_forward(organization):
    first, second = [services.api_key_create(organization_id=organization.id, name="ci") for _ in range(2)]
    now = timezone.now()
    services.api_keys_touch(last_used={second.id: now, first.id: now, 2**40: now})
    services.api_keys_touch(last_used={first.id: now - timedelta(hours=1), second.id: now + timedelta(hours=1)})
    services.api_keys_touch(last_used={})
    assert [key.last_used_at for key in api_keys_list(organization_id=organization.id)] == [
        now + timedelta(hours=1), now,
    ]  # fmt: skip
