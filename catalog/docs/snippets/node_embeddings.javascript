import OpenAI from 'openai';

const client = new OpenAI({ apiKey: '{{ key }}', baseURL: '{{ openai_base_url }}' });

const resp = await client.embeddings.create({
  model: '{{ model }}',
  input: ['plums', 'apricots'],
});
for (const item of resp.data) {
  console.log(`embedding ${item.index}: ${item.embedding.length} numbers`);
}
