"""Words the catalog knows, shared by its tables, forms and documents."""

from django.db import models

CAPABILITIES = ("image", "audio", "file", "tools", "json", "reasoning", "cache", "embeddings")
SLUG_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,49}$"
PUBLIC_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$"
RATE_NAMES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")


class ProtocolChoice(models.TextChoices):
    OPENAI_CHAT = "openai_chat", "OpenAI Chat (openai_chat)"
    ANTHROPIC_MESSAGES = "anthropic_messages", "Anthropic Messages (anthropic_messages)"


class RouteProtocolChoice(models.TextChoices):
    PROVIDER_DEFAULT = "provider_default", "the provider's own (provider_default)"
    OPENAI_CHAT = "openai_chat", "OpenAI Chat (openai_chat)"
    ANTHROPIC_MESSAGES = "anthropic_messages", "Anthropic Messages (anthropic_messages)"


class AuthStyleChoice(models.TextChoices):
    FOLLOWS_PROTOCOL = "", "follows the protocol"
    BEARER = "bearer", "Authorization: Bearer"
    X_API_KEY = "x-api-key", "x-api-key"
