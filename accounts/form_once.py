"""A form that is sent twice makes one thing: the second answer says that it was made, and shows no secret."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.form_note_models import FormNote

FIELD = "form_token"
KEPT_FOR = timedelta(hours=24)
PURGED_AT_ONCE = 100


class FormSentBefore(Exception):
    """This very form was sent before, and did what it asks: what it made, and the page of that if there is one."""

    def __init__(self, name: str, page: str) -> None:
        super().__init__(f"{name} was made before.")
        self.name = name
        self.page = page


@transaction.atomic
def form_once[Made](
    request: HttpRequest, act: Callable[[], Made], *, name: str, page: Callable[[Made], str] | None = None
) -> Made:
    """What `act` makes. It runs in one transaction with the note that it ran: both or neither.

    A second press at the same time waits for the first one's end at the note's unique index. Raises `FormSentBefore`,
    and what `act` raises. A request without a token is done each time: it came from no form of ours.
    """
    fingerprint = _fingerprint(request)
    if fingerprint is None:
        return act()
    _purge(fingerprint)
    try:
        with transaction.atomic():
            note = FormNote.objects.create(fingerprint=fingerprint, name=name)
    except IntegrityError:
        before = FormNote.objects.get(fingerprint=fingerprint)
        raise FormSentBefore(before.name, before.page) from None
    made = act()
    if page is not None:
        note.page = page(made)
        note.save(update_fields=["page"])
    return made


def _fingerprint(request: HttpRequest) -> bytes | None:
    """Of who sent what with which token: a form that was changed before it was sent again asks for something else."""
    if not request.POST.get(FIELD):
        return None
    fields = sorted((name, values) for name, values in request.POST.lists() if name != "csrfmiddlewaretoken")
    return hashlib.sha256(json.dumps([request.user.pk, request.path, fields]).encode()).digest()


def _purge(fingerprint: bytes) -> None:
    """Old notes go as new ones come; those that another request takes away just now are passed over."""
    old = FormNote.objects.filter(created_at__lt=timezone.now() - KEPT_FOR)
    old.filter(fingerprint=fingerprint).delete()
    ids = list(old.select_for_update(skip_locked=True).values_list("id", flat=True)[:PURGED_AT_ONCE])
    if ids:
        FormNote.objects.filter(id__in=ids).delete()
