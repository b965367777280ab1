curl -N {{ openai_base_url }}/chat/completions \
  -H "Authorization: Bearer {{ key }}" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "{{ model }}",
    "stream": true,
    "messages": [{"role": "user", "content": "Please write a quick greeting."}]
  }'
