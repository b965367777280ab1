"""Who may call us: users, organisations, memberships, API keys."""
