// notifyctl bridge amqp between a real RabbitMQ server and a broker: order, prefetch, shapes, dead letters, and what stops it.
#include "cli/amqp_bridge.h"

#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/base64.h"
#include "cli/client/http_client.h"
#include "cli/doc_examples.h"
#include "cli/e2e_broker.h"
#include "support/counting_receiver.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

std::vector<std::string> LinesOfFile(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("amqp bridge: messages are submitted in the order of their delivery, and acknowledged") {
  Queues queues("order");
  TempDir dir;
  Broker broker(dir.path());
  CountingReceiver receiver;
  std::vector<PublishedMessage> messages;
  constexpr size_t kCount = 300;
  for (size_t i = 0; i < kCount; ++i) messages.push_back(Message(std::to_string(i), "m" + std::to_string(i)));
  queues.Publish(queues.name(), messages);
  auto bridge = StartBridge(
      broker.url(), queues.name(),
      {"--prefetch", "50", "--template", dir.Write("template", R"({"mode":"fifo","lane":"l"})"), "--url-template", receiver.url() + "{routing_key}"});
  REQUIRE(receiver.WaitFor(kCount));
  const std::vector<Delivery> got = receiver.deliveries();
  REQUIRE(got.size() == kCount);
  for (size_t i = 0; i < kCount; ++i) REQUIRE(got[i].body == std::to_string(i));
  CHECK(End(bridge.get()) == 0);
  CHECK(queues.ready() == 0);
  CHECK_THAT(bridge->error(), Catch::Contains("ended: 300 received, 300 accepted, 0 dead letters"));
  // Once more, as after a crash before the acknowledgement: the keys are known.
  queues.Publish(queues.name(), messages);
  auto again = StartBridge(broker.url(), queues.name(),
                           {"--until-empty", "--template", dir.At("template"), "--url-template", receiver.url() + "{routing_key}"});
  CHECK(again->Wait() == 0);
  CHECK(queues.ready() == 0);
  CHECK_THAT(again->error(), Catch::Contains("300 accepted (300 known already)"));
  CHECK(broker.Stat("/totals/accepted") == kCount);
}

TEST_CASE("amqp bridge: it holds as many messages as --prefetch says, and leaves the rest") {
  Queues queues("prefetch");
  std::atomic<bool> takes{false};
  std::atomic<size_t> accepted{0};
  ScriptedServer broker([&](const SeenRequest& request) {
    if (request.target != "/v1/whoami" && !takes) return Problem(503, "starting");
    if (request.target != "/v1/whoami") accepted += ItemsIn(request.body);
    return Accepted(request);
  });
  std::vector<PublishedMessage> messages(100, Message(Callback("http://127.0.0.1:9/"), "m"));
  queues.Publish(queues.name(), messages);
  auto bridge = StartBridge(broker.url(), queues.name(), {"--prefetch", "7"});
  REQUIRE(bridge->WaitForError("the broker does not take submits, which wait: 503: starting"));
  CHECK(queues.ready() == 93);
  takes = true;
  // Those of the last batch have left the queue before they are submitted.
  CHECK(Eventually([&] { return accepted == 100; }));
  CHECK(End(bridge.get()) == 0);
  CHECK(queues.ready() == 0);
  for (const SeenRequest& seen : broker.seen()) CHECK(ItemsIn(seen.body) <= 7);
}

TEST_CASE("amqp bridge: what the broker refuses becomes a dead letter, and takes no other down") {
  Queues queues("dead");
  TempDir dir;
  Broker broker(dir.path());
  CountingReceiver receiver;
  std::vector<PublishedMessage> messages;
  for (int i = 0; i < 20; ++i) messages.push_back(Message(Callback(receiver.url()), "good" + std::to_string(i)));
  messages[3] = Message(Callback("ftp://nowhere/"), "bad url");
  messages[4] = Message(Callback("nowhere"), "bad url 2");
  messages[11] = Message("not json", "bad body");
  messages[12] = Message(R"({"requests":[{"url":"http://a/","options":{"verify":false}}]})", "bad option");
  messages[19] = Message(Callback("http://"), "");
  messages[3].headers = {{"team", "a"}, {"notifyd-reason", "old"}};
  messages[3].copy_to = queues.name();
  messages[3].expiration = "60000";
  queues.Publish(queues.name(), messages);
  auto bridge = StartBridge(broker.url(), queues.name());
  CHECK(Eventually([&] { return queues.dead() == 5; }));
  CHECK(receiver.WaitFor(15));
  CHECK(End(bridge.get()) == 0);
  CHECK(queues.ready() == 0);
  CHECK(broker.Stat("/totals/accepted") == 15);
  std::optional<TakenMessage> first = queues.Take("dead.dead");
  REQUIRE(first);
  CHECK(first->body == messages[3].body);
  CHECK(first->message_id == "bad url");
  CHECK(first->persistent);
  CHECK(first->headers.at("team") == "a");
  CHECK(first->headers.at("notifyd-status") == "422");
  CHECK(first->headers.at("notifyd-queue") == "dead");
  CHECK(first->headers.at("notifyd-field") == "/0/url");
  CHECK_THAT(first->headers.at("notifyd-reason"), Catch::Contains("http"));
  CHECK(first->headers.count("CC") == 0);  // it would have gone back into the queue
  std::vector<std::string> rest;
  while (std::optional<TakenMessage> next = queues.Take("dead.dead")) rest.push_back(next->headers["notifyd-reason"]);
  REQUIRE(rest.size() == 4);
  CHECK_THAT(rest[1], Catch::Contains("neither requests"));
  CHECK(rest[2] == "the option verify of Guzzle cannot be carried over");
}

TEST_CASE("amqp bridge: dead letters in a file, and a queue of them that is not there") {
  Queues queues("deadfile");
  TempDir dir;
  Broker broker(dir.path());
  queues.Publish(queues.name(), {Message("not json", "one"), Message(Callback("nowhere"), "two")});
  const std::string file = dir.At("dead.ndjson");
  auto bridge = StartBridge(broker.url(), queues.name(), {"--dead-letter-file", file});
  CHECK(Eventually([&] { return LinesOfFile(file).size() == 2; }));
  CHECK(End(bridge.get()) == 0);
  CHECK(queues.ready() == 0);
  const std::vector<std::string> lines = LinesOfFile(file);
  CHECK(JsonAt(lines[0], "/message/message_id") == "one");
  CHECK(JsonAt(lines[0], "/message/body") == "not json");
  CHECK(JsonAt(lines[1], "/status") == "422");

  Process missing(NOTIFYCTL_BINARY, {{"--server", broker.url(), "bridge", "amqp", "-q", queues.name(), "--dead-letter-queue", "is-not-there"},
                                     {"NOTIFYD_AMQP_URL=" + SharedAmqpServer().url()}});
  CHECK(missing.Wait() == 1);
  CHECK_THAT(missing.error(), Catch::Contains("no queue 'is-not-there'"));
}

TEST_CASE("amqp bridge: a dead letter keeps the headers for which there is room, whatever others it has") {
  Queues queues("headers");
  TempDir dir;
  Broker broker(dir.path());
  PublishedMessage message = Message("not json", "one");
  message.headers = {{"a", "1"}, {"large", std::string(66 << 10, 'x')}, {"z", "2"}};
  message.user_id = "guest";
  PublishedMessage many = Message("not json", "two");
  for (int i = 10; i < 20; ++i) many.headers["n" + std::to_string(i)] = std::string(10 << 10, 'x');
  many.headers["z"] = "2";
  queues.Publish(queues.name(), {message, many});
  auto bridge = StartBridge(broker.url(), queues.name());
  CHECK(Eventually([&] { return queues.dead() == 2; }));
  CHECK(End(bridge.get()) == 0);
  std::optional<TakenMessage> first = queues.Take("headers.dead"), second = queues.Take("headers.dead");
  REQUIRE(first);
  CHECK(first->headers["a"] == "1");
  CHECK(first->headers.count("large") == 0);
  CHECK(first->headers["z"] == "2");
  REQUIRE(second);
  CHECK(second->headers.count("n15") == 1);
  CHECK(second->headers.count("n16") == 0);
  CHECK(second->headers["z"] == "2");
}

TEST_CASE("amqp bridge: what a message has that is no text is in a file of dead letters as it came, and so is its user") {
  Queues queues("bytes");
  TempDir dir;
  Broker broker(dir.path());
  PublishedMessage message = Message("not json", "one");
  message.headers = {{"a", "b"}};
  message.bytes_header = std::string("\xff\xfe\0\1", 4);
  message.user_id = "guest";
  queues.Publish(queues.name(), {message});
  const std::string file = dir.At("dead.ndjson");
  auto bridge = StartBridge(broker.url(), queues.name(), {"--dead-letter-file", file});
  CHECK(Eventually([&] { return LinesOfFile(file).size() == 1; }));
  CHECK(End(bridge.get()) == 0);
  const std::string line = LinesOfFile(file)[0];
  CHECK(JsonAt(line, "/message/user_id") == "guest");
  CHECK(JsonAt(line, "/message/headers/a") == "b");
  // Its length, "a" as a text, "bytes" as bytes.
  const std::string table = std::string("\0\0\0\x17\1aS\0\0\0\1b\5bytesx\0\0\0\4", 23) + message.bytes_header;
  CHECK(JsonAt(line, "/message/headers_base64") == EncodeBase64(table));
}

TEST_CASE("amqp bridge: a hangup, as whoever moves the file of dead letters away may send one, does not end it") {
  Queues queues("rotated");
  TempDir dir;
  Broker broker(dir.path());
  const std::string file = dir.At("dead.ndjson");
  auto bridge = StartBridge(broker.url(), queues.name(), {"--dead-letter-file", file});
  REQUIRE(bridge->WaitForError("connected to "));
  queues.Publish(queues.name(), {Message("not json", "one")});
  CHECK(Eventually([&] { return LinesOfFile(file).size() == 1; }));
  std::filesystem::rename(file, file + ".1");
  bridge->Signal(SIGHUP);
  queues.Publish(queues.name(), {Message("not json", "two")});
  CHECK(Eventually([&] { return std::filesystem::exists(file) && LinesOfFile(file).size() == 1; }));
  CHECK(End(bridge.get()) == 0);
  CHECK(queues.ready() == 0);
  CHECK(LinesOfFile(file + ".1").size() == 1);
}

TEST_CASE("amqp bridge: a dead letter that cannot be kept keeps its message") {
  Queues queues("lost");
  TempDir dir;
  Broker broker(dir.path());
  auto bridge = StartBridge(broker.url(), queues.name());
  REQUIRE(bridge->WaitForError("connected to "));
  queues.Delete("lost.dead");
  queues.Publish(queues.name(), {Message("not json", "one")});
  REQUIRE(bridge->WaitForError("trying again"));
  CHECK_THAT(bridge->error(), Catch::Contains("the dead letter cannot be published"));
  queues.Declare("lost.dead");
  CHECK(Eventually([&] { return queues.dead() == 1; }));
  CHECK(End(bridge.get()) == 0);
  CHECK(queues.ready() == 0);
}

TEST_CASE("amqp bridge: a dead letter that a server short of memory does not read is tried again, and does not keep it from ending") {
  Queues queues("short");
  TempDir dir;
  Broker broker(dir.path());
  queues.Publish(queues.name(), {Message(std::string(8 << 20, 'x'), "one")});  // more than the buffers of a connection take
  SharedAmqpServer().SetShortOfMemory(true);
  auto bridge = StartBridge(broker.url(), queues.name());
  const bool said = bridge->WaitForError("the dead letter cannot be published");
  if (!said) bridge->Signal(SIGKILL);
  const int code = End(bridge.get());
  SharedAmqpServer().SetShortOfMemory(false);
  CHECK(said);
  CHECK(code == 0);
  CHECK(Eventually([&] { return queues.ready() == 1; }));
}

TEST_CASE("amqp bridge: where the broker does not let it in it stops, says why, and acknowledges nothing") {
  Queues queues("refused");
  std::vector<PublishedMessage> messages(10, Message(Callback("http://127.0.0.1:9/")));
  queues.Publish(queues.name(), messages);
  for (int status : {401, 403, 404}) {
    INFO(status);
    ScriptedServer broker(
        [&](const SeenRequest& request) { return request.target == "/v1/whoami" ? Accepted(request) : Problem(status, "not you"); });
    auto bridge = StartBridge(broker.url(), queues.name());
    CHECK(bridge->Wait() == 1);
    CHECK_THAT(bridge->error(), Catch::Contains(std::to_string(status) + ": not you"));
    CHECK(Eventually([&] { return queues.ready() == 10; }));
    CHECK(queues.dead() == 0);
  }
  ScriptedServer closed([&](const SeenRequest&) { return Problem(401, "who are you"); });
  CHECK(StartBridge(closed.url(), queues.name())->Wait() == 1);  // at once, before the first message
  for (const SeenRequest& seen : closed.seen()) CHECK(seen.target == "/v1/whoami");
  ScriptedServer other([&](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  auto bridge = StartBridge(other.url(), queues.name());
  CHECK(bridge->Wait() == 1);
  CHECK_THAT(bridge->error(), Catch::Contains("what answers is no notifyd"));
  CHECK(Eventually([&] { return queues.ready() == 10; }));
}

TEST_CASE("amqp bridge: a broker that is away, slow or full is waited for, with what fits") {
  // A quota, or a disk, that has room for three at a time, never for all of them.
  const int full = GENERATE(429, 507);
  INFO(full);
  Queues queues("away");
  std::vector<PublishedMessage> messages;
  for (int i = 0; i < 16; ++i) messages.push_back(Message(Callback("http://127.0.0.1:9/" + std::to_string(i)), std::to_string(i)));
  queues.Publish(queues.name(), messages);
  std::atomic<int> asked{0};
  ScriptedServer broker([&](const SeenRequest& request) {
    if (request.target == "/v1/whoami") return asked++ == 0 ? Problem(503, "not yet") : Accepted(request);
    if (ItemsIn(request.body) > 3) return Problem(full, "too many");
    return asked++ == 1 ? ScriptedAnswer{408, "slow"} : Accepted(request);
  });
  auto bridge = StartBridge(broker.url(), queues.name());
  CHECK(Eventually([&] { return queues.ready() == 0 && bridge->CountsError("the broker is there", 1); }));
  size_t last = 0;
  REQUIRE(Eventually([&] {
    last = 0;
    for (const SeenRequest& seen : broker.seen()) last += seen.body.find("http://127.0.0.1:9/15") != std::string::npos && ItemsIn(seen.body) <= 3;
    return last > 0;
  }));
  CHECK(End(bridge.get()) == 0);
  CHECK(queues.ready() == 0);
  CHECK(queues.dead() == 0);
  CHECK_THAT(bridge->error(), Catch::Contains("16 accepted"));
}

TEST_CASE("amqp bridge: each shape makes the calls that it says") {
  Queues queues("shapes");
  TempDir dir;
  Broker broker(dir.path());
  ScriptedServer receiver([](const SeenRequest&) { return ScriptedAnswer{200, "{}"}; });
  auto find = [&](const std::string& target) {
    for (const SeenRequest& seen : receiver.seen())
      if (seen.target == target) return seen;
    FAIL("nothing came to " << target);
    return SeenRequest();
  };
  PublishedMessage callback =
      Message(R"({"requests":[{"url":")" + receiver.url() + R"(/a?old=1","options":{"query":{"q":"x y"},"auth":["u","p"]}},{"url":")" +
                  receiver.url() + R"(/b","method":"POST","options":{"form_params":{"a":[1,2]},"headers":{"X-A":"1"}}}],)" +
                  R"("control":{"retryTimes":2,"successCode":200,"retryCode":[500]}})",
              "c1");
  callback.app_id = "shop";
  callback.reply_to = "answers";
  callback.headers = {{"region", "eu"}};
  callback.priority = 200;
  PublishedMessage ordered = Message(R"({"url":")" + receiver.url() + R"(/ordered","data":{"id":7,"n":1.10},"deliverBy":"id"})", "d1");
  PublishedMessage deep = Message(Callback(receiver.url() + "/deep"), "deep");
  deep.nested_tables = 15'000;
  PublishedMessage over = Message(Callback(receiver.url() + "/over"), "over");
  over.expiration = "60000";  // RabbitMQ counts from its receipt, the bridge from the timestamp
  over.timestamp_s = 1'000'000'000;
  queues.Publish(queues.name(), {callback, ordered, deep, over});
  {
    auto bridge = StartBridge(broker.url(), queues.name());
    receiver.WaitFor(4);
    CHECK(Eventually([&] { return queues.dead() == 1; }));
    CHECK(queues.ready() == 0);
    CHECK(End(bridge.get()) == 0);
  }
  std::optional<TakenMessage> expired = queues.Take("shapes.dead");
  REQUIRE(expired);
  CHECK(expired->message_id == "over");
  CHECK(expired->headers["notifyd-reason"] == "expires_at has passed");
  CHECK(queues.dead() == 0);
  const SeenRequest a = find("/a?q=x%20y"), b = find("/b"), o = find("/ordered");
  CHECK(a.method == "GET");
  CHECK(a.Header("Authorization") == "Basic dTpw");
  CHECK(b.method == "POST");
  CHECK(b.body == "a%5B0%5D=1&a%5B1%5D=2");
  CHECK(b.Header("Content-Type") == "application/x-www-form-urlencoded");
  CHECK(b.Header("X-A") == "1");
  CHECK(o.body == R"({"id":7,"n":1.10})");
  CHECK(find("/deep").method == "POST");
  const std::string listed = broker.Call("GET", "/v1/notifies?caller=shop&label=region:eu&label=reply_to:answers").body;
  CHECK(JsonAt(listed, "/items/1/priority") == "9");
  CHECK(JsonAt(listed, "/items/1/idempotency_key") == "shapes/c1/0");
  CHECK(JsonAt(listed, "/items/0/idempotency_key") == "shapes/c1/1");
  CHECK(JsonAt(listed, "/items/0/retry/max_attempts") == "1");
  const std::string fifo = broker.Call("GET", "/v1/notifies?mode=fifo").body;
  CHECK_THAT(JsonAt(fifo, "/items/0/lane"), Catch::StartsWith(receiver.url() + "/ordered~"));

  PublishedMessage raw = Message(std::string("\xff\x00raw", 5), "r1");
  raw.content_type = "image/x-raw";
  raw.headers = {{"Region", "eu"}};
  queues.Publish(queues.name(), {raw});
  auto bridge = StartBridge(broker.url(), queues.name(),
                            {"--shape", "template", "--url-template", receiver.url() + "/raw/{header:Region}?k={routing_key}", "--headers", "X-"});
  receiver.WaitFor(5);
  CHECK(Eventually([&] { return queues.ready() == 0; }));
  CHECK(End(bridge.get()) == 0);
  const SeenRequest r = find("/raw/eu?k=shapes");
  CHECK(r.body == std::string("\xff\x00raw", 5));
  CHECK(r.Header("Content-Type") == "image/x-raw");
  CHECK(r.Header("X-Region") == "eu");
}

