"""The database refuses what the services would never write."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import ApiKey, Membership, Organization, User
from accounts.services import api_key_create, organization_create, user_create

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return user_create(email="owner@example.com", password=None, verified=True)


@pytest.fixture
def organization(owner):
    return organization_create(name="Acme", owner=owner)


def test_one_user_for_an_address_whatever_its_case(owner):
    for email in ("owner@example.com", "OWNER@example.com", "Fresh@example.com"):
        with pytest.raises(IntegrityError), transaction.atomic():
            User(email=email).save()


def test_the_manager_makes_users_and_staff():
    user = User.objects.create_user(" Ada@Example.com ", "a long enough password")
    assert (user.email, user.is_staff, user.check_password("a long enough password")) == (
        "ada@example.com", False, True,
    )  # fmt: skip
    root = User.objects.create_superuser("root@example.com", "a long enough password")
    assert root.is_staff
    assert root.is_superuser
    assert User.objects.get_by_natural_key("ADA@example.com") == user
    with pytest.raises(ValueError, match="e-mail"):
        User.objects.create_user("")


@pytest.mark.parametrize("role", ["", "king", "OWNER"])
def test_an_unknown_role_is_refused(owner, organization, role):
    with pytest.raises(IntegrityError):
        Membership.objects.update(role=role)


def test_a_user_is_a_member_once(owner, organization):
    with pytest.raises(IntegrityError):
        Membership.objects.create(user=owner, organization=organization, role="viewer")


@pytest.mark.parametrize("slug", ["", "Upper", "two--dashes", "-start", "with space", "\u00fcber"])
def test_a_slug_of_another_form_is_refused(organization, slug):
    with pytest.raises(IntegrityError):
        Organization.objects.update(slug=slug)


@pytest.mark.parametrize("key_hash", [b"", b"x" * 31, b"x" * 33])
def test_a_key_hash_has_32_bytes(organization, key_hash):
    with pytest.raises(IntegrityError):
        ApiKey.objects.create(organization=organization, name="ci", key_hash=key_hash)


def test_a_key_hash_is_there_once_and_expiry_is_after_making(organization):
    api_key_create(organization_id=organization.id, name="ci")
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.create(organization=organization, name="again", key_hash=ApiKey.objects.get().key_hash)
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.update(expires_at=timezone.now() - timedelta(days=1))
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.update(name="")
