"""Words that the fragments of schemas are put together from."""

from typing import Any, Final

Schema = dict[str, Any]
NUMBER: Final[Schema] = {"type": "number"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
STRING: Final[Schema] = {"type": "string"}
BOOLEAN: Final[Schema] = {"type": "boolean"}
OBJECT: Final[Schema] = {"type": "object", "additionalProperties": True}
MODEL: Final[Schema] = {"type": "string", "description": "An id of the catalog: GET /api/v1/models lists them."}


def record(required: list[str], **properties: Schema) -> Schema:
    """An object with these members, and whatever else a model's protocol has."""
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": True}


def array(items: Schema, **given: Any) -> Schema:
    """A list."""
    return {"type": "array", "items": items, **given}


def ref(name: str) -> Schema:
    """A component."""
    return {"$ref": f"#/components/schemas/{name}"}


def nullable(schema: Schema) -> Schema:
    """It, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def either(*schemas: Schema) -> Schema:
    """One of several."""
    return {"anyOf": list(schemas)}


def said(schema: Schema, description: str) -> Schema:
    """It, with a sentence about it."""
    return schema | {"description": description}


CONTENT: Final = either(STRING, array(OBJECT))
STREAM: Final = said(BOOLEAN | {"default": False}, "Answer with server-sent events.")
TOOLS: Final = array(OBJECT, description="In this protocol's own form.")
