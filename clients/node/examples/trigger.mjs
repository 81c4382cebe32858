import { Client } from "notifyd";

const client = new Client();
await client.submit({ url: process.env.ORDERS_URL, data: { order: 17 }, fkey: "order-17", ttl_ms: 86400000 });
// Later, perhaps elsewhere: the order is paid.
await client.trigger("order-17", { data: { paid: true } });
