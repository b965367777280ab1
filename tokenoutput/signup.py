"""Signing up: what a verified user gets (organisation, wallet, starter credit), and allauth's adapter that gives it."""

from typing import TYPE_CHECKING, Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.db import IntegrityError, transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string

from accounts.selectors import email_verified
from accounts.services import organization_personal_open, starter_claim
from billing.ledger import wallet_credit, wallet_open
from catalog.money import usd_to_nanos

if TYPE_CHECKING:
    from allauth.account.models import EmailAddress

    from accounts.models import Organization, User

EMAIL_LENGTH_MAX = 254


@transaction.atomic
def account_open(*, user: "User", name: str | None = None) -> "Organization":
    """The user's own organisation with its wallet and, once for a person, the starter credit; all of it or nothing.

    Twice is fine. Raises `EmailNotVerified`.
    """
    organization, made = organization_personal_open(user=user, name=name)
    wallet_open(organization_id=organization.id)
    if made:
        _starter_credit_give(user, organization)
    return organization


def _starter_credit_give(user: "User", organization: "Organization") -> None:
    amount_nanos = usd_to_nanos(settings.STARTER_CREDIT_USD)
    if amount_nanos and starter_claim(user=user, organization=organization):
        wallet_credit(
            organization_id=organization.id,
            amount_nanos=amount_nanos,
            key=f"starter:{organization.id}",
            kind="promo",
            reason="Starter credit",
        )


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is not typed
    """How our sign-up differs from allauth's."""

    def clean_email(self, email: str) -> str:
        """Refuse what the column cannot hold: allauth would cut it and verify somebody else's address."""
        if len(email) > EMAIL_LENGTH_MAX:
            raise ValidationError(f"An e-mail address may have {EMAIL_LENGTH_MAX} characters at most.")
        return email

    def render_mail(
        self, template_prefix: str, email: str, context: dict[str, Any], headers: dict[str, str] | None = None
    ) -> EmailMultiAlternatives:
        """The text, and the same as HTML: one look for every code and notice."""
        context = context | {"site_url": settings.SITE_URL}
        plain = super().render_mail(template_prefix, email, context, headers)
        subject, text = str(plain.subject), str(plain.body)
        message = EmailMultiAlternatives(subject, text, plain.from_email, plain.to, headers=headers)
        html = render_to_string(
            "mail/plain.html",
            {
                "subject": subject,
                "code": context.get("code"),
                "paragraphs": text.strip().split("\n\n"),
            },
        )
        message.attach_alternative(html, "text/html")
        return message

    def save_user(
        self,
        request: HttpRequest,
        user: "User",
        form: BaseForm,
        commit: bool = True,  # noqa: FBT001, FBT002 -- allauth's own signature
    ) -> "User":
        """Of two sign-ups of one address at the same moment the later is sent to log in."""
        if request.session.get("account_verified_email") != form.cleaned_data.get("email"):
            # An invite's link speaks for its own address, and adds none to somebody else's account.
            self.unstash_verified_email(request)
        try:
            with transaction.atomic():
                saved: User = super().save_user(request, user, form, commit)
        except IntegrityError as error:
            raise ImmediateHttpResponse(redirect("account_login")) from error
        return saved

    def confirm_email(self, request: HttpRequest, email_address: "EmailAddress") -> bool:
        """The verification and the account it opens are one: if the ledger refuses, the code can be entered again."""
        with transaction.atomic():
            confirmed = bool(super().confirm_email(request, email_address))
            # A further address is no account of its own: that of the log-in is.
            if confirmed and email_verified(user=email_address.user):
                account_open(user=email_address.user)
        return confirmed

    def post_login(self, request: HttpRequest, user: "User", **details: Any) -> HttpResponse:
        """A reset by e-mail verifies the address without `confirm_email`: such a user gets the account here."""
        if email_verified(user=user):
            account_open(user=user)
        response: HttpResponse = super().post_login(request, user, **details)
        return response
