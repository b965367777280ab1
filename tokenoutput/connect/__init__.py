"""Connect an app: a person allows it a key of theirs, which it gets by a code and the secret it began with (PKCE)."""
