// Makes cron_times.tsv: expressions, zones, and the next times as the npm package cron-parser computes them.
//   npm install cron-parser@5 && node cron_times.mjs > cron_times.tsv
// Its rule for times that a change of the clock leaves out or doubles is another one than ours (contract section 15): hours near such changes are not
// among these; tests/broker/cron_test.cc has them.
import { CronExpressionParser } from 'cron-parser';

const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Sydney', 'America/Sao_Paulo', 'Asia/Tokyo', 'Pacific/Auckland'];
const starts = ['2026-01-01T00:00:00Z', '2026-02-27T23:59:59Z', '2027-12-30T12:34:56Z', '2028-02-28T11:00:00Z', '2026-06-15T10:00:00Z'];
const written = [
  '@hourly', '@daily', '@weekly', '@monthly', '@yearly', '* * * * *', '*/5 * * * *', '*/7 * * * *', '0 * * * *', '59 * * * *', '1-5 * * * *',
  '10-20/3 * * * *', '1,2,59 * * * *', '5/15 * * * *', '0 0 * * *', '30 5 * * *', '0 12 * * *', '0 8-18 * * *', '0 8-18/2 * * *', '0 */6 * * *',
  '*/30 9-17 * * 1-5', '0 9 * * MON-FRI', '0 9 * * mon,wed,fri', '0 0 1 * *', '0 0 15 * *', '0 0 29 * *', '0 0 30 * *', '0 0 31 * *', '0 0 29 2 *',
  '0 0 28-31 * *', '0 0 L * *', '30 23 L * *', '0 0 L 2 *', '0 0 1,L * *', '0 12 * JAN *', '0 12 * JAN-MAR *', '0 12 1 jan,jul *', '0 12 1 */3 *',
  '0 12 1 2/3 *', '0 12 * * 0', '0 12 * * 7', '0 12 * * SUN', '0 12 * * 6', '0 12 * * 5-7', '0 12 * * */2', '0 12 * * 1/2', '0 12 * * 1#1', '0 12 * * 1#2',
  '0 12 * * 5#3', '0 12 * * 0#4', '0 12 * * 3#5', '0 12 * * 5L', '0 12 * * 1L', '0 12 * * 0L', '0 12 * 6 4L', '0 12 13 * 5', '0 12 1 * 1',
  '0 12 1-7 * 3', '0 12 */10 * *', '0 12 5-25/5 * *', '0 12 31 12 *', '0 12 24 12 *', '15 14 1 * *', '0 22 * * 1-5', '23 5-20/2 * * *', '5 4 * * SUN',
  '0 0,12 1 */2 *', '0 4 8-14 * *', '45 17 7 6 *', '0 20 ? * 1', '0 20 1 * ?', '17 13 * 2 *', '59 23 31 12 *', '0 12 29 2 *', '1 1 1 1 *', '*/59 12 * * *',
];
// A fixed sequence, so that the file comes out the same.
let seed = 15;
const below = (n) => (seed = (seed * 48271) % 2147483647) % n;
const list = (least, most, step) => {
  const part = () => {
    const a = least + below(most - least + 1), b = a + below(most - a + 1);
    return [`${a}`, `${a}-${b}`, `*/${1 + below(step)}`, `${a}-${b}/${1 + below(step)}`][below(4)];
  };
  return below(5) === 0 ? `${part()},${part()}` : part();
};
const random = () => {
  const hour = ['*', `${8 + below(12)}`, `${8 + below(5)}-${13 + below(6)}`][below(3)];
  return [list(0, 59, 29), hour, below(2) ? '*' : list(1, 28, 9), below(2) ? '*' : list(1, 12, 5), below(2) ? '*' : list(0, 6, 3)].join(' ');
};
const timesOf = (expression, zone, start) => {
  const all = CronExpressionParser.parse(expression, { tz: zone, currentDate: start }).take(10).map((time) => time.toDate());
  // The system's database has the changes of clocks until 2037.
  return all.filter((time) => time.getUTCFullYear() < 2037).map((time) => time.toISOString().slice(0, 16));
};
for (let rows = 0; rows < 200;) {
  const expression = written[rows] ?? random(), zone = zones[rows % zones.length], start = starts[rows % starts.length];
  try {
    console.log([expression, zone, start, timesOf(expression, zone, start).join(' ')].join('\t'));
    ++rows;
  } catch (error) {
    if (written[rows]) throw error;  // a random one that it does not take
  }
}
