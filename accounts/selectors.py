"""What other apps may know of accounts: frozen dataclasses, never rows."""

from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import Http404

from accounts.api_key_selectors import (
    ApiKeyView as ApiKeyView,
    Caller as Caller,
    api_key_members as api_key_members,
    api_key_names as api_key_names,
    api_keys_list as api_keys_list,
    caller_get as caller_get,
)
from accounts.errors import OrganizationAmbiguous, OrganizationNotFound
from accounts.models import Membership, Organization, User
from accounts.roles import Action, role_may


@dataclass(frozen=True, slots=True)
class OrganizationRef:
    """An organisation, named."""

    id: int
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class OrganizationView:
    """An organisation as one of its members sees it."""

    id: int
    slug: str
    name: str
    role: str
    member_id: int

    def may(self, action: Action) -> bool:
        """Whether this member's role allows `action`."""
        return role_may(self.role, action)

    @property
    def may_change_api_keys(self) -> bool:
        """For templates, which cannot pass arguments."""
        return self.may(Action.API_KEYS_CHANGE)

    @property
    def may_change_money(self) -> bool:
        """For templates, which cannot pass arguments."""
        return self.may(Action.MONEY_CHANGE)

    @property
    def may_change_limits(self) -> bool:
        """For templates, which cannot pass arguments."""
        return self.may(Action.LIMITS_CHANGE)

    @property
    def may_change_alerts(self) -> bool:
        """For templates, which cannot pass arguments."""
        return self.may(Action.ALERTS_CHANGE)

    @property
    def may_change_members(self) -> bool:
        """For templates, which cannot pass arguments."""
        return self.may(Action.MEMBERS_CHANGE)

    @property
    def may_change_settings(self) -> bool:
        """For templates, which cannot pass arguments."""
        return self.may(Action.SETTINGS_CHANGE)

    @property
    def may_change_management_keys(self) -> bool:
        """For templates, which cannot pass arguments."""
        return self.may(Action.MANAGEMENT_KEYS_CHANGE)

    @property
    def may_read_audit(self) -> bool:
        """For templates, which cannot pass arguments."""
        return self.may(Action.AUDIT_READ)


@dataclass(frozen=True, slots=True)
class MemberView:
    """A user in an organisation."""

    id: int
    email: str
    role: str


def organizations_of(*, user: User | AnonymousUser) -> list[OrganizationView]:
    """The active organisations `user` is a member of, the oldest membership first."""
    return [_organization_view(member) for member in _memberships(user).order_by("id")]


def organization_access(*, user: User | AnonymousUser, slug: str) -> OrganizationView:
    """The one guard of pages: `Http404` unless `user` is a member, so that foreign and unknown look alike."""
    member = _memberships(user).filter(organization__slug=slug).first() if "\x00" not in slug else None
    if member is None:
        raise Http404("No such organisation.")
    return _organization_view(member)


def members_list(*, organization_id: int) -> list[MemberView]:
    """The active members of an organisation, the oldest first."""
    members = Membership.objects.filter(organization_id=organization_id, user__is_active=True)
    return [
        MemberView(member.id, member.user.email, member.role)
        for member in members.select_related("user").order_by("id")
    ]


def organization_ref(*, organization_id: int) -> OrganizationRef:
    """The organisation, named. Raises `OrganizationNotFound`."""
    found = Organization.objects.filter(id=organization_id).values_list("id", "slug", "name").first()
    if found is None:
        raise OrganizationNotFound("There is no such organisation.")
    return OrganizationRef(*found)


def organization_by_slug_or_name(*, reference: str) -> OrganizationRef:
    """The organisation an operator means: by slug, else by exact name; `OrganizationNotFound` otherwise."""
    reference = reference.replace("\x00", "")
    active = Organization.objects.filter(is_active=True)
    found = list(active.filter(slug=reference)) or list(active.filter(name=reference).order_by("id")[:2])
    if not found:
        raise OrganizationNotFound(f"There is no organisation with the slug or name {reference[:80]!r}.")
    if len(found) > 1:
        raise OrganizationAmbiguous(f"Several organisations are named {reference[:80]!r}: use the slug.")
    return OrganizationRef(id=found[0].id, slug=found[0].slug, name=found[0].name)


def organization_name_taken(*, name: str) -> bool:
    """Whether any organisation has this name, in any case."""
    return Organization.objects.filter(name__iexact=name).exists()


def user_by_email(*, email: str) -> User | None:
    """The user with this e-mail address, in any case."""
    return User.objects.filter(email=email.strip().lower()).first()


def email_verified(*, user: User) -> bool:
    """Whether the user has proved that the e-mail address they log in with is theirs."""
    addresses = EmailAddress.objects.filter(user_id=user.pk, email=user.email, verified=True)
    return bool(addresses.exists())


def _memberships(user: User | AnonymousUser) -> QuerySet[Membership]:
    memberships = Membership.objects.select_related("organization").filter(organization__is_active=True)
    return memberships.filter(user_id=user.pk) if user.pk is not None else memberships.none()


def _organization_view(member: Membership) -> OrganizationView:
    organization = member.organization
    return OrganizationView(
        id=organization.id,
        slug=organization.slug,
        name=organization.name,
        role=member.role,
        member_id=member.id,
    )
