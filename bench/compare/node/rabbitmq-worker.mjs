import amqp from 'amqplib';
import { poster, PORT } from './common.mjs';
const post = poster();
const connection = await amqp.connect(`amqp://guest:guest@127.0.0.1:${PORT}`);
const channel = await connection.createChannel();
await channel.assertQueue('notify', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
await channel.prefetch(64);
await channel.consume('notify', (message) => {
  post(message.content).then(() => channel.ack(message), () => channel.nack(message));
});
console.log('ready');
