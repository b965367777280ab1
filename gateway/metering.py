"""From an upstream's usage object to tokens in disjoint buckets, whatever names and habits it has. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from catalog.pricing import Usage

TOKENS_MAX: Final = 100_000_000  # More than any context or answer: such a number is a fault, not a count.

# A tokenizer of today makes a token of four to five bytes of English and of fewer bytes of anything else. Dividing by
# five charges too little rather than too much, which is what an estimate owes the customer.
ESTIMATE_BYTES_PER_TOKEN: Final = 5
# What is held for a stream counts more tokens than will be charged: code and other scripts have shorter ones.
BOUND_BYTES_PER_TOKEN: Final = 3


def usage_estimate(*, prompt_bytes: int, output_bytes: int) -> Usage:
    """Usage where the upstream told none: by bytes of text, in the customer's favour, nothing taken as cached."""
    return Usage(input_tokens=_estimate(prompt_bytes), output_tokens=_estimate(output_bytes))


class Meter:
    """Takes the usage objects of one request as they come by; `usage` is None until they told both input and output.

    OpenAI's objects tell everything each time. Anthropic's start with the input and a first guess at the output; later
    ones correct both. `flags` names what was odd and wants a person's eye: none of it stops a request.
    """

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.flags: frozenset[str] = frozenset()
        self._prompt: Usage | None = None
        self._output: Usage | None = None
        self._output_told = 0

    def observe(self, reported: Mapping[str, Any]) -> None:
        """Take one more object. Smaller numbers are flagged: OpenAI's are left aside, Anthropic's are corrections."""
        counts = _Counts(reported)
        if "prompt_tokens" in reported or "completion_tokens" in reported:
            self.usage = _larger(self.usage, _openai_usage(counts), counts.flags)
        else:
            self._prompt = _later(self._prompt, _anthropic_prompt(counts, self._prompt), counts.flags)
            self._take_output(_anthropic_output(counts), counts.flags)
            self.usage = _joined(self._prompt, self._output) or self.usage
        self.flags |= counts.flags

    def _take_output(self, new: Usage | None, flags: set[str]) -> None:
        """The first number is a guess. After it, a bare zero means: as before."""
        if new is None or (self._output_told > 1 and new.output_tokens == 0):
            return
        self._output = _later(self._output, new, flags if self._output_told > 1 else set())
        self._output_told += 1


@dataclass(slots=True)
class _Counts:
    """Token counts of one usage object by path, read with suspicion."""

    reported: Mapping[str, Any]
    flags: set[str] = field(default_factory=set)

    def get(self, *path: str) -> int | None:
        """A count; None where it is missing or no count at all."""
        value: Any = self.reported
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
            self.flags.add("text")
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            self.flags.add("unreadable")
            return None
        if value > TOKENS_MAX:
            self.flags.add("absurd")
            return None
        if value < 0:
            self.flags.add("negative")
            return 0
        return value

    def most(self, *paths: tuple[str, ...]) -> int:
        """The largest of the places where providers put the same count; 0 where none has it."""
        return max((self.get(*path) or 0 for path in paths), default=0)


def _openai_usage(counts: _Counts) -> Usage | None:
    prompt, output = counts.get("prompt_tokens"), counts.get("completion_tokens")
    if counts.most(*_AUDIO):
        counts.flags.add("unpriced_audio")
    if prompt is None or output is None:
        return None
    read = _within(counts.most(*_OPENAI_READ), prompt, counts.flags)
    written = _within(counts.most(*_OPENAI_WRITTEN), prompt - read, counts.flags)
    output, reasoning = _with_reasoning(counts, prompt, output)
    return Usage(
        input_tokens=prompt - read - written,
        cache_read_tokens=read,
        cache_write_5m_tokens=written,
        output_tokens=output,
        reasoning_tokens=min(reasoning, output),
    )


def _with_reasoning(counts: _Counts, prompt: int, output: int) -> tuple[int, int]:
    """Some providers count reasoning beside `completion_tokens`: the total shows it. (output, reasoning)."""
    reasoning, total = counts.most(*_REASONING), counts.get("total_tokens")
    beside = None if total is None else total - prompt - output
    if beside == reasoning or (beside is None and reasoning > output):
        return output + reasoning, reasoning
    if beside is not None and beside > 0:
        counts.flags.add("total_mismatch")
    return output, reasoning


