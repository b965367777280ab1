"""Row 2: what becomes of each field of an Anthropic request. The docs show this table."""

from typing import Final

from gateway.convert.fields import Field, table_of

FIELDS: Final = table_of(
    Field("model", "carried", "the route's own name; answers say the public ID"),
    Field("messages", "carried", "messages, tool results first after their calls, matched by id"),
    Field("system", "carried", "a system message; Claude Code's billing header is left out"),
    Field("max_tokens", "carried", "max_tokens, or max_completion_tokens for models that think"),
    Field("stream", "carried", "stream, with usage always asked for"),
    Field("temperature", "carried", "temperature, dropped for models that think"),
    Field("top_p", "carried", "top_p, dropped for models that think"),
    Field("stop_sequences", "carried", "stop, at most four"),
    Field("tools", "carried", "functions; tools that the provider runs or defines are refused"),
    Field("tool_choice", "carried", "tool_choice and parallel_tool_calls"),
    Field("thinking", "carried", "reasoning_effort, by budget, where the model takes it"),
    Field("output_config", "carried", "reasoning_effort and response_format"),
    Field("output_format", "carried", "response_format"),
    Field("metadata", "carried", "user_id as user, hashed where it is long or personal"),
    Field("top_k", "dropped", "no such field"),
    Field("cache_control", "dropped", "these providers cache by themselves"),
    Field("context_management", "dropped", "the whole conversation is sent"),
    Field("service_tier", "dropped", "tiers have prices of their own"),
    Field("speed", "dropped", "fast output has a price of its own"),
    Field("inference_geo", "dropped", "no such field"),
    Field("mcp_servers", "refused", "the provider does not call MCP servers"),
    Field("container", "refused", "there are no containers"),
)
