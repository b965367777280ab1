curl {{ openai_base_url }}/chat/completions \
  -H "Authorization: Bearer {{ key }}" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "{{ model }}",
    "messages": [{"role": "user", "content": "What is the weather in Ulm?"}],
    "tools": [{
      "type": "function",
      "function": {
        "name": "weather",
        "description": "The weather of a town right now.",
        "parameters": {
          "type": "object",
          "properties": {"town": {"type": "string"}},
          "required": ["town"]
        }
      }
    }]
  }'
