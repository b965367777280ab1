curl {{ openai_base_url }}/embeddings \
  -H "Authorization: Bearer {{ key }}" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "{{ model }}",
    "input": ["plums", "apricots"]
  }'
