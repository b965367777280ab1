"""What a client may speak: more than the protocols of upstreams, because some are always converted. Pure."""

from collections.abc import Mapping
from typing import Literal

from catalog.snapshot import Protocol

ClientProtocol = Literal["openai_chat", "anthropic_messages", "openai_responses", "openai_embeddings"]

# The upstream protocol that a client's words come nearest to: its routes come first, and its errors fit the client.
NEAREST: Mapping[ClientProtocol, Protocol] = {
    "openai_chat": "openai_chat",
    "anthropic_messages": "anthropic_messages",
    "openai_responses": "openai_chat",
    "openai_embeddings": "openai_chat",
}
