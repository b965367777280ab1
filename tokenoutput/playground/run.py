"""A run of the playground: the member's key, the request through the gateway, and its answer for the page."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from uuid import UUID

import msgspec
from asgiref.sync import sync_to_async
from django.db import close_old_connections, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.access import Access
from accounts.playground_keys import PlaygroundKey, playground_key_create, playground_key_get
from billing.limits import limit_set
from catalog.money import NANOS_PER_USD
from gateway.request_id import request_id_make
from tokenoutput.playground.answer import AnswerReader, Failed, Piece, Text
from tokenoutput.playground.call import Asked, answer_pieces
from tokenoutput.playground.forms import Question
from tokenoutput.playground.outcome import WORDS, failure_html, figures_html

# What a new key of the playground may spend in a day; who may change limits can give it another.
LIMIT_NANOS = 5 * NANOS_PER_USD


class NoGateway(Exception):
    """This process has no gateway that takes requests."""


class Run:
    """One request: made with the request of its page, then read once, as a stream for scripts or whole."""

    def __init__(self, request: HttpRequest, access: Access, question: Question) -> None:
        scope: dict[str, Any] = getattr(request, "scope", {})
        gateway = scope.get("tokenoutput.gateway")
        if gateway is None or not gateway.ready:
            raise NoGateway
        self._gateway = gateway
        self._organization = access.organization
        self._reader = AnswerReader()
        self.request_id: UUID = request_id_make()
        key = _key(access)
        self._asked = Asked(question.body(), key.key_hash, self.request_id, scope.get("client"))
        self.text = ""
        self.failed: Failed | None = None

    @property
    def said(self) -> str:
        """How it ended, in a word or two."""
        return str(WORDS[self._reader.state])

    async def events(self) -> AsyncGenerator[bytes]:
        """For a script: `begun`, then `text` and `thinking` as they come, `failed` with a notice, `ended`."""
        await sync_to_async(close_old_connections)()  # Else each run would keep one for as long as it is answered.
        yield _event("begun", request=str(self.request_id))
        async with aclosing(answer_pieces(self._gateway, self._asked, self._reader)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Failed):
                    yield _event("failed", html=await sync_to_async(failure_html)(_worded(piece)))
                elif isinstance(piece, Text):
                    yield _event("text", text=piece.text)
                else:
                    yield _event("thinking")
        html = await sync_to_async(self.figures)()
        yield _event("ended", state=self._reader.state, said=self.said, html=html)

    async def whole(self) -> None:
        """For a page without scripts: `text`, and `failed` where it did."""
        async with aclosing(answer_pieces(self._gateway, self._asked, self._reader)) as pieces:
            async for piece in pieces:
                self._take(piece)

    def figures(self) -> str:
        """What it came to; empty where nothing is on record."""
        organization = self._organization
        return figures_html(organization_id=organization.id, slug=organization.slug, request_id=self.request_id)

    def _take(self, piece: Piece) -> None:
        if isinstance(piece, Text):
            self.text += piece.text
        elif isinstance(piece, Failed):
            self.failed = _worded(piece)


@transaction.atomic
def _key(access: Access) -> PlaygroundKey:
    """The member's key; the first run makes it, with a limit."""
    organization = access.organization
    who = {"organization_id": organization.id, "member_id": organization.member_id}
    key = playground_key_get(**who)
    if key is None:
        made = playground_key_create(**who)
        if made is not None:
            limit_set(
                organization_id=organization.id,
                api_key_id=made,
                period="daily",
                amount_nanos=LIMIT_NANOS,
                user_id=access.user_id,
            )
        key = playground_key_get(**who)
    assert key is not None  # Made just now, here or by a press at the same time.
    return key


def _worded(failed: Failed) -> Failed:
    if failed.message:
        return failed
    return Failed(
        _("The connection to the model was lost. If anything is charged, the request's own page will say so.")
    )


def _event(kind: str, **members: str) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode(members))