TEST_CASE("amqp bridge: the queue for itself, and one that stands by") {
  Queues queues("alone");
  TempDir dir;
  Broker broker(dir.path());
  CountingReceiver receiver;
  auto first = StartBridge(broker.url(), queues.name(), {"--exclusive"});
  REQUIRE(first->WaitForError("connected to "));
  auto second = StartBridge(broker.url(), queues.name(), {"--exclusive"});
  REQUIRE(second->WaitForError("; waiting for it"));
  queues.Publish(queues.name(), {Message(Callback(receiver.url()), "1")});
  REQUIRE(receiver.WaitFor(1));
  CHECK(End(first.get()) == 0);
  queues.Publish(queues.name(), {Message(Callback(receiver.url()), "2")});
  REQUIRE(receiver.WaitFor(2));
  CHECK(End(second.get()) == 0);
  CHECK_THAT(second->error(), Catch::Contains("ended: 1 received, 1 accepted"));
}

TEST_CASE("amqp bridge: a queue that is deleted is looked for again") {
  Queues queues("gone");
  TempDir dir;
  Broker broker(dir.path());
  CountingReceiver receiver;
  auto bridge = StartBridge(broker.url(), queues.name());
  REQUIRE(bridge->WaitForError("connected to "));
  queues.Delete(queues.name());
  REQUIRE(bridge->WaitForError("ended the consumer"));
  queues.Declare(queues.name());
  REQUIRE(bridge->WaitForError("connected again"));
  queues.Publish(queues.name(), {Message(Callback(receiver.url()), "1")});
  CHECK(receiver.WaitFor(1));
  CHECK(End(bridge.get()) == 0);
}

