"""The request that the quickstart runs for a newcomer, and its outcome in words."""

from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from django.http import HttpRequest
from django.utils.translation import gettext as _

from tokenoutput.newcomer.inner_call import Answered, CallTimedOut, gateway_post

PATH = "/v1/chat/completions"
# As the samples ask.
QUESTION = "Hello!"


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it: the model's words, or why there are none."""

    succeeded: bool
    text: str
    request_id: str = ""


def trial_run(request: HttpRequest, *, key: str, model: str) -> Trial:
    """Ask the model through the gateway of this process, with this key. Nothing of it is kept."""
    scope: dict[str, Any] = getattr(request, "scope", {})
    gateway = scope.get("tokenoutput.gateway")
    if gateway is None:
        return Trial(succeeded=False, text=_("This server cannot run it for you. Copy the command and run it."))
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION}]}
    try:
        answered = async_to_sync(gateway_post)(gateway, PATH, key=key, body=body, client=scope.get("client"))
    except CallTimedOut:
        return Trial(succeeded=False, text=_("The model did not answer within 30 seconds. Try again."))
    return _trial(answered)


def _trial(answered: Answered) -> Trial:
    request_id = answered.headers.get(b"x-request-id", b"").decode("latin-1")
    match answered.json():
        case {"choices": [{"message": {"content": str(text)}}, *_]} if answered.status == 200:
            return Trial(succeeded=True, text=text.strip() or _("(an empty answer)"), request_id=request_id)
        case {"error": {"message": str(text)}}:
            return Trial(succeeded=False, text=text, request_id=request_id)
        case _:
            said = _("The answer came with status %(status)s.") % {"status": answered.status}
            return Trial(succeeded=answered.status == 200, text=said, request_id=request_id)
