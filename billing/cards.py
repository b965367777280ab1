"""Customers at Stripe and the card that one of them has saved: our row is a copy, Stripe's list is the truth."""

from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction

from billing import stripe_client
from billing.models import AutoTopup, StripeCustomer
from billing.profiles import profile_get
from billing.stripe_details import customer_details


@dataclass(frozen=True, slots=True)
class SavedCard:
    """A saved card, as pages show it."""

    name: str
    expires: str


def customer_ensure(*, organization_id: int, name: str, email: str) -> str:
    """The organisation's customer id at Stripe, made on first use."""
    known = StripeCustomer.objects.filter(organization_id=organization_id).first()
    if known:
        return known.customer_id
    customer_id = stripe_client.customer_create(organization_id=organization_id, name=name, email=email)
    try:
        with transaction.atomic():
            return StripeCustomer.objects.create(organization_id=organization_id, customer_id=customer_id).customer_id
    except IntegrityError:
        # Two at once: the first one is the organisation's, the other stays unused.
        return StripeCustomer.objects.get(organization_id=organization_id).customer_id


def details_send(*, organization_id: int, customer_id: str, name: str) -> None:
    """Let Stripe make out the next invoice as the billing profile says, whatever was typed there before."""
    profile = profile_get(organization_id=organization_id)
    if profile.asked:
        params = customer_details(profile.details, name=name)
        stripe_client.customer_update(customer_id=customer_id, params=params)


def card_get(*, organization_id: int) -> SavedCard | None:
    """The organisation's saved card, if it has one."""
    customer = StripeCustomer.objects.filter(organization_id=organization_id).exclude(card_id="").first()
    return SavedCard(name=customer.card_name, expires=customer.card_expires) if customer else None


def card_sync(*, customer_id: str) -> None:
    """Copy what card a customer has at Stripe now. Without a card automatic top-ups are off."""
    customer = StripeCustomer.objects.filter(customer_id=customer_id).first()
    if customer is None:
        return
    card = stripe_client.card_of(customer_id)
    StripeCustomer.objects.filter(pk=customer.pk).update(
        card_id=card.id if card else "",
        card_name=card.name if card else "",
        card_expires=card.expires if card else "",
    )
    if card is None:
        rows = AutoTopup.objects.filter(wallet__organization_id=customer.organization_id, enabled=True)
        rows.update(enabled=False, off_reason="the saved card was removed")


def card_remove(*, organization_id: int) -> None:
    """Take the saved card away, here and at Stripe. Twice is fine."""
    customer = StripeCustomer.objects.filter(organization_id=organization_id).exclude(card_id="").first()
    if customer:
        stripe_client.card_forget(customer.card_id)
        card_sync(customer_id=customer.customer_id)


def portal_address(*, organization_id: int, slug: str) -> str | None:
    """Stripe's page for cards, tax ids and invoices of this organisation; None before its first top-up."""
    customer = StripeCustomer.objects.filter(organization_id=organization_id).first()
    if customer is None:
        return None
    return_url = f"{settings.SITE_URL}/app/{slug}/billing"
    return stripe_client.portal_url(customer_id=customer.customer_id, return_url=return_url)
