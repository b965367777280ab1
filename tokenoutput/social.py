"""The sites whose accounts may sign in here: those that have a client, in the form allauth wants."""

# Paying, the card's page and these sites are forms that lead on: the policy on contents lets them.
FORMS_LEAD_TO = ("https://checkout.stripe.com", "https://billing.stripe.com")
HOSTS = {"github": "https://github.com", "google": "https://accounts.google.com"}


def social_providers(**clients: tuple[str, str]) -> dict[str, dict[str, object]]:
    """Of (client id, secret) by site, those that are set."""
    return {
        site: {"APPS": [{"client_id": client_id, "secret": secret}]}
        for site, (client_id, secret) in clients.items()
        if client_id
    }
