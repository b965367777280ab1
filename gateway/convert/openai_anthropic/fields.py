"""Row 3: what becomes of each field of an OpenAI request. The docs show this table."""

from typing import Final

from gateway.convert.fields import Field, table_of

_NO_FIELD: Final = "no such field"
FIELDS: Final = table_of(
    Field("model", "carried", "the route's own name; answers say the public ID"),
    Field("messages", "carried", "messages and system; the results of one turn in one user turn"),
    Field("max_tokens", "carried", "max_tokens"),
    Field("max_completion_tokens", "carried", "max_tokens; where both are missing, the model's own maximum"),
    Field("stream", "carried", "stream"),
    Field("stream_options", "carried", "the usage chunk, where it is asked for"),
    Field("usage", "carried", "the cost in the usage, where it is asked for"),
    Field("temperature", "carried", "temperature, at most 1; dropped where the model thinks or takes none"),
    Field("top_p", "carried", "top_p; dropped where the model thinks, or takes none beside temperature"),
    Field("top_k", "carried", "top_k"),
    Field("stop", "carried", "stop_sequences, without those of white space alone"),
    Field("tools", "carried", "tools; freeform tools are refused"),
    Field("tool_choice", "carried", "tool_choice"),
    Field("parallel_tool_calls", "carried", "tool_choice.disable_parallel_tool_use"),
    Field("functions", "carried", "tools; the answer has a function_call"),
    Field("function_call", "carried", "tool_choice"),
    Field("response_format", "carried", "output_config.format; for older models a forced tool or a word in the prompt"),
    Field("reasoning_effort", "carried", "thinking, or output_config.effort"),
    Field("reasoning", "carried", "as reasoning_effort"),
    Field("thinking", "carried", "as reasoning_effort"),
    Field("user", "carried", "metadata.user_id, hashed where it is long or personal"),
    Field("safety_identifier", "carried", "metadata.user_id, where there is no user"),
    Field("n", "carried", "one answer; more are refused"),
    Field("modalities", "carried", "text alone"),
    Field("audio", "refused", "spoken output"),
    Field("logprobs", "dropped", _NO_FIELD),
    Field("top_logprobs", "dropped", _NO_FIELD),
    Field("logit_bias", "dropped", _NO_FIELD),
    Field("seed", "dropped", _NO_FIELD),
    Field("frequency_penalty", "dropped", _NO_FIELD),
    Field("presence_penalty", "dropped", _NO_FIELD),
    Field("prediction", "dropped", _NO_FIELD),
    Field("store", "dropped", "nothing is stored"),
    Field("service_tier", "dropped", "tiers have prices of their own"),
    Field("metadata", "dropped", _NO_FIELD),
    Field("verbosity", "dropped", _NO_FIELD),
    Field("prompt_cache_key", "dropped", "parts may carry cache_control"),
)
