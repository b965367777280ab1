"""From a client's protocol to an upstream's and back: one module a pair, in one registry. Pure."""

from collections.abc import Mapping

from catalog.snapshot import Protocol
from gateway.convert.conversion import Converter
from gateway.convert.same import AnthropicSame, OpenAISame

# (client's protocol, upstream's protocol). A pair that is missing cannot be routed to.
CONVERSIONS: Mapping[tuple[Protocol, Protocol], Converter] = {
    ("openai_chat", "openai_chat"): OpenAISame,
    ("anthropic_messages", "anthropic_messages"): AnthropicSame,
}
