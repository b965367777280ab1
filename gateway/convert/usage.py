"""Usage in the words of both protocols: OpenAI counts cached tokens inside the prompt, Anthropic beside it. Pure."""

from typing import Any

from catalog.pricing import Usage
from gateway.metering import Meter, usage_estimate


def usage_told(meter: Meter, *, prompt_bytes: int, output_bytes: int) -> Usage:
    """What the upstream told, else the estimate that is also charged."""
    return meter.usage or usage_estimate(prompt_bytes=prompt_bytes, output_bytes=output_bytes)


def usage_anthropic(usage: Usage) -> dict[str, Any]:
    """Anthropic's usage object."""
    told: dict[str, Any] = {
        "input_tokens": usage.input_tokens,
        "cache_creation_input_tokens": usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "output_tokens": usage.output_tokens,
    }
    if usage.reasoning_tokens:
        told["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return told


def usage_openai(usage: Usage) -> dict[str, Any]:
    """OpenAI's usage object."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.prompt_tokens + usage.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
