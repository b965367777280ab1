"""JSON schemas as each protocol wants them for tools and for structured answers. Pure."""

from typing import Any

EMPTY: dict[str, Any] = {"type": "object", "properties": {}}
DEPTH_MAX = 100


def schema_of_tool(schema: object) -> dict[str, Any]:
    """A tool's parameters: always an object with properties, whatever was left out."""
    return {**EMPTY, **schema} if isinstance(schema, dict) else dict(EMPTY)


def strict_ready(schema: object, depth: int = 0) -> bool:
    """Whether OpenAI takes the schema as `strict`: every object closed and every property required."""
    if depth > DEPTH_MAX:
        return False
    if isinstance(schema, list):
        return all(strict_ready(one, depth + 1) for one in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if isinstance(properties, dict) or schema.get("type") == "object":
        required = schema.get("required") or []
        named = set(properties or ())
        if schema.get("additionalProperties") is not False or not isinstance(required, list):
            return False
        if named != {one for one in required if isinstance(one, str)}:
            return False
    inner = [*(properties.values() if isinstance(properties, dict) else ())]
    inner += [value for name, value in schema.items() if name not in _NO_SCHEMAS]
    return all(strict_ready(one, depth + 1) for one in inner)


def schema_closed(schema: Any, depth: int = 0) -> Any:
    """The schema with every object closed where it does not say: Anthropic demands the word."""
    if depth > DEPTH_MAX:
        return schema
    if isinstance(schema, list):
        return [schema_closed(one, depth + 1) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {
        name: value if name in _NO_SCHEMAS - {"properties"} else _inner_closed(name, value, depth)
        for name, value in schema.items()
    }
    if schema.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


def _inner_closed(name: str, value: Any, depth: int) -> Any:
    if name in _BY_NAME and isinstance(value, dict):
        return {one: schema_closed(inner, depth + 1) for one, inner in value.items()}
    return schema_closed(value, depth + 1)


_BY_NAME = frozenset(("properties", "$defs", "definitions"))
_NO_SCHEMAS = frozenset(("properties", "enum", "const", "default", "examples", "required"))
