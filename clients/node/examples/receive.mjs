import { createServer } from "node:http";
import { expressReceiver } from "notifyd/receiver";

// With Express: app.post("/orders", receiver, (req, res) => …)
const receiver = expressReceiver({ keys: [process.env.WEBHOOK_KEY] });
const server = createServer((req, res) =>
  receiver(req, res, (error) => {
    if (error) return res.writeHead(500).end();
    console.log("order", req.body.order);
    res.end();
  }),
);
server.listen(Number(process.env.PORT), "127.0.0.1");
