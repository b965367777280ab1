import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic({ apiKey: '{{ key }}', baseURL: '{{ base_url }}' });

const stream = client.messages.stream({
  model: '{{ model }}',
  max_tokens: 256,
  messages: [{ role: 'user', content: 'Please write a quick greeting.' }],
});
stream.on('text', (text) => process.stdout.write(text));
await stream.finalMessage();
console.log();
