import { Client } from "notifyd";

const client = new Client(); // NOTIFYD_URL, NOTIFYD_TOKEN, NOTIFYD_NAMESPACE
const { id, state } = await client.submit({ url: process.env.ORDERS_URL, data: { order: 17 } });
console.log(id, state);