def _anthropic_prompt(counts: _Counts, known: Usage | None) -> Usage | None:
    fresh = counts.get("input_tokens")
    read = counts.get("cache_read_input_tokens")
    written = counts.get("cache_creation_input_tokens")
    if fresh is None or (known is not None and fresh == 0 and not read and not written):
        return None  # Some tell a bare zero at the end where they mean: as before.
    before = known or Usage()
    hour = counts.get("cache_creation", "ephemeral_1h_input_tokens")
    if written is None:
        written = before.cache_write_5m_tokens + before.cache_write_1h_tokens
    hour = min(before.cache_write_1h_tokens if hour is None else hour, written)
    prompt = Usage(
        input_tokens=fresh,
        cache_read_tokens=before.cache_read_tokens if read is None else read,
        cache_write_5m_tokens=written - hour,
        cache_write_1h_tokens=hour,
    )
    return _with_iterations(counts, prompt)


def _anthropic_output(counts: _Counts) -> Usage | None:
    output = counts.get("output_tokens")
    if counts.most(("server_tool_use", "web_search_requests"), ("server_tool_use", "code_execution_requests")):
        counts.flags.add("unpriced_server_tool")
    if output is None:
        return None
    output += sum(each.get("output_tokens") or 0 for each in _extra_iterations(counts))
    reasoning = counts.get("output_tokens_details", "thinking_tokens") or 0
    return Usage(output_tokens=output, reasoning_tokens=min(reasoning, output))


def _with_iterations(counts: _Counts, prompt: Usage) -> Usage:
    """Compacting a context is charged and not part of the numbers on top."""
    for each in _extra_iterations(counts):
        written = each.get("cache_creation_input_tokens") or 0
        hour = min(each.get("cache_creation", "ephemeral_1h_input_tokens") or 0, written)
        prompt = replace(
            prompt,
            input_tokens=prompt.input_tokens + (each.get("input_tokens") or 0),
            cache_read_tokens=prompt.cache_read_tokens + (each.get("cache_read_input_tokens") or 0),
            cache_write_5m_tokens=prompt.cache_write_5m_tokens + written - hour,
            cache_write_1h_tokens=prompt.cache_write_1h_tokens + hour,
        )
    return prompt


def _extra_iterations(counts: _Counts) -> list[_Counts]:
    listed = counts.reported.get("iterations")
    kinds = [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    if any(each.get("type") not in ("message", "compaction") for each in kinds):
        counts.flags.add("unpriced_iteration")
    return [_Counts(each) for each in kinds if each.get("type") == "compaction"]


def _within(part: int, whole: int, flags: set[str]) -> int:
    """A part of `whole`: some tell more cached tokens than the prompt had."""
    if part > whole:
        flags.add("part_exceeds_whole")
    return min(part, whole)


def _larger(known: Usage | None, new: Usage | None, flags: set[str]) -> Usage | None:
    if new is None or known is None:
        return new or known
    if _size(new) < _size(known):
        flags.add("decreased")
        return known
    return new


def _later(known: Usage | None, new: Usage | None, flags: set[str]) -> Usage | None:
    if new is not None and known is not None and _size(new) < _size(known):
        flags.add("decreased")
    return new or known


def _joined(prompt: Usage | None, output: Usage | None) -> Usage | None:
    if prompt is None or output is None:
        return None
    return replace(prompt, output_tokens=output.output_tokens, reasoning_tokens=output.reasoning_tokens)


def _size(usage: Usage) -> int:
    return usage.prompt_tokens + usage.output_tokens


def _estimate(text_bytes: int) -> int:
    return -(-max(text_bytes, 0) // ESTIMATE_BYTES_PER_TOKEN)


_OPENAI_READ: Final = (
    ("prompt_tokens_details", "cached_tokens"),
    ("prompt_cache_hit_tokens",),
    ("cached_tokens",),
    ("num_cached_tokens",),
    ("cache_read_input_tokens",),
)
_OPENAI_WRITTEN: Final = (("prompt_tokens_details", "cache_write_tokens"), ("cache_creation_input_tokens",))
_REASONING: Final = (("completion_tokens_details", "reasoning_tokens"), ("reasoning_tokens",))
_AUDIO: Final = (("prompt_tokens_details", "audio_tokens"), ("completion_tokens_details", "audio_tokens"))
