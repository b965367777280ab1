"""The tables of the docs page: the errors we promise, and what happens between protocols."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from gateway.errors import Reason, Wording


@dataclass(frozen=True, slots=True)
class PromisedError:
    """A status code of the public contract, in its own words, and what a client does about it."""

    status: int
    meaning: object
    remedy: object


@dataclass(frozen=True, slots=True)
class MatrixLine:
    """What the platform does for one pair of protocols."""

    client: object
    provider: object
    override: str
    behavior: object


ERRORS_PROMISED = (
    PromisedError(400, _("Bad request or unsupported model"), _("Read the message: it names the field. Don't retry.")),
    PromisedError(401, _("Invalid or missing API key"), _("Check the key; it may be revoked or expired.")),
    PromisedError(402, _("Insufficient pay-as-you-go balance"), _("Add money, or raise the key's limit.")),
    PromisedError(429, _("Rate limited"), _("Wait as long as Retry-After says. The SDKs do so by themselves.")),
    PromisedError(502, _("Upstream provider error"), _("Retry. Other providers were tried before you saw this.")),
)

LIMIT_ERROR = """\
{
  "error": {
    "message": "The monthly spending limit of this API key ($20.00) leaves $0.35; this request may cost up to $1.20. …",
    "type": "insufficient_quota",
    "param": null,
    "code": "spending_limit",
    "metadata": {
      "required_usd": "1.20",
      "available_usd": "0.35",
      "reason": "key_limit",
      "scope": "key",
      "period": "monthly",
      "limit_usd": "20.00",
      "spent_usd": "19.60",
      "held_usd": "0.05",
      "resets_at": "2026-12-01T00:00:00Z",
      "affordable_max_tokens": 4600,
      "charged": false,
      "request_id": "019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071"
    }
  }
}"""

ALERT_EVENT = """\
{
  "id": "alert_1042",
  "type": "alert.low_balance",
  "created_at": "2026-11-30T09:15:00+00:00",
  "organization": {"slug": "acme", "name": "Acme"},
  "level": 1,
  "message": "Your balance is low. …",
  "facts": {"balance_usd": "1.75", "threshold_usd": "2.00"}
}"""

PROTOCOL_MATRIX = (
    MatrixLine(_("OpenAI Chat"), "openai_chat", "provider_default", _("Direct pass-through")),
    MatrixLine(
        _("Anthropic Messages"),
        "openai_chat",
        "provider_default",
        _("Anthropic request converted to OpenAI upstream"),
    ),
    MatrixLine(
        _("OpenAI Chat"),
        "anthropic_messages",
        "provider_default",
        _("OpenAI request converted to Anthropic upstream"),
    ),
    MatrixLine(_("Anthropic Messages"), "anthropic_messages", "provider_default", _("Direct pass-through")),
    MatrixLine(_("Any"), _("Any"), "openai_chat / anthropic_messages", _("Model override wins")),
)


def errors_every() -> list[Wording]:
    """The gateway's whole error table, by status."""
    return sorted((reason.value for reason in Reason), key=lambda wording: wording.status)
