import OpenAI from 'openai';

const client = new OpenAI({
  apiKey: '{{ key }}',
  baseURL: '{{ openai_base_url }}',
});

const resp = await client.chat.completions.create({
  model: '{{ model }}',
  messages: [{ role: 'user', content: 'Hello' }],
});
console.log(resp.choices[0].message.content);
