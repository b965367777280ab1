"""Every write of accounts: users, organisations, API keys."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.audit import audit_record
from accounts.errors import (
    ApiKeyNotFound,
    ApiKeysTooMany,
    EmailNotVerified,
    EmailTaken,
    OrganizationNotFound,
    OrganizationsTooMany,
)
from accounts.expiry import expiry_check
from accounts.keys import key_make
from accounts.member_rules import member_check
from accounts.models import ApiKey, Membership, Organization, StarterIdentity, User
from accounts.names import identity_hash, name_clean, slug_make
from accounts.roles import Action, Role
from accounts.selectors import email_verified

API_KEYS_ACTIVE_MAX = 1000
ORGANIZATIONS_OWNED_MAX = 20
_SLUG_TRIES = 8
_SLUG_SUFFIX_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"

# Sorted and locked first: two web processes that touch the same keys must not wait for each other in a ring.
_TOUCH = """
UPDATE accounts_apikey k SET last_used_at = used.last_used_at
FROM (SELECT k.id, u.last_used_at
      FROM unnest(%s::bigint[], %s::timestamptz[]) AS u (id, last_used_at)
      JOIN accounts_apikey k ON k.id = u.id
      ORDER BY k.id FOR NO KEY UPDATE OF k) AS used
WHERE k.id = used.id AND (k.last_used_at IS NULL OR k.last_used_at < used.last_used_at)
"""


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key just made; the secret is nowhere else and is shown once."""

    id: int
    secret: str = field(repr=False)
    prefix: str
    last_four: str


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


@transaction.atomic
def api_key_create(
    *, organization_id: int, name: str, member_id: int | None = None, expires_at: datetime | None = None
) -> NewApiKey:
    """Make an API key; with `member_id` in that member's name, whose role and e-mail address must allow it."""
    name = name_clean(name, what="API key")
    expiry_check(expires_at)
    if not Organization.objects.filter(id=organization_id, is_active=True).exists():
        raise OrganizationNotFound("There is no such organisation.")
    user_id = _actor(organization_id, member_id)
    active = ApiKey.objects.filter(organization_id=organization_id, revoked_at=None)
    if active.count() >= API_KEYS_ACTIVE_MAX:
        raise ApiKeysTooMany(f"An organisation may have {API_KEYS_ACTIVE_MAX} API keys: revoke some first.")
    made = key_make()
    api_key = ApiKey.objects.create(
        organization_id=organization_id,
        member_id=member_id,
        name=name,
        key_hash=made.key_hash,
        prefix=made.prefix,
        last_four=made.last_four,
        expires_at=expires_at,
    )
    audit_record(organization_id=organization_id, user_id=user_id, action="api_key.created", target=name)
    return NewApiKey(id=api_key.id, secret=made.secret, prefix=made.prefix, last_four=made.last_four)


@transaction.atomic
def api_key_revoke(*, organization_id: int, api_key_id: int, member_id: int | None = None) -> None:
    """Stop a key at once; twice is fine. With `member_id` that member's role must allow it."""
    user_id = _actor(organization_id, member_id)
    keys = ApiKey.objects.filter(organization_id=organization_id, id=api_key_id)
    revoked = keys.filter(revoked_at=None).update(revoked_at=timezone.now())
    name = keys.values_list("name", flat=True).first()
    if name is None:
        raise ApiKeyNotFound("There is no such API key.")
    if revoked:
        audit_record(organization_id=organization_id, user_id=user_id, action="api_key.revoked", target=name)


def api_keys_touch(*, last_used: Mapping[int, datetime]) -> None:
    """Note when keys were last used; an older time never replaces a newer one, unknown ids are passed over."""
    if last_used:
        with connection.cursor() as cursor:
            cursor.execute(_TOUCH, [list(last_used), list(last_used.values())])


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


def _actor(organization_id: int, member_id: int | None) -> int | None:
    """The user behind a member who may change API keys; nobody where the platform itself acts."""
    if member_id is None:
        return None
    return member_check(organization_id=organization_id, member_id=member_id, action=Action.API_KEYS_CHANGE)
