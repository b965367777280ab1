import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic({ apiKey: '{{ key }}', baseURL: '{{ base_url }}' });

const counted = await client.messages.countTokens({
  model: '{{ model }}',
  messages: [{ role: 'user', content: 'How long is this?' }],
});
console.log(`input_tokens: ${counted.input_tokens}`);
