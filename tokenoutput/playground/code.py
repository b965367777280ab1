"""The playground's request as code: the documentation's own samples, with what is asked in place of their Hello."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from catalog.docs.registry import Snippet, snippets
from catalog.templatetags.snippets import TABS, Tab
from tokenoutput.playground.forms import Question, Turn

# Anthropic's protocol asks for a maximum, and its scale of temperatures ends here.
ANTHROPIC_MAX_TOKENS: Final = 1024
ANTHROPIC_TEMPERATURE_MAX: Final = 1.0
_MODEL = "model-to-be-filled-in"
# From the line that names the model to the one that says Hello: what a request consists of.
_REQUEST = re.compile(rf"^( *)[^\n]*{_MODEL}.*?\"?messages.*?Hello.*?\n", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Language:
    """How a request's members are written: one a line, and how far a line is moved in."""

    line: str
    last: str
    step: str


_LANGUAGES: Mapping[str, _Language] = {
    "bash": _Language('"{name}": {value},', '"{name}": {value}', "  "),
    "python": _Language("{name}={value},", "{name}={value},", "    "),
    "javascript": _Language("{name}: {value},", "{name}: {value},", "  "),
}


def code_tabs(question: Question, *, protocol: str, base_url: str) -> list[Tab]:
    """A sample for each language of the protocol, `openai` or `anthropic`."""
    filled = snippets(base_url=base_url, model=_MODEL)
    members = _anthropic(question) if protocol == "anthropic" else _openai(question)
    return [Tab(label, _asking(filled[name], members)) for name, label in TABS[protocol].items()]


def _asking(sample: Snippet, members: Mapping[str, Any]) -> Snippet:
    language = _LANGUAGES[sample.language]

    def written(found: re.Match[str]) -> str:
        *lines, last = [(name, _value(value, sample.language, found[1])) for name, value in members.items()]
        written = [language.line.format(name=name, value=value) for name, value in lines]
        return "".join(f"{found[1]}{line}\n" for line in [*written, language.last.format(name=last[0], value=last[1])])

    code, count = _REQUEST.subn(written, sample.code)
    assert count == 1, sample.id
    return replace(sample, code=code)


def _value(value: Any, language: str, indent: str) -> str:
    """JSON is what all three have in common: texts, numbers and lists are written alike."""
    if not isinstance(value, list):
        return _json(value, language)
    turns = [_turn(turn, language) for turn in value]
    if len(turns) == 1:
        return f"[{turns[0]}]"
    step = _LANGUAGES[language].step
    comma = "" if language == "bash" else ","
    return "[\n" + ",\n".join(f"{indent}{step}{turn}" for turn in turns) + f"{comma}\n{indent}]"


def _turn(turn: Mapping[str, str], language: str) -> str:
    if language != "javascript":
        return "{" + ", ".join(f'"{name}": {_json(text, language)}' for name, text in turn.items()) + "}"
    return "{ " + ", ".join(f"{name}: {_json(text, language)}" for name, text in turn.items()) + " }"


def _json(value: Any, language: str) -> str:
    text = msgspec.json.encode(value).decode()
    # The shell's quotes around the body end at the next of their kind.
    return text.replace("'", "\\u0027") if language == "bash" else text


def _said(turns: Sequence[Turn]) -> list[dict[str, str]]:
    return [{"role": turn.role, "content": turn.content} for turn in turns]


def _openai(question: Question) -> dict[str, Any]:
    system = [Turn("system", question.system)] if question.system else []
    members: dict[str, Any] = {"model": question.model, "messages": _said([*system, *question.turns])}
    return members | _given(max_tokens=question.max_tokens, temperature=question.temperature)


def _anthropic(question: Question) -> dict[str, Any]:
    temperature = question.temperature
    if temperature is not None:
        temperature = min(temperature, ANTHROPIC_TEMPERATURE_MAX)
    members: dict[str, Any] = {"model": question.model, "max_tokens": question.max_tokens or ANTHROPIC_MAX_TOKENS}
    members |= _given(system=question.system or None, temperature=temperature)
    return members | {"messages": _said(question.turns)}


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
