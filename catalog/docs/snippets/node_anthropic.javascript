import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic({
  apiKey: '{{ key }}',
  baseURL: '{{ base_url }}',
});

const message = await client.messages.create({
  model: '{{ model }}',
  max_tokens: 256,
  messages: [{ role: 'user', content: 'Hello!' }],
});
console.log(message.content[0].text);
