"""What the documentation knows of its reader: the language and model of the examples, and which key is theirs."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.selectors import ApiKeyView, OrganizationView, api_keys_list, organizations_of

LANGUAGES = {"curl": "curl", "python": "Python", "nodejs": "Node.js"}
LANGUAGE_COOKIE, MODEL_COOKIE = "docs_language", "docs_model"
KEPT_SECONDS = 365 * 24 * 3600
MODEL_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True)
class Reader:
    """`key` is the newest that works in the first organisation; None for strangers and where there is none."""

    language: str
    model: str | None
    organization: OrganizationView | None = None
    key: ApiKeyView | None = None

    @property
    def languages(self) -> list[tuple[str, str]]:
        """What examples can be read in."""
        return list(LANGUAGES.items())

    def start_url(self, *, page: str, model: str) -> str:
        """To the quickstart, in the language and with the model that are open here; strangers sign up on the way."""
        language = page if page == "claude-code" else self.language or next(iter(LANGUAGES))
        quickstart = reverse("quickstart_any", query={"language": language, "model": model})
        if self.organization is not None:
            return quickstart
        return reverse("account_signup", query={"next": quickstart})


def reader_of(request: HttpRequest) -> Reader:
    """The query string wins over what was chosen before."""
    language = request.GET.get("language", request.COOKIES.get(LANGUAGE_COOKIE, ""))
    language = language if language in LANGUAGES else ""
    model = request.GET.get("model", request.COOKIES.get(MODEL_COOKIE))
    organizations = organizations_of(user=request.user)
    if not organizations:
        return Reader(language, model)
    keys = api_keys_list(organization_id=organizations[0].id)
    working = next((key for key in keys if key.state == "active"), None)
    return Reader(language, model, organizations[0], working)


def choice_keep(request: HttpRequest, response: HttpResponse) -> None:
    """Remember what the form asked for: a preference, nothing that tells readers apart."""
    for name, cookie in (("language", LANGUAGE_COOKIE), ("model", MODEL_COOKIE)):
        value = request.GET.get(name, "")
        known = value in LANGUAGES if name == "language" else value.isprintable() and value.isascii()
        if value and known and len(value) <= MODEL_CHARACTERS_MAX:
            # Scripts keep the language too, when a tab is chosen.
            response.set_cookie(cookie, value, max_age=KEPT_SECONDS, path="/docs/", samesite="Lax")
