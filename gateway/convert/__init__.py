"""From a client's protocol to an upstream's and back: one module a pair, in one registry. Pure."""

from collections.abc import Mapping

from catalog.snapshot import Protocol
from gateway.convert.anthropic_openai import AnthropicToOpenAI
from gateway.convert.conversion import Converter
from gateway.convert.openai_anthropic import OpenAIToAnthropic
from gateway.convert.responses import ResponsesToAnthropic, ResponsesToOpenAI
from gateway.convert.same import AnthropicSame, EmbeddingsSame, OpenAISame
from gateway.protocols import ClientProtocol

# (client's protocol, upstream's protocol). A pair that is missing cannot be routed to.
CONVERSIONS: Mapping[tuple[ClientProtocol, Protocol], Converter] = {
    ("openai_chat", "openai_chat"): OpenAISame,
    ("openai_embeddings", "openai_chat"): EmbeddingsSame,
    ("openai_responses", "openai_chat"): ResponsesToOpenAI,
    ("openai_responses", "anthropic_messages"): ResponsesToAnthropic,
    ("anthropic_messages", "openai_chat"): AnthropicToOpenAI,
    ("openai_chat", "anthropic_messages"): OpenAIToAnthropic,
    ("anthropic_messages", "anthropic_messages"): AnthropicSame,
}
