// Talks to a gateway by a major of the Anthropic SDK for Node, and prints what the SDK made of it as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const told = JSON.parse(readFileSync(0, "utf8"));
const require = createRequire(`${told.packages}/`);
const { default: Anthropic, APIError } = require(told.client);
const { version } = JSON.parse(readFileSync(`${told.packages}/node_modules/${told.client}/package.json`, "utf8"));

const model = told.model;
const common = { baseURL: told.url, maxRetries: 0 };
const client = new Anthropic({ apiKey: told.key, ...common });
const tools = ["look_up", "add"].map((name) => ({ name, input_schema: { type: "object", properties: {} } }));
const RESULTS = { look_up: "sunny", add: "4" };

function request(prompt, more = {}) {
  return { model, max_tokens: 500, messages: [{ role: "user", content: prompt }], ...more };
}

function seen({ model, content, stop_reason, usage }) {
  return {
    model,
    text: content.filter(({ type }) => type === "text").map(({ text }) => text).join(""),
    stop: stop_reason,
    usage: [usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens],
  };
}

async function streamed() {
  const stream = client.messages.stream(request("plums"));
  const pieces = [];
  stream.on("text", (piece) => pieces.push(piece));
  return { ...seen(await stream.finalMessage()), pieces };
}

// Two calls at once in a stream; their results go back in the other order.
async function toolTrip() {
  const asked = request("case:tools", { tools });
  const first = await client.messages.stream(asked).finalMessage();
  const calls = first.content
    .filter(({ type }) => type === "tool_use")
    .map(({ type, id, name, input }) => ({ type, id, name, input }));
  const results = calls.map(({ id, name }) => ({ type: "tool_result", tool_use_id: id, content: RESULTS[name] }));
  const turns = [
    { role: "assistant", content: calls },
    { role: "user", content: results.reverse() },
  ];
  const answer = await client.messages.create({ ...asked, messages: [...asked.messages, ...turns] });
  return { calls: calls.map(({ id, name, input }) => [id, name, input]), ...seen(answer) };
}

async function failed(attempt) {
  try {
    await attempt();
  } catch (error) {
    if (!(error instanceof APIError)) throw error;
    const { type, message } = error.error.error;
    return { class: error.constructor.name, status: error.status ?? null, word: type, message };
  }
  return { class: null };
}

const stranger = new Anthropic({ apiKey: "sk-nobody", ...common });
const poor = new Anthropic({ apiKey: told.poor_key, ...common });
const listed = [];
for await (const each of client.models.list({ limit: 1000 })) listed.push(each.id);
const { input_tokens: counted } = await client.messages.countTokens({ model, messages: request("plums").messages });
const made = {
  version,
  whole: seen(await client.messages.create(request("plums"))),
  streamed: await streamed(),
  tools: await toolTrip(),
  stranger: await failed(() => stranger.messages.create(request("plums"))),
  poor: await failed(() => poor.messages.create(request("plums"))),
  busy: await failed(() => client.messages.create(request("case:busy"))),
  cut: await failed(() => client.messages.stream(request("case:cut")).finalMessage()),
  counted,
  listed: listed.includes(model),
};
process.stdout.write(JSON.stringify(made));
