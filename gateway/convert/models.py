"""What an upstream's model takes, as far as its name and the catalog tell. Pure."""

import re
from dataclasses import dataclass
from typing import Final

# They think before they answer: another name for the maximum, no sampling.
_OPENAI_THINKS: Final = re.compile(r"(?:^|/)(?:o\d+(?:-|$)|gpt-(?:[5-9]|\d\d)(?!.*chat))")
_OPENAI_EFFORT_TO_HIGH: Final = re.compile(r"(?:^|/)(?:o\d+(?:-|$)|gpt-5(?:-|$)|gpt-5\.1(?:$|-(?!codex-max))|gpt-oss)")
_NO_EFFORT: Final = re.compile(
    r"gpt-3|gpt-4|chatgpt|-chat\b|non-reasoning|grok-4|llama|gemma|mixtral|command|qwen2|-instruct"
)
# In a tool loop these want their own reasoning back, or refuse the request.
_REASONING_BACK: Final = re.compile(r"deepseek|kimi|moonshot|glm|minimax|mimo")
_CLAUDE: Final = re.compile(r"claude-(?:([a-z]+)-)?(\d+)(?:[-.](\d{1,2}))?(?=[-.@:]|$)")


@dataclass(frozen=True, slots=True)
class OpenAIModel:
    """What a model behind Chat Completions takes."""

    maximum: str  # the name of the field for the most tokens of output
    sampling: bool
    efforts: frozenset[str]
    reasoning_back: bool


@dataclass(frozen=True, slots=True)
class AnthropicModel:
    """What a model behind Messages takes."""

    thinks: bool
    adaptive: bool  # decides itself how long it thinks; `output_config.effort` guides it
    efforts: frozenset[str]
    sampling: bool
    both_sampling: bool  # temperature and top_p in one request
    structured: bool  # `output_config.format` and strict tools


def openai_model(name: str, capabilities: frozenset[str]) -> OpenAIModel:
    """The staff's word on reasoning counts before the name; a model that nobody described may be asked."""
    name = name.lower()
    thinks = _OPENAI_THINKS.search(name) is not None
    efforts = _ALL_EFFORTS if _takes_effort(name, capabilities) else frozenset[str]()
    if _OPENAI_EFFORT_TO_HIGH.search(name):
        efforts &= _TO_HIGH
    return OpenAIModel(
        maximum="max_completion_tokens" if thinks else "max_tokens",
        sampling=not thinks,
        efforts=efforts,
        reasoning_back=_REASONING_BACK.search(name) is not None,
    )


def anthropic_model(name: str) -> AnthropicModel:
    """By version for Claude; others that speak the protocol take what Claude 4 took."""
    found = _CLAUDE.search(name.lower())
    if found is None:
        return AnthropicModel(
            thinks=True, adaptive=False, efforts=frozenset(), sampling=True, both_sampling=True, structured=False
        )
    family, version = found[1], (int(found[2]), int(found[3] or 0))
    newest = version >= (5, 0) or (family == "opus" and version >= (4, 7))
    return AnthropicModel(
        thinks=version >= (3, 7),
        adaptive=version >= (4, 6),
        efforts=_ALL_EFFORTS if newest else _TO_HIGH | {"max"},
        sampling=not newest,
        both_sampling=version < (4, 1),
        structured=version >= (4, 5) or (family == "opus" and version == (4, 1)),
    )


def effort_within(effort: str, efforts: frozenset[str]) -> str | None:
    """The nearest effort that is taken, none above what was asked for; None where none is."""
    return next((one for one in _DOWNWARDS[_DOWNWARDS.index(effort) :] if one in efforts), None)


def _takes_effort(name: str, capabilities: frozenset[str]) -> bool:
    if "reasoning" in capabilities or _OPENAI_THINKS.search(name):
        return True
    return not capabilities and _NO_EFFORT.search(name) is None


_TO_HIGH: Final = frozenset(("low", "medium", "high"))
_ALL_EFFORTS: Final = _TO_HIGH | {"xhigh", "max"}
_DOWNWARDS: Final = ("max", "xhigh", "high", "medium", "low")
EFFORTS: Final = frozenset(_DOWNWARDS)
# What an effort is in tokens of thinking, and back.
BUDGET_OF_EFFORT: Final = {"low": 1024, "medium": 2048, "high": 4096, "xhigh": 8192, "max": 16384}


def effort_of_budget(budget_tokens: int) -> str:
    """The effort nearest to a budget."""
    if budget_tokens >= BUDGET_OF_EFFORT["high"]:
        return "high"
    return "medium" if budget_tokens >= BUDGET_OF_EFFORT["medium"] else "low"
