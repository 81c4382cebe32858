// What the clients and workers share: bodies, the calls to the receiver, and the loop that submits.
import { Pool } from 'undici';

const COUNT = Number(process.env.COUNT);
export const CONNECTIONS = Number(process.env.CONNECTIONS || 32);
export const PORT = Number(process.env.PORT);

const PAD = 'x'.repeat(256);
function body(id) {
  const head = `{"n":${id},"pad":"`;
  return head + PAD.slice(0, Math.max(0, 256 - head.length - 2)) + '"}';
}

// Calls over up to 64 kept-alive connections; an answer other than 200 is an error.
export function poster() {
  const pool = new Pool(process.env.RECEIVER, { connections: 64, pipelining: 1 });
  return async (payload) => {
    const r = await pool.request({ path: '/n', method: 'POST', headers: { 'content-type': 'application/json' }, body: payload });
    await r.body.text();
    if (r.statusCode !== 200) throw new Error(`status ${r.statusCode}`);
  };
}

// submit(body) for each notify, CONNECTIONS at a time. Prints when the first one was submitted, in ns since the epoch, and when the last was acknowledged.
export async function submitAll(submit) {
  const now = () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6));
  let next = 0;
  const first = now();
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    for (let id = next++; id < COUNT; id = next++) await submit(body(id));
  }));
  console.log(`{"first_ns":${first},"last_ns":${now()}}`);
}