TEST_CASE("amqp bridge: memory is bounded: it reads no more than --buffer-bytes, and goes on") {
  Queues queues("large");
  std::atomic<bool> takes{false};
  ScriptedServer broker([&](const SeenRequest& request) {
    if (request.target != "/v1/whoami" && !takes) return Problem(503, "later");
    return Accepted(request);
  });
  const std::string large(200'000, 'x');
  queues.Publish(queues.name(), std::vector<PublishedMessage>(50, Message(large, "m")));
  auto bridge =
      StartBridge(broker.url(), queues.name(), {"--buffer-bytes", "500000", "--metrics", "127.0.0.1:0", "--url-template", "http://127.0.0.1:9/"});
  REQUIRE(bridge->WaitForError("the broker does not take submits"));
  const std::string said = bridge->error();
  const size_t from = said.find("metrics on ") + 11;
  HttpClient metrics("http://" + said.substr(from, said.find('\n', from) - from));
  auto value = [&](const std::string& name) -> uint64_t {
    Result<HttpAnswer> answer = metrics.Call("GET", "/metrics");
    const std::string line = "\nnotifyctl_bridge_" + name + "{queue=\"large\"} ";
    if (!answer.ok() || answer->body.find(line) == std::string::npos) return 0;
    return std::stoull(answer->body.substr(answer->body.find(line) + line.size()));
  };
  REQUIRE(Eventually([&] { return value("held_bytes") >= 500'000; }));
  CHECK(value("held_messages") <= 3);
  CHECK(value("connected") == 1);
  CHECK(metrics.Call("GET", "/healthz")->status == 200);
  CHECK(metrics.Call("GET", "/")->status == 404);
  const std::string body = "x";
  CHECK(metrics.Call("POST", "/metrics", &body)->status == 405);
  takes = true;
  CHECK(Eventually([&] { return value("accepted_messages_total") == 50 && value("held_messages") == 0; }));
  CHECK(End(bridge.get()) == 0);
  CHECK(queues.ready() == 0);
}

TEST_CASE("amqp bridge: over TLS the server's certificate and name are checked") {
  Queues queues("tls");
  TempDir dir;
  Broker broker(dir.path());
  CountingReceiver receiver;
  AmqpServer& server = SharedAmqpServer();
  const std::string at = ":" + std::to_string(server.tls_port());
  queues.Publish(queues.name(), {Message(Callback(receiver.url()), "1")});
  auto bridge = StartBridge(broker.url(), queues.name(), {"--amqp-ca-file", server.ca_file()}, "amqps://localhost" + at);
  CHECK(receiver.WaitFor(1));
  CHECK(End(bridge.get()) == 0);
  struct Row {
    std::vector<std::string> arguments;
    const char* host;
  };
  for (const Row& row :
       std::vector<Row>{{{}, "localhost"}, {{"--amqp-ca-file", server.ca_file()}, "127.0.0.1"}, {{"--amqp-ca-file", "/dev/null"}, "localhost"}}) {
    INFO(row.host);
    auto refused = StartBridge(broker.url(), queues.name(), row.arguments, std::string("amqps://") + row.host + at);
    CHECK(refused->Wait() == 1);
  }
}

TEST_CASE("documents: each example of the pages on the bridge comes out as its page says") {
  AmqpServer& server = SharedAmqpServer();
  AmqpQueues queues(server.port());
  for (const char* page : {"bridge-amqp.md", "migrating-rabbitmq.md"}) {
    INFO(page);
    for (const char* queue : {"callbacks", "callbacks.dead", "events"}) {
      queues.Declare(queue);
      queues.Delete(queue);
    }
    std::ifstream file(std::string(NOTIFYD_SOURCE_DIR "/docs/") + page);
    std::ostringstream text;
    text << file.rdbuf();
    const DocPage taken = ParseDocPage(text.str());
    CHECK(taken.examples.size() > 5);
    CHECK(RunDocPage(taken, {{{"localhost:5672", server.url().substr(7)}}, {{"HOME", server.admin_home()}}}) == "");
  }
}

TEST_CASE("amqp bridge: wrong usage, and a server that does not let it in") {
  TempDir dir;
  const std::string url = SharedAmqpServer().url(), with_password = "amqp://u:secret@" + url.substr(7);
  struct Row {
    std::vector<std::string> arguments;
    std::string variable;
    int code;
    const char* says;
  };
  dir.Write("open", with_password);
  const std::string closed = dir.Write("closed", with_password + "\n");
  REQUIRE(chmod(dir.At("open").c_str(), 0644) == 0);
  REQUIRE(chmod(closed.c_str(), 0600) == 0);
  for (const Row& row : std::vector<Row>{
           {{"-q", "q", "--dead-letter-file", dir.At("d")}, "", 2, "needs --url"},
           {{"--url", url, "--dead-letter-file", dir.At("d")}, "", 2, "--queue"},
           {{"--url", url, "-q", "q"}, "", 2, "--dead-letter-queue or --dead-letter-file"},
           {{"--url", url, "-q", "q", "--dead-letter-file", dir.At("d"), "--dead-letter-queue", "d"}, "", 2, "one of them"},
           {{"--url", url, "-q", "q", "--dead-letter-queue", "q"}, "", 2, "another queue"},
           {{"--url", with_password, "-q", "q", "--dead-letter-file", dir.At("d")}, "", 2, "a password on a command line"},
           {{"--url-file", dir.At("open"), "-q", "q", "--dead-letter-file", dir.At("d")}, "", 2, "may be read by others"},
           {{"--url-file", closed, "-q", "q", "--dead-letter-file", dir.At("d")}, "", 1, "ACCESS_REFUSED"},
           {{"-q", "q", "--dead-letter-file", dir.At("d")}, with_password, 1, "ACCESS_REFUSED"},
           {{"-q", "q", "--dead-letter-file", dir.At("d")}, url + "/nowhere", 1, "vhost"},
           {{"-q", "is-not-there", "--dead-letter-file", dir.At("d")}, url, 1, "no queue 'is-not-there'"},
           {{"-q", "q", "--dead-letter-file", dir.At("d")}, "http://x", 2, "amqp://USER"},
           {{"-q", "q", "--dead-letter-file", dir.path()}, url, 2, "cannot be opened"},
           {{"-q", "q", "--dead-letter-file", dir.At("d"), "--key", "body"}, url, 2, "--key"},
           {{"-q", "q", "--dead-letter-file", dir.At("d"), "--headers", "X Amqp-"}, url, 2, "--headers"},
           {{"-q", "q", "--dead-letter-file", dir.At("d"), "--shape", "template"}, url, 2, "needs a url"},
           {{"-q", "q", "--dead-letter-file", dir.At("d"), "--url-template", "http://{x}/"}, url, 2, "--url-template: url: \"x\" is none of"},
           {{"-q", "q", "--dead-letter-file", dir.At("d"), "--template", dir.Write("t", R"({"lain":"x"})")}, url, 2, "has no field lain"},
           {{"-q", "q", "--dead-letter-file", dir.At("d"), "--metrics", "here"}, url, 2, "no ADDRESS:PORT"},
           {{"-q", "q", "--dead-letter-file", dir.At("d"), "--prefetch", "0"}, url, 2, "--prefetch"},
       }) {
    std::vector<std::string> arguments = {"bridge", "amqp"};
    arguments.insert(arguments.end(), row.arguments.begin(), row.arguments.end());
    std::vector<std::string> environment;
    if (!row.variable.empty()) environment.push_back("NOTIFYD_AMQP_URL=" + row.variable);
    ScriptedServer broker(Accepted);
    arguments.insert(arguments.begin(), {"--server", broker.url()});
    Process process(NOTIFYCTL_BINARY, {arguments, environment});
    const int code = process.Wait();
    INFO(row.says << "\n" << process.error());
    CHECK(code == row.code);
    CHECK_THAT(process.error(), Catch::Contains(row.says));
    CHECK(process.error().find("secret") == std::string::npos);
  }
}
