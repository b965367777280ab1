"""What Stripe prints on an invoice of ours: whom it is made out to, in the parameters of its API; pure."""

from typing import Any

from billing.billing_details import BillingDetails

# The name is printed before the number. Stripe allows 140 characters for it.
TAX_ID_LABEL = "Tax id"


def customer_details(details: BillingDetails, *, name: str) -> dict[str, Any]:
    """Name and address of the customer; `name` where the profile has none."""
    parts = ("line1", "line2", "city", "postal_code", "country")
    address = {part: getattr(details, part) for part in parts} | {"state": details.region}
    return {"name": details.name or name, "address": address if details.has_address else ""}


def invoice_wanted(tax_id: str) -> dict[str, Any]:
    """An invoice for a payment that is made once, with the tax id on it."""
    if not tax_id:
        return {"enabled": True}
    return {"enabled": True, "invoice_data": {"custom_fields": [{"name": TAX_ID_LABEL, "value": tax_id}]}}
