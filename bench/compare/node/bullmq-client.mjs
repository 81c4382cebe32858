import { Queue } from 'bullmq';
import { submitAll, PORT } from './common.mjs';
const queue = new Queue('notify', { connection: { host: '127.0.0.1', port: PORT } });
await queue.waitUntilReady();
await submitAll((body) => queue.add('n', body, { attempts: 9, backoff: { type: 'exponential', delay: 9000 }, removeOnComplete: true }));
await queue.close();
