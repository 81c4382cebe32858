// The service that Restate invokes. The handler itself is repeated until it succeeds, which is cheaper than a recorded step.
// Older versions of node lack what the SDK uses.
Promise.withResolvers ??= function () {
  let resolve, reject;
  const promise = new this((a, b) => { resolve = a; reject = b; });
  return { promise, resolve, reject };
};
const restate = await import('@restatedev/restate-sdk');
import { poster, PORT } from './common.mjs';
const post = poster();
restate.serve({
  port: PORT,
  services: [restate.service({ name: 'notify', handlers: { call: async (ctx, payload) => { await post(JSON.stringify(payload)); } } })],
});
console.log('ready');
