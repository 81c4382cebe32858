// A beanstalkd connection: commands in order, one reply each.
import net from 'node:net';
import { PORT } from './common.mjs';
export class Connection {
  constructor() {
    this.waiting = [];
    this.read = Buffer.alloc(0);
    this.socket = net.connect(PORT, '127.0.0.1');
    this.socket.setNoDelay(true);
    this.socket.on('data', (data) => { this.read = this.read.length ? Buffer.concat([this.read, data]) : data; this.take(); });
    this.socket.on('error', (error) => { while (this.waiting.length) this.waiting.shift().failed(error); });
  }
  take() {
    for (;;) {
      const end = this.read.indexOf('\r\n');
      if (end < 0) return;
      const words = this.read.toString('latin1', 0, end).split(' ');
      let used = end + 2, data;
      if (words[0] === 'RESERVED' || words[0] === 'OK') {
        const size = Number(words[words.length - 1]);
        if (this.read.length < used + size + 2) return;
        data = Buffer.from(this.read.subarray(used, used + size));
        used += size + 2;
      }
      this.read = this.read.subarray(used);
      this.waiting.shift().done({ words, data });
    }
  }
  command(text, body) {
    return new Promise((done, failed) => {
      this.waiting.push({ done, failed });
      this.socket.write(body === undefined ? text + '\r\n' : `${text}\r\n${body}\r\n`);
    });
  }
  async put(body) {
    const reply = await this.command(`put 100 0 60 ${Buffer.byteLength(body)}`, body);
    if (reply.words[0] !== 'INSERTED') throw new Error(reply.words.join(' '));
  }
  end() { this.socket.end(); }
}
