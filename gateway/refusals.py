"""The 402 of a request that could not hold its money: what it needs, what is there, and what would fit."""

from django.conf import settings

from accounts.selectors import Caller
from billing.batches import Pool
from billing.holds import HoldAnswer
from catalog.money import nanos_to_usd
from gateway.errors import GatewayError, Reason
from gateway.spending import limit_refusal

# Answers that say how much money there is.
MONEY_SHORT = frozenset({"insufficient", "key_limit", "member_limit", "organization_budget"})
# Where a person changes what stood in the way; all else is a matter of the wallet.
_PAGES = {"member_limit": "/members", "organization_budget": "/billing#budgets", "insufficient": "/billing#topup"}
_BLOCKED = "This organisation's wallet takes no new requests: it is frozen or in debt. Nothing was charged."


async def hold_refusal(pool: Pool, answer: HoldAnswer, *, caller: Caller, affordable_tokens: int) -> GatewayError:
    """What to answer; `affordable_tokens` is the largest `max_tokens` that what is available would cover."""
    error = await limit_refusal(pool, answer) or _refusal(answer, affordable_tokens)
    if answer.decision in MONEY_SHORT:
        error.metadata = {**(error.metadata or {}), "affordable_max_tokens": affordable_tokens}
    if error.metadata is not None:
        error.metadata = {**error.metadata, "manage_url": settings.SITE_URL + _page(caller, answer.decision)}
    return error


def _page(caller: Caller, decision: str) -> str:
    return caller.page if decision == "key_limit" else caller.home + _PAGES.get(decision, "/billing")


def _refusal(answer: HoldAnswer, affordable_tokens: int) -> GatewayError:
    required, available = nanos_to_usd(answer.required_nanos), nanos_to_usd(answer.available_nanos)
    metadata = {"required_usd": required, "available_usd": available, "reason": answer.decision}
    if answer.decision == "insufficient":
        fits = f"lower max_tokens (up to {affordable_tokens} would fit)" if affordable_tokens else "shorten the prompt"
        said = f"This request may cost up to ${required} and ${available} is available. Top up, or {fits}."
        return GatewayError(Reason.BALANCE, f"{said} Nothing was charged.", metadata=metadata)
    if answer.decision in ("frozen", "debt"):
        return GatewayError(Reason.FROZEN, _BLOCKED, metadata=metadata)
    return GatewayError(Reason.INTERNAL, "The request could not be admitted. Nothing was charged.")
