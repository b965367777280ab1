"""The docs page of conversion: what becomes of each field and stop reason, out of the converters' own tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from gateway.convert.anthropic_openai.fields import FIELDS as ANTHROPIC_FIELDS
from gateway.convert.fields import Field
from gateway.convert.openai_anthropic.fields import FIELDS as OPENAI_FIELDS
from gateway.convert.responses.fields import FIELDS as RESPONSES_FIELDS
from gateway.convert.stops import FINISH_OF_STOP, STOP_OF_FINISH


@dataclass(frozen=True, slots=True)
class FieldTable:
    """What one converter does with each field of a request."""

    id: str
    title: object
    lead: object
    fields: Sequence[Field]


@dataclass(frozen=True, slots=True)
class StopTable:
    """Why an answer ended: the provider's word, and the one the client gets."""

    id: str
    title: object
    provider: str
    client: str
    words: Mapping[str, str]


FIELD_TABLES = (
    FieldTable(
        "anthropic-client",
        _("Anthropic client, OpenAI provider"),
        _("You call /v1/messages; the model's provider speaks OpenAI Chat."),
        tuple(ANTHROPIC_FIELDS.values()),
    ),
    FieldTable(
        "openai-client",
        _("OpenAI client, Anthropic provider"),
        _("You call /v1/chat/completions; the model's provider speaks Anthropic Messages."),
        tuple(OPENAI_FIELDS.values()),
    ),
    FieldTable(
        "responses-client",
        _("Responses client, any provider"),
        _("You call /v1/responses; the model's provider speaks either protocol."),
        tuple(RESPONSES_FIELDS.values()),
    ),
)

STOP_TABLES = (
    StopTable("stops-openai", _("OpenAI client, Anthropic provider"), "stop_reason", "finish_reason", FINISH_OF_STOP),
    StopTable(
        "stops-anthropic", _("Anthropic client, OpenAI provider"), "finish_reason", "stop_reason", STOP_OF_FINISH
    ),
)
