// The answer of a run as it comes: server-sent events out of a fetch, which can be stopped, as an EventSource's POST could not.
export class Refused extends Error {
  constructor(told) {
    super("refused");
    this.told = told; // What the server said: `html`, and which `fields` are wrong; nothing where it was no answer of ours.
  }
}

function event(block) {
  const found = { kind: "", data: "" };
  for (const line of block.split("\n")) {
    if (line.startsWith("event: ")) found.kind = line.slice(7);
    if (line.startsWith("data: ")) found.data += line.slice(6);
  }
  return found;
}

export async function* run(url, body, signal) {
  const answer = await fetch(url, { method: "POST", body, signal });
  const kind = answer.headers.get("content-type") ?? "";
  if (!kind.startsWith("text/event-stream")) {
    throw new Refused(kind.startsWith("application/json") ? await answer.json() : {});
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const { kind: name, data } = event(block);
      if (name) yield [name, JSON.parse(data)];
    }
  }
}
