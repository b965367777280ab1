"""Idempotency-Key: what was asked twice happens once, and the second answer is the first one."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from cryptography.fernet import Fernet
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from tokenoutput.api.authentication import secret_of
from tokenoutput.api.errors import QueryRefused, Refused
from tokenoutput.models import OnceAnswer

KEPT_FOR = timedelta(hours=24)
PURGED_AT_ONCE = 100
_FORM = re.compile(r"[\x21-\x7e]{1,255}")


@transaction.atomic
def once(request: Request, act: Callable[[], Response]) -> Response:
    """What `act` answers, or answered before. It runs in one transaction with the note that it ran: both or neither.

    A second request at the same time waits for the first one's end at the note's unique index.
    """
    key = _key(request)
    if key is None:
        return act()
    note, made = _note(request, key)
    if not made:
        data = json.loads(_box(request).decrypt(note.sealed))
        return Response(data, status=note.status, headers={"Idempotency-Replayed": "true"})
    response = act()
    note.status = response.status_code
    note.sealed = _box(request).encrypt(json.dumps(response.data).encode()).decode()
    note.save(update_fields=["status", "sealed"])
    return response


def once_id(request: Request) -> UUID:
    """An id for what is made outside our database: the same for the same Idempotency-Key, else a new one."""
    key = _key(request)
    if key is None:
        return uuid4()
    _note(request, key)
    return uuid5(NAMESPACE_URL, f"management-key:{request.auth.key_id}:{key}")


def _key(request: Request) -> str | None:
    key: str | None = request.headers.get("Idempotency-Key")
    if key is not None and not _FORM.fullmatch(key):
        raise QueryRefused({"Idempotency-Key": ["1 to 255 visible ASCII characters."]})
    return key


@transaction.atomic
def _note(request: Request, key: str) -> tuple[OnceAnswer, bool]:
    """The row of this key, and whether it is new. Refuses one that came with another request."""
    _purge(request.auth.key_id, key)
    fingerprint = hashlib.sha256(
        f"{request.method} {request.path}\n{json.dumps(request.data, sort_keys=True)}".encode()
    ).digest()
    mine = {"management_key_id": request.auth.key_id, "idempotency_key": key}
    try:
        with transaction.atomic():
            return OnceAnswer.objects.create(**mine, fingerprint=fingerprint), True
    except IntegrityError:
        note = OnceAnswer.objects.get(**mine)
    if bytes(note.fingerprint) != fingerprint:
        message = "This Idempotency-Key came with another request before. Use a new one for each."
        raise Refused(422, message, reason="idempotency_key_reused")
    return note, False


def _purge(management_key_id: int, key: str) -> None:
    """Old notes go as new ones come; those that another request takes away just now are passed over."""
    old = OnceAnswer.objects.filter(created_at__lt=timezone.now() - KEPT_FOR)
    old.filter(management_key_id=management_key_id, idempotency_key=key).delete()
    ids = list(old.select_for_update(skip_locked=True).values_list("id", flat=True)[:PURGED_AT_ONCE])
    if ids:
        OnceAnswer.objects.filter(id__in=ids).delete()


def _box(request: Request) -> Fernet:
    """Sealed with the caller's own secret, which we keep only as a hash: an answer with a new key's secret in it can be
    opened by nobody but who asks for it again.
    """
    digest = hashlib.sha256(b"idempotency\0" + secret_of(request).encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))
