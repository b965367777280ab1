"""The OpenAPI description: what is written beside each view, and what all of them share."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from tokenoutput.api.inference.paths import PATHS, RESPONSES, SCHEMAS, SCHEMES

ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "metadata"],
            "properties": {
                "code": {"type": "integer", "description": "The HTTP status."},
                "message": {"type": "string", "description": "For a person, in one or two sentences."},
                "metadata": {
                    "type": "object",
                    "required": ["reason", "charged", "docs_url", "request_id"],
                    "properties": {
                        "reason": {"type": "string", "description": "For a program: stable."},
                        "charged": {"type": "boolean", "description": "Whether this request cost anything."},
                        "docs_url": {"type": "string", "description": "Where the documentation says more of it."},
                        "request_id": {"type": "string", "description": "What support asks for."},
                        "manage_url": {"type": "string", "description": "Where a person can change what refused it."},
                        "fields": {
                            "type": "object",
                            "description": "What is wrong with which field.",
                            "additionalProperties": {"type": "array", "items": {"type": "string"}},
                        },
                    },
                    "additionalProperties": True,
                },
            },
        }
    },
}
_SCHEMES = {
    "managementKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "`sk-mgmt-…`: manages one organisation, within its scopes and its member's role.",
    },
    **SCHEMES,
}
_METHODS = ("get", "put", "post", "patch", "delete")


class Described(AutoSchema):
    """Says which scope an operation needs, from the view that asks for it."""

    def get_extensions(self) -> dict[str, str]:
        scope = getattr(self.view, "needs", {}).get(self.method)
        return {"x-required-scope": scope} if scope else {}


def operation(
    tag: str,
    summary: str,
    *,
    answer: Any = None,
    status: int = 200,
    body: Any = None,
    query: Sequence[OpenApiParameter] = (),
) -> Callable[[Any], Any]:
    """What the description says of one method of a view: the docstring goes into it too."""
    responses = {status: OpenApiResponse(answer, description=summary)}
    return extend_schema(
        operation_id="_".join(re.findall(r"[a-z]+", summary.lower())),
        tags=[tag],
        summary=summary,
        request=body,
        responses=responses,
        parameters=list(query),
    )


def query(name: str, description: str, kind: Any = str, **given: Any) -> OpenApiParameter:
    """A parameter of the query string."""
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=description, **given)


IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="The same key and body within 24 hours do nothing again, and get the first answer.",
)


def finish(result: dict[str, Any], **_given: Any) -> dict[str, Any]:
    """Spectacular's last hook: the inference endpoints, the two kinds of keys, and the one shape of errors."""
    components = result.setdefault("components", {})
    components["securitySchemes"] = _SCHEMES
    components.setdefault("schemas", {})["Error"] = ERROR
    components["schemas"] |= SCHEMAS
    components["responses"] = RESPONSES | {
        "Error": {
            "description": "Refused or failed; the status says which, `metadata.reason` says why.",
            "headers": {"X-Request-Id": {"schema": {"type": "string"}}},
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
    }
    for path in result["paths"].values():
        for method in set(path) & set(_METHODS):
            path[method]["responses"]["default"] = {"$ref": "#/components/responses/Error"}
    result["paths"] |= PATHS
    return result
