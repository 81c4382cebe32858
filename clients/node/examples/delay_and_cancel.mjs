import { Client, ConflictError } from "notifyd";

const client = new Client();
const { id } = await client.submit({ url: process.env.ORDERS_URL, data: { order: 17 }, delay_ms: 3600000 });
try {
  console.log((await client.cancel(id)).state);
} catch (error) {
  if (!(error instanceof ConflictError)) throw error;
  console.log("too late:", error.detail);
}
