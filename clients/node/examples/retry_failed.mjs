import { Client } from "notifyd";

const client = new Client();
for await (const { id, reason } of client.list({ state: "failed", lane: "orders" })) {
  console.log(id, reason);
  await client.retry(id);
}
