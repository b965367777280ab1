curl -N {{ base_url }}/v1/messages \
  -H "x-api-key: {{ key }}" \
  -H "anthropic-version: 2023-06-01" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "{{ model }}",
    "max_tokens": 256,
    "stream": true,
    "messages": [{"role": "user", "content": "Please write a quick greeting."}]
  }'
