"""Invites into an organisation: made, sent again, revoked, and accepted by the one person who is meant."""

import hashlib
import secrets
import smtplib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.validators import validate_email
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.audit import audit_record
from accounts.errors import InviteNotFound, InviteNotOpen, InvitesTooMany, InviteTooSoon
from accounts.member_rules import actor_check
from accounts.models import Invite, Membership, Organization, User
from accounts.roles import Role
from accounts.selectors import email_verified

log = structlog.get_logger(__name__)
INVITE_DAYS = 7
INVITES_A_DAY_MAX = 50
RESEND_SECONDS = 60
InviteState = Literal["open", "expired", "used", "revoked"]


@dataclass(frozen=True, slots=True)
class InviteView:
    """An invite without its token, which is only in the mail."""

    id: int
    organization_id: int
    organization: str
    slug: str
    email: str
    role: str
    cap_nanos: int | None
    invited_by: str
    created_at: datetime
    expires_at: datetime
    state: InviteState


@dataclass(frozen=True, slots=True)
class Joined:
    """What an accepted invite made; `cap_nanos` is the monthly cap to set for the new member."""

    organization_id: int
    slug: str
    member_id: int
    cap_nanos: int | None


@transaction.atomic
def invite_create(
    *, organization_id: int, email: str, role: str, by_member_id: int | None, cap_nanos: int | None = None
) -> InviteView:
    """Invite somebody and mail them; `by_member_id` None is the platform's API, which invites as an admin does.

    Raises `ValidationError`, `RoleNotAllowed`, `MemberNotFound`, `InvitesTooMany`.
    """
    organization = Organization.objects.select_for_update().get(id=organization_id)
    email = email.strip().lower()
    validate_email(email)
    actor = actor_check(organization_id=organization_id, by_member_id=by_member_id, roles={role})
    if Membership.objects.filter(organization_id=organization_id, user__email=email).exists():
        raise ValidationError("This person is a member already.", code="member")
    mine = Invite.objects.filter(organization_id=organization_id)
    if mine.filter(email=email, accepted_at=None, revoked_at=None, expires_at__gt=timezone.now()).exists():
        raise ValidationError("There is an open invite for this address: send that one again.", code="open")
    if mine.filter(created_at__gte=timezone.now() - timedelta(days=1)).count() >= INVITES_A_DAY_MAX:
        raise InvitesTooMany(f"An organisation may send {INVITES_A_DAY_MAX} invites a day.")
    # An expired one makes room: of one address there is one row that waits.
    mine.filter(email=email, accepted_at=None, revoked_at=None).update(revoked_at=timezone.now())
    token = secrets.token_urlsafe(32)
    invite = Invite.objects.create(
        organization=organization,
        email=email,
        role=Role(role),
        cap_nanos=cap_nanos,
        token_hash=_hash(token),
        invited_by_id=actor.user_id,
        expires_at=timezone.now() + timedelta(days=INVITE_DAYS),
    )
    _record(invite, actor.user_id, "invite.created")
    _mail(invite, token)
    return _view(invite)


@transaction.atomic
def invite_resend(*, organization_id: int, invite_id: int, by_member_id: int | None) -> InviteView:
    """A new link and seven days; the old link stops. Raises `InviteNotFound`, `InviteNotOpen`, `InviteTooSoon`."""
    invite = _waiting(organization_id, invite_id)
    actor = actor_check(organization_id=organization_id, by_member_id=by_member_id, roles={invite.role})
    if invite.sent_at > timezone.now() - timedelta(seconds=RESEND_SECONDS):
        raise InviteTooSoon("It was sent less than a minute ago.")
    token = secrets.token_urlsafe(32)
    invite.token_hash = _hash(token)
    invite.sent_at = timezone.now()
    invite.expires_at = invite.sent_at + timedelta(days=INVITE_DAYS)
    invite.save(update_fields=["token_hash", "sent_at", "expires_at"])
    _record(invite, actor.user_id, "invite.resent")
    _mail(invite, token)
    return _view(invite)


@transaction.atomic
def invite_revoke(*, organization_id: int, invite_id: int, by_member_id: int | None) -> None:
    """Its link stops at once. Raises `InviteNotFound`, `InviteNotOpen`."""
    invite = _waiting(organization_id, invite_id)
    actor = actor_check(organization_id=organization_id, by_member_id=by_member_id, roles={invite.role})
    invite.revoked_at = timezone.now()
    invite.save(update_fields=["revoked_at"])
    _record(invite, actor.user_id, "invite.revoked")


