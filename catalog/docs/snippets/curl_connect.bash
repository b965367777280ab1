curl {{ base_url }}/api/v1/auth/keys \
  -H "Content-Type: application/json" \
  -d "{\"code\": \"$CODE\", \"code_verifier\": \"$VERIFIER\"}"
