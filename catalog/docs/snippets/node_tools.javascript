import OpenAI from 'openai';

const client = new OpenAI({ apiKey: '{{ key }}', baseURL: '{{ openai_base_url }}' });

const weather = ({ town }) => `Sunny in ${town}, 21 degrees`;

const tools = [{
  type: 'function',
  function: {
    name: 'weather',
    description: 'The weather of a town right now.',
    parameters: {
      type: 'object',
      properties: { town: { type: 'string' } },
      required: ['town'],
    },
  },
}];
const messages = [{ role: 'user', content: 'What is the weather in Ulm?' }];
let message;
while (true) {
  const resp = await client.chat.completions.create({ model: '{{ model }}', messages, tools });
  message = resp.choices[0].message;
  if (!message.tool_calls?.length) break;
  messages.push(message);
  for (const call of message.tool_calls) {
    const content = weather(JSON.parse(call.function.arguments));
    messages.push({ role: 'tool', tool_call_id: call.id, content });
  }
}
console.log(message.content);
