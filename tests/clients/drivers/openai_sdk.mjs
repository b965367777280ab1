// Talks to a gateway by a major of the OpenAI SDK for Node, and prints what the SDK made of it as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const told = JSON.parse(readFileSync(0, "utf8"));
const require = createRequire(`${told.packages}/`);
const { default: OpenAI, APIError } = require(told.client);
const { version } = JSON.parse(readFileSync(`${told.packages}/node_modules/${told.client}/package.json`, "utf8"));

const model = told.model;
const common = { baseURL: `${told.url}/v1`, maxRetries: 0 };
const client = new OpenAI({ apiKey: told.key, ...common });
const tools = ["look_up", "add"].map((name) => ({
  type: "function",
  function: { name, parameters: { type: "object", properties: {} } },
}));
const RESULTS = { look_up: "sunny", add: "4" };

function request(prompt, more = {}) {
  return { model, messages: [{ role: "user", content: prompt }], ...more };
}

function seen({ model, choices, usage }) {
  return {
    model,
    text: choices[0].message.content,
    stop: choices[0].finish_reason,
    usage: [usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens, usage.completion_tokens],
  };
}

async function streamed() {
  const stream = client.chat.completions.stream(request("plums", { stream_options: { include_usage: true } }));
  const pieces = [];
  stream.on("content", (piece) => piece && pieces.push(piece));
  return { ...seen(await stream.finalChatCompletion()), pieces };
}

// Two calls at once in a stream; their results go back in the other order.
async function toolTrip() {
  const asked = request("case:tools", { tools });
  const first = await client.chat.completions.stream(asked).finalChatCompletion();
  const calls = first.choices[0].message.tool_calls.map(({ id, function: { name, arguments: given } }) => ({
    id,
    type: "function",
    function: { name, arguments: given },
  }));
  const results = calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: RESULTS[call.function.name] }));
  const said = { role: "assistant", content: null, tool_calls: calls };
  const messages = [...asked.messages, said, ...results.reverse()];
  const answer = await client.chat.completions.create({ ...asked, messages });
  const made = calls.map((call) => [call.id, call.function.name, JSON.parse(call.function.arguments)]);
  return { calls: made, ...seen(answer) };
}

async function failed(attempt) {
  try {
    await attempt();
  } catch (error) {
    if (!(error instanceof APIError)) throw error;
    const { constructor, status, code, type, message } = error;
    return { class: constructor.name, status: status ?? null, word: code ?? type, message };
  }
  return { class: null };
}

async function cut() {
  for await (const _ of await client.chat.completions.create(request("case:cut", { stream: true })));
}

function response({ model, output_text, status, usage }) {
  return {
    model,
    text: output_text,
    stop: status,
    usage: [usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens],
  };
}

async function responses() {
  const whole = await client.responses.create({ model, input: "plums", store: false });
  const final = await client.responses.stream({ model, input: "plums" }).finalResponse();
  return { whole: response(whole), streamed: response(final) };
}

async function embedding() {
  const made = await client.embeddings.create({ model: told.embedder, input: "plums" });
  return [made.data[0].embedding, made.usage.prompt_tokens];
}

const stranger = new OpenAI({ apiKey: "sk-nobody", ...common });
const poor = new OpenAI({ apiKey: told.poor_key, ...common });
const listed = [];
for await (const each of client.models.list()) listed.push(each.id);
const made = {
  version,
  whole: seen(await client.chat.completions.create(request("plums"))),
  streamed: await streamed(),
  tools: await toolTrip(),
  stranger: await failed(() => stranger.chat.completions.create(request("plums"))),
  poor: await failed(() => poor.chat.completions.create(request("plums"))),
  busy: await failed(() => client.chat.completions.create(request("case:busy"))),
  cut: await failed(cut),
  responses: await responses(),
  listed: listed.includes(model),
};
if (told.embedder) made.embedding = await embedding();
process.stdout.write(JSON.stringify(made));
