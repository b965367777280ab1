"""Responses: what becomes of each field of a request, whichever protocol its model speaks. The docs show this table."""

from typing import Final

from gateway.convert.fields import Field, table_of

_NOT_STORED: Final = "nothing is stored here; send the whole conversation as input"
FIELDS: Final = table_of(
    Field("model", "carried", "the route's own name; answers say the public ID"),
    Field("input", "carried", "messages; calls with their results, matched by call_id"),
    Field("instructions", "carried", "a system message, before all others"),
    Field("stream", "carried", "stream, with usage always asked for"),
    Field("stream_options", "carried", "nothing: events carry no obfuscation"),
    Field("max_output_tokens", "carried", "max_tokens, or max_completion_tokens for models that think"),
    Field("temperature", "carried", "temperature; dropped where the model thinks or takes none"),
    Field("top_p", "carried", "top_p; dropped where the model thinks or takes none"),
    Field("tools", "carried", "functions; custom tools as functions of one string; hosted search is dropped"),
    Field("tool_choice", "carried", "tool_choice"),
    Field("parallel_tool_calls", "carried", "parallel_tool_calls"),
    Field("reasoning", "carried", "reasoning_effort, where the model takes it; a summary is the model's own thoughts"),
    Field("text", "carried", "response_format; verbosity where the model takes it"),
    Field("include", "carried", "reasoning.encrypted_content; others are dropped"),
    Field("metadata", "carried", "the answer repeats it; it goes nowhere else"),
    Field("user", "carried", "user, hashed where it is long or personal"),
    Field("safety_identifier", "carried", "user, where there is none"),
    Field("service_tier", "carried", "the default tier; others are dropped"),
    Field("truncation", "carried", "disabled; auto is dropped"),
    Field("prompt_cache_key", "carried", "prompt_cache_key, where the model takes it"),
    Field("store", "dropped", _NOT_STORED),
    Field("client_metadata", "dropped", "models do not see it"),
    Field("prompt_cache_retention", "dropped", "providers cache as long as they do"),
    Field("prompt_cache_options", "dropped", "providers cache as long as they do"),
    Field("context_management", "dropped", "the whole conversation is sent"),
    Field("max_tool_calls", "dropped", "the client runs all tools itself"),
    Field("top_logprobs", "dropped", "no such field"),
    Field("previous_response_id", "refused", _NOT_STORED),
    Field("conversation", "refused", _NOT_STORED),
    Field("prompt", "refused", "prompts are not stored here; send instructions and input"),
    Field("background", "refused", "an answer belongs to its request"),
)
