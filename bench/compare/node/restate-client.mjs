// One-way sends: the answer comes once the invocation is in Restate's log.
import { Pool } from 'undici';
import { submitAll, CONNECTIONS, PORT } from './common.mjs';
const pool = new Pool(`http://127.0.0.1:${PORT}`, { connections: CONNECTIONS, pipelining: 1 });
await submitAll(async (body) => {
  const r = await pool.request({ path: '/notify/call/send', method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const text = await r.body.text();
  if (r.statusCode >= 300) throw new Error(`${r.statusCode} ${text}`);
});
await pool.close();
