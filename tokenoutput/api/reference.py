"""The OpenAPI description as a page shows it: chapters of operations, each with the fields it takes and gives. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
# A sentence in parts, every second of which is code.
Text = tuple[str, ...]
DEPTH_MAX = 3
_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Field:
    """One line: a parameter, or a member of a body. `name` is its path: `data.pricing.prompt`."""

    name: str
    kind: str
    required: bool
    description: Text


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    id: str
    method: str
    path: str
    summary: str
    description: Text
    key: str
    scope: str
    parameters: list[Field]
    body: list[Field]
    status: str
    answer: list[Field]
    errors: list[str]
    stream: Text
    event: list[Field]


@dataclass(frozen=True, slots=True)
class Chapter:
    """Operations on one kind of thing."""

    id: str
    title: str
    operations: list[Operation]


def chapters_of(described: Schema) -> list[Chapter]:
    """Every operation, in the order of the description, by its tag."""
    by_tag: dict[str, list[Operation]] = {}
    for path, methods in described["paths"].items():
        for method in _METHODS:
            if method in methods:
                found = methods[method]
                by_tag.setdefault(found["tags"][0], []).append(_operation(described, path, method, found))
    return [Chapter(tag.lower().replace(" ", "-"), tag, operations) for tag, operations in by_tag.items()]


def _operation(described: Schema, path: str, method: str, found: Schema) -> Operation:
    status, answer = next((code, answer) for code, answer in found["responses"].items() if code.startswith("2"))
    schemes = [name for option in found.get("security", []) for name in option]
    keys = {"managementKey": "sk-mgmt-…", "apiKey": "sk-…", "apiKeyHeader": "sk-…"}
    return Operation(
        id=found["operationId"],
        method=method.upper(),
        path=path,
        summary=found["summary"],
        description=_text(found.get("description", "")),
        key=" / ".join(dict.fromkeys(keys[name] for name in schemes)) if {} not in found.get("security", [{}]) else "",
        scope=found.get("x-required-scope", ""),
        parameters=[_parameter(described, one) for one in found.get("parameters", [])],
        body=list(_fields(described, _json(found.get("requestBody", {})))),
        status=status,
        answer=list(_fields(described, _json(answer))),
        errors=[code for code in found["responses"] if code[0] in "45"],
        stream=_text(_stream(answer).get("description", "")),
        event=list(_fields(described, _stream(answer).get("contentSchema", {}))),
    )


def _text(said: str) -> Text:
    return tuple(said.split("`")) if said else ()


def _json(holder: Schema) -> Schema:
    schema: Schema = holder.get("content", {}).get("application/json", {}).get("schema", {})
    return schema


def _stream(answer: Schema) -> Schema:
    schema: Schema = answer.get("content", {}).get("text/event-stream", {}).get("schema", {})
    return schema


def _parameter(described: Schema, found: Schema) -> Field:
    kind = _kind(described, found["schema"])
    return Field(found["name"], kind, bool(found.get("required")), _text(found.get("description", "")))


def _fields(described: Schema, schema: Schema, start: str = "", depth: int = 0) -> Iterator[Field]:
    schema = _resolved(described, schema)
    if "items" in schema:
        yield from _fields(described, schema["items"], f"{start[:-1]}[]." if start else "[].", depth)
        return
    for name, inner in schema.get("properties", {}).items():
        solid = _resolved(described, inner)
        required = name in schema.get("required", [])
        said = _text(inner.get("description") or _own(solid, inner))
        yield Field(start + name, _kind(described, inner), required, said)
        if depth < DEPTH_MAX:
            yield from _fields(described, solid, f"{start}{name}.", depth + 1)


def _own(solid: Schema, inner: Schema) -> str:
    """A component's description is its docstring: worth a line only where the field has none of its own."""
    return str(solid.get("description", "")) if solid is not inner else ""


def _resolved(described: Schema, schema: Schema) -> Schema:
    for name in ("allOf", "oneOf", "anyOf"):
        references = [one for one in schema.get(name, []) if one.get("$ref") or one.get("type") != "null"]
        if len(references) == 1:
            return _resolved(described, references[0])
    if reference := schema.get("$ref"):
        found: Schema = described["components"]["schemas"][reference.rpartition("/")[2]]
        return _resolved(described, found)
    return schema


def _kind(described: Schema, schema: Schema) -> str:
    """The type in words: `string`, `number or string`, `one of a, b`."""
    nullable = any(one.get("type") == "null" for name in ("oneOf", "anyOf") for one in schema.get(name, []))
    solid = _resolved(described, schema)
    if "const" in solid:
        return f"always {solid['const']}"
    if "enum" in solid:
        return f"one of {', '.join(str(one) for one in solid['enum'] if one not in (None, ''))}"
    if "items" in solid:
        return f"list of {_kind(described, solid['items'])}"
    kinds = solid.get("type", [one.get("type", "any") for one in solid.get("anyOf", [])] or "any")
    names = list(kinds) if isinstance(kinds, list) else [kinds]
    names += ["null"] if nullable and "null" not in names else []
    return solid.get("format", "") + " or null" * ("null" in names) if solid.get("format") else " or ".join(names)
