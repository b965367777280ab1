"""Every write of users and organisations; those of API keys are passed on from a module of their own."""

import secrets

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from accounts.api_keys import (
    API_KEYS_ACTIVE_MAX as API_KEYS_ACTIVE_MAX,
    NewApiKey as NewApiKey,
    api_key_create as api_key_create,
    api_key_revoke as api_key_revoke,
    api_keys_touch as api_keys_touch,
)
from accounts.audit import audit_record
from accounts.errors import (
    EmailNotVerified,
    EmailTaken,
    OrganizationsTooMany,
)
from accounts.models import Membership, Organization, StarterIdentity, User
from accounts.names import identity_hash, name_clean, slug_make
from accounts.roles import Role
from accounts.selectors import email_verified

ORGANIZATIONS_OWNED_MAX = 20
_SLUG_TRIES = 8
_SLUG_SUFFIX_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"


@transaction.atomic
def user_create(*, email: str, password: str | None, verified: bool) -> User:
    """Make a user; without a password a reset by e-mail is the way in. Raises `ValidationError`, `EmailTaken`."""
    email = email.strip().lower()
    validate_email(email)
    if password is not None:
        validate_password(password, User(email=email))
    if User.objects.filter(email=email).exists():
        raise EmailTaken(f"There is already a user with the e-mail address {email}.")
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password)
    except IntegrityError as error:  # somebody else made it between the question and the answer
        raise EmailTaken(f"There is already a user with the e-mail address {email}.") from error
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=verified)
    return user


@transaction.atomic
def organization_create(*, name: str, owner: User) -> Organization:
    """Make an organisation with a slug of its own and `owner` as its owner. Raises `ValidationError`."""
    name = name_clean(name, what="organisation")
    organization = _organization_insert(name)
    Membership.objects.create(user=owner, organization=organization, role=Role.OWNER)
    return organization


@transaction.atomic
def organization_found(*, name: str, owner: User) -> Organization:
    """A verified user's further organisation. Raises `ValidationError`, `EmailNotVerified`, `OrganizationsTooMany`."""
    owner = User.objects.select_for_update().get(id=owner.pk)
    if not email_verified(user=owner):
        raise EmailNotVerified("Verify the e-mail address first.")
    if Membership.objects.filter(user=owner, role=Role.OWNER).count() >= ORGANIZATIONS_OWNED_MAX:
        raise OrganizationsTooMany(f"One person may own {ORGANIZATIONS_OWNED_MAX} organisations.")
    organization = organization_create(name=name, owner=owner)
    audit_record(organization_id=organization.id, user_id=owner.pk, action="organization.created", target=name)
    return organization


@transaction.atomic
def organization_rename(*, organization_id: int, name: str, user_id: int) -> None:
    """Another name; the address stays, so that links go on. Raises `ValidationError`."""
    name = name_clean(name, what="organisation")
    organization = Organization.objects.select_for_update().get(id=organization_id)
    if organization.name != name:
        details = {"from": organization.name}
        audit_record(
            organization_id=organization_id,
            user_id=user_id,
            action="organization.renamed",
            target=name,
            details=details,
        )
        organization.name = name
        organization.save(update_fields=["name"])


@transaction.atomic
def organization_personal_open(*, user: User, name: str | None = None) -> tuple[Organization, bool]:
    """The organisation `user` owns, made if there is none, and whether it was made. Raises `EmailNotVerified`."""
    # The lock makes two confirmations at once open one organisation.
    user = User.objects.select_for_update().get(id=user.pk)
    if not email_verified(user=user):
        raise EmailNotVerified("Verify the e-mail address first.")
    owned = Organization.objects.filter(memberships__user=user, memberships__role=Role.OWNER)
    existing = owned.order_by("id").first()
    if existing is not None:
        return existing, False
    return organization_create(name=name or user.email.partition("@")[0], owner=user), True


def starter_claim(*, user: User, organization: Organization) -> bool:
    """Take the one starter credit of the person behind the user's mailbox; `False` if it was taken before."""
    email = User.objects.values_list("email", flat=True).get(id=user.pk)
    _, created = StarterIdentity.objects.get_or_create(
        identity_hash=identity_hash(email), defaults={"organization": organization}
    )
    return created


def _organization_insert(name: str) -> Organization:
    """Try the plain slug first, then with random suffixes: one is free."""
    slug = slug_make(name)
    for _ in range(_SLUG_TRIES):
        try:
            with transaction.atomic():
                return Organization.objects.create(name=name, slug=slug)
        except IntegrityError:
            slug = slug_make(name, suffix="".join(secrets.choice(_SLUG_SUFFIX_LETTERS) for _ in range(5)))
    raise ValidationError("No free slug was found for this name: try another.", code="slug")
