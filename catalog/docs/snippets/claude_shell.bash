export ANTHROPIC_BASE_URL="{{ base_url }}"
export ANTHROPIC_AUTH_TOKEN="{{ key }}"
export ANTHROPIC_API_KEY=""
export ANTHROPIC_MODEL="{{ model }}"
