"""The catalog's words for visitors: protocols, capabilities, orders, and what other clients call them."""

from django.utils.translation import gettext_lazy as _

PROTOCOL_LABELS = [
    ("openai_chat", _("OpenAI Chat")),
    ("openai_responses", _("OpenAI Responses")),
    ("openai_embeddings", _("OpenAI Embeddings")),
    ("anthropic_messages", _("Anthropic Messages")),
]
CAPABILITY_LABELS = [
    ("tools", _("Tools")),
    ("json", _("JSON output")),
    ("reasoning", _("Reasoning")),
    ("cache", _("Prompt cache")),
    ("image", _("Images in")),
    ("audio", _("Audio in")),
    ("file", _("Files in")),
    ("embeddings", _("Embeddings")),
]
CONTEXTS = (8_192, 32_768, 131_072, 200_000, 1_000_000)
SORTS = [
    ("", _("Recommended")),
    ("newest", _("Newest first")),
    ("id", _("ID, A to Z")),
    ("-id", _("ID, Z to A")),
    ("-context", _("Longest context")),
    ("context", _("Shortest context")),
    ("-max_output", _("Longest output")),
    ("max_output", _("Shortest output")),
    ("input", _("Cheapest input")),
    ("-input", _("Dearest input")),
    ("output", _("Cheapest output")),
    ("-output", _("Dearest output")),
    ("cached", _("Cheapest cached input")),
    ("-cached", _("Dearest cached input")),
]
SORT_ALIASES = {
    "recommended": "",
    "pricing-low-to-high": "input",
    "pricing-high-to-low": "-input",
    "output-price-low-to-high": "output",
    "output-price-high-to-low": "-output",
    "context-high-to-low": "-context",
    "context-low-to-high": "context",
}
# Request parameters and kinds of input that not every model takes, and the capability each needs.
PARAMETERS = {
    "tools": "tools",
    "tool_choice": "tools",
    "parallel_tool_calls": "tools",
    "response_format": "json",
    "structured_outputs": "json",
    "json": "json",
    "reasoning": "reasoning",
    "reasoning_effort": "reasoning",
    "include_reasoning": "reasoning",
    "thinking": "reasoning",
    "cache_control": "cache",
    "image": "image",
    "audio": "audio",
    "file": "file",
}
