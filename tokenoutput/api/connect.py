"""POST /auth/keys: an app that a person allowed a key turns its code into that key."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tokenoutput.api.base import ApiView
from tokenoutput.api.errors import Refused
from tokenoutput.api.figures import Strict
from tokenoutput.api.keyed import body_checked
from tokenoutput.api.schema import operation
from tokenoutput.api.throttles import PerAddress
from tokenoutput.connect.codes import VERIFIER, CodeRefused, code_exchange

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}


class ConnectAsked(Strict):
    """The code from the callback, and the secret that the app began with."""

    code = serializers.CharField(max_length=100)
    code_verifier = serializers.RegexField(VERIFIER, max_length=128)
    code_challenge_method = serializers.ChoiceField(choices=["S256"], default="S256")


class ConnectAnswer(serializers.Serializer):
    """The key, shown this once."""

    key = serializers.CharField()
    user_id = serializers.CharField(help_text="The member who allowed it.")


class ConnectView(ApiView):
    """Codes."""

    throttle_classes: list[Any] = [PerAddress]

    @operation("Connect", "Get the key of a connected app", answer=ConnectAnswer, body=ConnectAsked)
    def post(self, request: Request) -> Response:
        """The key that a person allowed at `/auth`. A code is good once, for ten minutes, with its verifier.

        It takes no key, so attempts are counted by address: above the limit it is 429, with `Retry-After`.
        """
        asked = body_checked(request, ConnectAsked)
        try:
            made = code_exchange(code=asked["code"], verifier=asked["code_verifier"])
        except CodeRefused as error:
            said = "This code is unknown, used or older than ten minutes, or the verifier is not the one it began with."
            raise Refused(403, said, reason="forbidden") from error
        return Response({"key": made.secret, "user_id": str(made.member_id)})

    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Apps may live in a browser."""
        return Response(status=204, headers=_PREFLIGHT)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response["Access-Control-Allow-Origin"] = "*"
        response["Access-Control-Expose-Headers"] = "Retry-After, X-Request-Id"
        return super().finalize_response(request, response, *args, **kwargs)
