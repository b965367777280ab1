"""Programs with a management key, as tests of the API start from."""

from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.test import Client

from accounts.management_keys import SCOPES, management_key_create
from tests.tokenoutput.pages import Visitor


@dataclass(frozen=True, slots=True)
class Program:
    """Who asks the API: without cookies, with one key."""

    secret: str
    client: Client = field(default_factory=Client)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One request; `Idempotency_Key="x"` is a header."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": f"Bearer {self.secret}"} | named
        given = {} if body is None else {"data": body, "content_type": "application/json"}
        return getattr(self.client, method)(f"/api/v1/{path}", headers=sent, **given)

    def get(self, path: str, **headers: str) -> Any:
        return self.ask("get", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.ask("post", path, {} if body is None else body, **headers)

    def data(self, path: str) -> Any:
        """What a GET answers."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.content
        return answer.json()["data"]


def program(host: Visitor, *scopes: str, **options: Any) -> Program:
    """A program that acts as this member, with these scopes or all."""
    made = management_key_create(
        organization_id=host.organization.id,
        member_id=host.organization.member_id,
        name="ci",
        scopes=scopes or tuple(SCOPES),
        **options,
    )
    return Program(made.secret)


def error_of(answer: Any) -> dict[str, Any]:
    """The error of an answer, whose form is checked."""
    error = answer.json()["error"]
    assert error["code"] == answer.status_code
    assert error["message"]
    assert error["metadata"]["charged"] is False
    assert error["metadata"]["request_id"] == answer["X-Request-Id"]
    # A reason that the errors page does not explain would lead to the top of its section.
    assert error["metadata"]["docs_url"] == f"{settings.SITE_URL}/docs/errors#{error['metadata']['reason']}"
    found: dict[str, Any] = error["metadata"]
    return found
