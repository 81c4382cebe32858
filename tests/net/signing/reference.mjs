// Verifies signed calls with the reference implementation of Standard Webhooks. Reads a line for each call, {"secret", "headers", "body"}, and answers each with
// "good" or "bad".
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const { Webhook } = createRequire(process.argv[2] + "/")("standardwebhooks");
for await (const line of createInterface({ input: process.stdin })) {
  const call = JSON.parse(line);
  try {
    new Webhook(call.secret).verify(call.body, call.headers);
    console.log("good");
  } catch {
    console.log("bad");
  }
}
