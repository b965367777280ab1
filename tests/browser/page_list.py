"""The pages that the browser looks at in both schemes and at each width; a new page gets a line here."""

from datetime import UTC, datetime

PUBLIC = {
    "landing": "/",
    "models": "/models",
    "models-none": "/models?q=no-such-model",
    "status": "/status",
    "pricing": "/pricing?empty=refill&cached=50",
    "pricing-refused": "/pricing?requests=many",
    "docs": "/docs/",
    "docs-quickstart": "/docs/quickstart",
    "docs-claude-code": "/docs/claude-code",
    "docs-errors": "/docs/errors",
    "docs-billing": "/docs/billing",
    "conversion": "/docs/conversion",
    "legal": "/legal/privacy",
    "api": "/docs/api",
    "changelog": "/changelog",
    "login": "/accounts/login/",
    "signup": "/accounts/signup/",
    "reset": "/accounts/password/reset/",
}
DASHBOARD = {
    "overview": "",
    "quickstart": "quickstart",
    "keys": "keys",
    "keys-none": "keys?q=no-such-key",
    "management-keys": "management-keys",
    "usage": "usage",
    "requests": "requests",
    "requests-none": "requests?model=no-such-model",
    "billing": "billing",
    "ledger": "billing/ledger",
    "receipts": "billing/receipts",
    "statement": f"billing/statement/{datetime.now(UTC):%Y-%m}",
    "alerts": "alerts",
    "members": "members",
    "settings": "settings",
    "audit": "audit",
    "profile": "../me",
}
