import { Worker } from 'bullmq';
import { poster, PORT } from './common.mjs';
const post = poster();
const worker = new Worker('notify', async (job) => post(job.data), {
  connection: { host: '127.0.0.1', port: PORT, maxRetriesPerRequest: null },
  concurrency: 64,
});
worker.on('error', (error) => console.error(error));
await worker.waitUntilReady();
console.log('ready');
