import OpenAI from 'openai';

const client = new OpenAI({ apiKey: '{{ key }}', baseURL: '{{ openai_base_url }}' });

for await (const model of client.models.list()) {
  console.log(model.id);
}
