// 64 connections, each: reserve, call, delete.
import { Connection } from './beanstalkd.mjs';
import { poster } from './common.mjs';
const post = poster();
for (let i = 0; i < 64; ++i) {
  (async () => {
    const connection = new Connection();
    await connection.command('watch notify');
    await connection.command('ignore default');
    for (;;) {
      const job = await connection.command('reserve');
      if (job.words[0] !== 'RESERVED') continue;
      try {
        await post(job.data);
        await connection.command(`delete ${job.words[1]}`);
      } catch (error) {
        await connection.command(`release ${job.words[1]} 100 9`);
      }
    }
  })();
}
console.log('ready');
