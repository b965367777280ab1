"""The tables of the docs page: the errors we promise, and what happens between protocols."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from gateway.errors import DETAILS, Reason, Wording


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
      "manage_url": "https://…/app/acme/keys/…",
      "charged": false,
      "docs_url": "https://…/docs/errors#key_limit",
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


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """One reason of the gateway, and what a client does about it."""

    wording: Wording
    charged: object
    remedy: object

    @property
    def details(self) -> list[tuple[str, object, object]]:
        """What `metadata.reason` may tell apart: the word, what it means, what to do, as Markdown."""
        return [(name, *_DETAILS[name]) for name, reason in DETAILS.items() if reason.value is self.wording]

    @property
    def retried(self) -> bool:
        """Whether the official SDKs try again by themselves."""
        return self.wording.status in (408, 409, 429) or self.wording.status >= 500


_NEVER = _("No.")
_WHAT_CAME = _("No, if it comes as a status. In a stream that had begun, what was produced until then.")
_ADVICE: dict[Reason, tuple[object, object]] = {
    Reason.INVALID: (_NEVER, _("Read the message: it names the field. The same request will fail again.")),
    Reason.MODEL_UNKNOWN: (_NEVER, _("Take a public model ID from the catalog; IDs are case-sensitive.")),
    Reason.CONTEXT: (_NEVER, _("Shorten the conversation or lower the maximum of the answer, or take a longer model.")),
    Reason.KEY: (_NEVER, _("Check the key: it may be missing, mistyped, revoked or expired.")),
    Reason.BALANCE: (_NEVER, _("Add money, or lower max_tokens to the affordable_max_tokens that the error names.")),
    Reason.SPENDING_LIMIT: (_NEVER, _("Wait for the reset that the error names, or have the limit raised.")),
    Reason.FROZEN: (_NEVER, _("Look at Billing in the dashboard: a disputed payment or a debt stops new requests.")),
    Reason.FORBIDDEN: (_NEVER, _("The key is valid, but not for this: check what the key is allowed to do.")),
    Reason.NOT_FOUND: (_NEVER, _("Check the path: OpenAI's SDKs want the base URL with /v1, Anthropic's without.")),
    Reason.METHOD: (_NEVER, _("Use the method that the Allow header names.")),
    Reason.TIMEOUT: (_NEVER, _("The body came too slowly. Send it again over a better connection.")),
    Reason.TOO_LARGE: (_NEVER, _("Send less: fewer or smaller images and files.")),
    Reason.ENCODING: (_NEVER, _("Send the body uncompressed, without Content-Encoding.")),
    Reason.RATE: (_NEVER, _("Wait as long as Retry-After says. The scope tells whose limit it was: yours or theirs.")),
    Reason.INTERNAL: (_NEVER, _("Retry once; if it stays, send us the request id.")),
    Reason.UPSTREAM: (_WHAT_CAME, _("Retry. Other providers were tried before you saw this.")),
    Reason.UPSTREAM_TIMEOUT: (_WHAT_CAME, _("Retry, or stream: a stream shows signs of life while the model thinks.")),
    Reason.UNAVAILABLE: (_NEVER, _("Retry after the seconds that Retry-After says.")),
    Reason.OVERLOADED: (_WHAT_CAME, _("Retry with growing pauses. OpenAI clients get it as 503.")),
}

_DETAILS: dict[str, tuple[object, object]] = {
    "key_limit": (
        _("The key's own limit for a day, a week, a month or in total leaves too little"),
        _("Wait for `resets_at`, or raise the limit at `manage_url`: the key's page."),
    ),
    "member_limit": (
        _("The cap over all keys of the member who made this one leaves too little"),
        _("Wait for `resets_at`, or have an admin raise the cap at `manage_url`: Members."),
    ),
    "organization_budget": (
        _("The organisation's budget over all keys and members leaves too little"),
        _("Wait for `resets_at`, or have an admin raise the budget at `manage_url`: Billing."),
    ),
    "frozen": (
        _("The wallet is frozen: a payment is disputed, or we stopped it by hand"),
        _("Write to us. It opens again when the dispute is over."),
    ),
    "debt": (
        _("A payment was taken back after it was spent"),
        _("Add money at `manage_url`: it pays the debt first, and what is left is yours to use."),
    ),
    "key_models": (
        _("The key is for other models"),
        _("Use a model that the message names, or change the key at `manage_url`."),
    ),
    "key_addresses": (
        _("The key may not be used from this IP address"),
        _("Send from an allowed network, or change the key at `manage_url`."),
    ),
}


def errors_every() -> list[ErrorEntry]:
    """The gateway's whole error table, by status; a reason without advice stops the page, and its test."""
    entries = [ErrorEntry(reason.value, *_ADVICE[reason]) for reason in Reason]
    return sorted(entries, key=lambda entry: entry.wording.status)
