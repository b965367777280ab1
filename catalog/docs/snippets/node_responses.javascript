import OpenAI from 'openai';

const client = new OpenAI({ apiKey: '{{ key }}', baseURL: '{{ openai_base_url }}' });

const conversation = [{ role: 'user', content: 'Hello!' }];
const first = await client.responses.create({ model: '{{ model }}', input: conversation });
console.log(first.output_text);

// Nothing is stored: the next turn sends the whole conversation again.
conversation.push(...first.output, { role: 'user', content: 'And in German?' });
const second = await client.responses.create({ model: '{{ model }}', input: conversation });
console.log(second.output_text);
