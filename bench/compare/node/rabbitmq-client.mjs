import amqp from 'amqplib';
import { submitAll, PORT } from './common.mjs';
const connection = await amqp.connect(`amqp://guest:guest@127.0.0.1:${PORT}`);
const channel = await connection.createConfirmChannel();
await channel.assertQueue('notify', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
await submitAll((body) => new Promise((done, failed) =>
  channel.sendToQueue('notify', Buffer.from(body), { persistent: true }, (error) => (error ? failed(error) : done()))));
await connection.close();
