// Uses the client's types as a program does; checks_test.mjs compiles it, and nobody runs it.
import { createServer } from "node:http";
import { BadAnswerError, Client, ConflictError, type Notify, NotifydError, type Versioned, type NotifyView } from "notifyd";
import { Dedup, type DedupStore, VerifyError, expressReceiver, fetchReceiver, isDone, verify } from "notifyd/receiver";

const client = new Client({ url: "http://localhost:7300", namespace: "billing", attempts: 1 });

export async function calls(): Promise<void> {
  const notify: Notify = { url: "https://example.com", data: { big: 1n }, mode: "fifo", retry: { max_attempts: 3 } };
  const accepted = await client.submit(notify);
  const text: string = accepted.id;
  const seen: Versioned<NotifyView> = await client.wait(text, 1000);
  for (const { number, error } of seen.attempts) console.log(number.toFixed(), error?.toUpperCase());
  for await (const one of client.list({ state: ["failed"], limit: 10 })) console.log(one.lane, one.settled_at?.length);
  for await (const line of client.submitStream([notify])) console.log(line.index.toFixed(), line.error?.detail);
  await client.change(text, { priority: null }, { ifMatch: seen.etag });
  await client.retry(text, { ifMatch: seen.etag });
  await client.cancel(text, { ifMatch: seen.etag });
  const group = await client.makeGroup({ notifies: [notify] }, { wait_ms: 5 });
  console.log(group.counts?.failed);
  // @ts-expect-error: a mode that is none.
  await client.submit({ url: "x", mode: "sideways" });
  // @ts-expect-error: without a url.
  await client.submit({ data: 1 });
  // @ts-expect-error: a filter needs its state.
  await client.retryMatching({ lane: "x" });
}

export function failure(error: unknown): string | undefined {
  if (error instanceof ConflictError) return error.id;
  if (error instanceof BadAnswerError || error instanceof VerifyError) return error.message;
  return error instanceof NotifydError ? error.problem?.field : undefined;
}

const kept = new Map<string, Buffer>();
const mine: DedupStore = {
  claim: async () => "new" as const,
  finish: async (id, answer) => void kept.set(id, answer),
  release: () => undefined,
  answer: async (id) => kept.get(id),
};
const receiver = expressReceiver({ keys: ["whsec_x"], dedup: mine, done: (status, body) => isDone(status) && body.includes("success") });
createServer((req, res) => receiver(req, res, () => res.end()));
const options = { keys: ["whpk_x"], dedup: new Dedup() };
export const handler: (request: Request) => Promise<Response> = fetchReceiver(async (request, { id }) => new Response(id + request.url), options);
export const { timestampS } = verify(new Headers(), new Uint8Array(), ["whsec_x"], { toleranceS: 1 });
