import { Connection } from './beanstalkd.mjs';
import { submitAll, CONNECTIONS } from './common.mjs';
const connections = Array.from({ length: CONNECTIONS }, () => new Connection());
await Promise.all(connections.map((connection) => connection.command('use notify')));
const idle = [...connections];
await submitAll(async (body) => {
  const connection = idle.pop();
  await connection.put(body);
  idle.push(connection);
});
connections.forEach((connection) => connection.end());
