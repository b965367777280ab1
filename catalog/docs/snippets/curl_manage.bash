curl {{ base_url }}/api/v1/keys \
  -H "Authorization: Bearer $TOKENOUTPUT_MANAGEMENT_KEY" \
  -H "Content-Type: application/json" \
  -H "Idempotency-Key: ci-bot-2026-11" \
  -d '{
    "name": "ci-bot",
    "limit": "20.00",
    "limit_reset": "monthly",
    "expires_at": "2099-01-01T00:00:00Z",
    "allowed_models": ["{{ model }}"],
    "rate_limit_rpm": 60
  }'