@transaction.atomic
def invite_accept(*, token: str, user: User) -> Joined:
    """Make `user` a member, once; again by the same user it is the same. Raises `InviteNotFound`, `InviteNotOpen`."""
    invite = Invite.objects.select_for_update(of=("self",)).filter(token_hash=_hash(token)).first()
    if invite is None or not invite_is_for(email=invite.email, user=user):
        raise InviteNotFound("There is no such invite for you.")
    member = Membership.objects.filter(organization_id=invite.organization_id, user=user).first()
    if invite.accepted_at is not None and member is not None:
        return Joined(invite.organization_id, invite.organization.slug, member.id, None)
    if _state(invite) != "open":
        raise InviteNotOpen("This invite is not open any more.")
    if member is None:
        member = Membership.objects.create(organization_id=invite.organization_id, user=user, role=invite.role)
        _record(invite, user.pk, "invite.accepted")
    invite.accepted_at = timezone.now()
    invite.save(update_fields=["accepted_at"])
    return Joined(invite.organization_id, invite.organization.slug, member.id, invite.cap_nanos)


@transaction.atomic
def invite_ask_again(*, token: str) -> None:
    """Who holds an expired link asks the inviter for a new one; once for a link. Raises `InviteNotFound`."""
    invite = Invite.objects.select_for_update(of=("self",)).filter(token_hash=_hash(token)).first()
    if invite is None:
        raise InviteNotFound("There is no such invite.")
    if _state(invite) != "expired" or invite.asked_at is not None:
        return
    invite.asked_at = timezone.now()
    invite.save(update_fields=["asked_at"])
    if invite.invited_by and invite.invited_by.is_active:
        link = f"{settings.SITE_URL}/app/{invite.organization.slug}/members"
        _send("invite_asked", invite.invited_by.email, f"{invite.email} asks for a new invite", _context(invite, link))


def invite_by_token(*, token: str) -> InviteView | None:
    """The invite of a link, whatever became of it."""
    invite = Invite.objects.select_related("organization", "invited_by").filter(token_hash=_hash(token)).first()
    return _view(invite) if invite and invite.organization.is_active else None


def invites_of(*, organization_id: int) -> list[InviteView]:
    """Those that wait, expired ones too, the newest first."""
    waiting = Invite.objects.filter(organization_id=organization_id, accepted_at=None, revoked_at=None)
    return [_view(invite) for invite in waiting.select_related("organization", "invited_by").order_by("-id")[:200]]


def invite_is_for(*, email: str, user: User) -> bool:
    """Whether this user has proved to be the one who was invited."""
    return user.email == email and email_verified(user=user)


def _waiting(organization_id: int, invite_id: int) -> Invite:
    invites = Invite.objects.select_for_update(of=("self",)).select_related("organization", "invited_by")
    invite = invites.filter(organization_id=organization_id, id=invite_id).first()
    if invite is None:
        raise InviteNotFound("There is no such invite.")
    if _state(invite) in {"used", "revoked"}:
        raise InviteNotOpen("This invite was accepted or revoked.")
    return invite


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _state(invite: Invite) -> InviteState:
    if invite.accepted_at is not None:
        return "used"
    if invite.revoked_at is not None:
        return "revoked"
    return "open" if invite.expires_at > timezone.now() else "expired"


def _view(invite: Invite) -> InviteView:
    return InviteView(
        id=invite.id,
        organization_id=invite.organization_id,
        organization=invite.organization.name,
        slug=invite.organization.slug,
        email=invite.email,
        role=invite.role,
        cap_nanos=invite.cap_nanos,
        invited_by=invite.invited_by.email if invite.invited_by else "",
        created_at=invite.created_at,
        expires_at=invite.expires_at,
        state=_state(invite),
    )


def _record(invite: Invite, user_id: int | None, action: str) -> None:
    audit_record(
        organization_id=invite.organization_id,
        user_id=user_id,
        action=action,
        target=invite.email,
        details={"role": invite.role},
    )


def _context(invite: Invite, link: str) -> dict[str, object]:
    return {
        "organization": invite.organization.name,
        "email": invite.email,
        "invited_by": invite.invited_by.email if invite.invited_by else "",
        "role": invite.role,
        "days": INVITE_DAYS,
        "link": link,
    }


def _mail(invite: Invite, token: str) -> None:
    subject = f"Join {invite.organization.name} on TokenOutput"
    _send("invite", invite.email, subject, _context(invite, f"{settings.SITE_URL}/invite/{token}"))


def _send(template: str, to: str, subject: str, context: dict[str, object]) -> None:
    """After the commit; a mail server that is down leaves the invite, which can be sent again."""
    message = EmailMultiAlternatives(
        subject=" ".join(subject.split()), body=render_to_string(f"mail/{template}.txt", context), to=[to]
    )
    message.attach_alternative(render_to_string(f"mail/{template}.html", context), "text/html")

    def send() -> None:
        try:
            message.send()
        except (OSError, smtplib.SMTPException) as error:
            log.warning("mail_not_sent", template=template, error=type(error).__name__)

    transaction.on_commit(send)
