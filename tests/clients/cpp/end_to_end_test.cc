// The C++ client against a real broker (tests/clients/broker.py starts it and says in the environment where it is), which calls a real receiver.
#include <notifyd/client.h>
#include <notifyd/receiver.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <httplib.h>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace {

using notifyd::Client;
using notifyd::Json;
using notifyd::Kind;

// For a busy machine; nothing waits so long where all is well.
constexpr notifyd::Millis kPatience{60000};

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) throw std::runtime_error(std::string("run it by tests/clients/broker.py: without ") + name);
  return value;
}

/// Counts the bodies of verified calls. A path with "fail" in it is answered 500 while `failing`.
class Receiver {
 public:
  Receiver() {
    // A kept connection would hold one of the server's few threads.
    server_.set_keep_alive_max_count(1);
    server_.Post(".*", [this](const httplib::Request& request, httplib::Response& response) { Take(request, response); });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  ~Receiver() {
    server_.stop();
    thread_.join();
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  std::string url(const std::string& path = "/orders") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
  int count(const std::string& body) {
    std::lock_guard lock(mutex_);
    return bodies_[body];
  }
  void set_failing(bool failing) {
    std::lock_guard lock(mutex_);
    failing_ = failing;
  }

 private:
  void Take(const httplib::Request& request, httplib::Response& response) {
    std::lock_guard lock(mutex_);
    try {
      const std::string id = verifier_.Verify(request.headers, request.body).id;
      if (id != request.get_header_value("Notify-Id")) throw std::runtime_error("another Notify-Id");
      if (dedup_.Claim(id) == notifyd::Claim::kDone) return;
      if (failing_ && request.path.find("fail") != std::string::npos) {
        dedup_.Release(id);
        response.status = 500;
        return;
      }
      dedup_.Finish(id);
      ++bodies_[request.body];
      response.set_content(R"({"ok":true})", "application/json");
    } catch (const std::exception&) {
      response.status = 401;
    }
  }

  const notifyd::Verifier verifier_{{Variable("WEBHOOK_KEY"), Variable("WEBHOOK_PUBLIC_KEY")}};
  notifyd::Dedup dedup_;
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
  std::mutex mutex_;
  std::map<std::string, int> bodies_;
  bool failing_ = true;
};

/// The client of the environment.
Client Asking() {
  notifyd::Options options;
  options.url = Variable("NOTIFYD_URL");
  options.token = Variable("NOTIFYD_TOKEN");
  options.namespace_name = Variable("NOTIFYD_NAMESPACE");
  return Client(options);
}

notifyd::Notify To(const std::string& url, const Json& data = nullptr) {
  notifyd::Notify notify;
  notify.url = url;
  notify.data = data;
  return notify;
}

/// The error of a call that fails.
template <class Call>
notifyd::Error ErrorOf(Call call) {
  try {
    call();
  } catch (const notifyd::Error& error) {
    return error;
  }
  throw std::runtime_error("it does not fail");
}

}  // namespace

TEST_CASE("end to end: what is submitted is called, once") {
  Receiver receiver;
  Client client = Asking();
  notifyd::Notify notify = To(receiver.url(), {{"one", 9007199254740993}});
  notify.idempotency_key = "cpp-one";
  notify.keep_response_bytes = 100;
  const notifyd::Accepted made = client.Submit(notify);
  const notifyd::View view = client.Wait(made.id, kPatience);
  CHECK(view.state == "succeeded");
  CHECK(view.data == Json({{"one", 9007199254740993}}));
  CHECK(receiver.count(R"({"one":9007199254740993})") == 1);
  const notifyd::Accepted again = client.Submit(notify);
  CHECK(again.id == made.id);
  CHECK(again.duplicate);
  CHECK(client.Response(made.id).body == R"({"ok":true})");

  notifyd::Notify plain = To(receiver.url());
  plain.body = "plain";
  plain.content_type = "text/plain";
  CHECK(client.SubmitAndWait(plain, kPatience).response->body == R"({"ok":true})");
  const notifyd::Error refused = ErrorOf([&] { client.Submit(To("ftp://example.com")); });
  CHECK(refused.kind == Kind::kUnacceptable);
  CHECK(refused.problem->field == "/url");
}

TEST_CASE("end to end: batches and streams") {
  Receiver receiver;
  Client client = Asking();
  for (const notifyd::Accepted& one : client.SubmitBatch({To(receiver.url(), "b1"), To(receiver.url(), "b2")}))
    CHECK(client.Wait(one.id, kPatience).state == "succeeded");
  CHECK(receiver.count("\"b1\"") + receiver.count("\"b2\"") == 2);
  CHECK(ErrorOf([&] { client.SubmitBatch({To(receiver.url(), "b3"), To("none")}); }).problem->field == "/1/url");

  constexpr int64_t kCount = 1200, kBad = 1100;
  int64_t given = 0;
  notifyd::Stream stream = client.SubmitStream([&]() -> std::optional<notifyd::Notify> {
    if (given == kCount) return std::nullopt;
    notifyd::Notify notify = To(receiver.url(), {{"line", given}});
    if (given++ == kBad) notify.priority = 10;
    return notify;
  });
  std::set<std::string> ids;
  int64_t seen = 0;
  std::string last;
  for (; std::optional<notifyd::Line> line = stream.Next(); ++seen) {
    REQUIRE(line->index == seen);
    REQUIRE(line->error.has_value() == (seen == kBad));
    if (line->error) CHECK(line->error->field == "/priority");
    if (!line->error) ids.insert(last = line->id);
  }
  CHECK(seen == kCount);
  CHECK(ids.size() == kCount - 1);
  CHECK(client.Wait(last, kPatience).data == Json({{"line", kCount - 1}}));
}

TEST_CASE("end to end: what is no JSON ends a stream, behind what came before it") {
  Receiver receiver;
  Client client = Asking();
  std::vector<notifyd::Notify> notifies = {To(receiver.url(), "before"), To(receiver.url(), "\xff"), To(receiver.url(), "behind")};
  std::size_t next = 0;
  notifyd::Stream stream = client.SubmitStream([&]() -> std::optional<notifyd::Notify> { return notifies.at(next++); });
  CHECK(client.Wait(stream.Next()->id, kPatience).state == "succeeded");
  CHECK_THROWS_AS(stream.Next(), std::invalid_argument);
  CHECK(next == 2);
  CHECK(receiver.count("\"before\"") == 1);
}

TEST_CASE("end to end: held, triggered, remembered") {
  Receiver receiver;
  Client client = Asking();
  notifyd::Notify notify = To(receiver.url(), {{"a", "1"}});
  notify.fkey = "cpp/17";
  const std::string id = client.Submit(notify).id;
  CHECK(ErrorOf([&] { client.Submit(notify); }).kind == Kind::kConflict);
  notify.data = {{"a", "2"}};
  CHECK(ErrorOf([&] { client.Submit(notify); }).problem->id == id);
  CHECK(client.GetFkey("cpp/17").id == id);
  notifyd::Trigger with;
  with.data = {{"b", "2"}};
  CHECK(client.Trigger("cpp/17", with).id == id);
  CHECK(client.Wait(id, kPatience).state == "succeeded");
  CHECK(receiver.count(R"({"a":"1","b":"2"})") == 1);
  CHECK(ErrorOf([&] { client.Trigger("cpp-never"); }).kind == Kind::kNotFound);
  CHECK(client.Trigger("cpp-later", {}, kPatience).remembered);
  notify.fkey = "cpp-later";
  CHECK(client.SubmitAndWait(notify, kPatience).state == "succeeded");
  notify.fkey = "cpp-held";
  client.Submit(notify);
  CHECK(client.CancelFkey("cpp-held").state == "cancelled");
}

TEST_CASE("end to end: changed and cancelled") {
  Receiver receiver;
  Client client = Asking();
  notifyd::Notify notify = To(receiver.url());
  notify.due_at = std::chrono::system_clock::now() + std::chrono::hours(1);
  notify.priority = 0;
  notify.ttl_ms = 7200000;
  const std::string id = client.Submit(notify).id;
  const notifyd::View view = client.Get(id);
  CHECK(view.state == "scheduled");
  CHECK(view.priority == 0);
  notifyd::NotifyPatch patch;
  patch.priority = 9;
  patch.null = {"ttl_ms"};
  const notifyd::View changed = client.Change(id, patch, view.etag);
  CHECK(changed.priority == 9);
  CHECK(changed.expires_at == "");
  CHECK(ErrorOf([&] { client.Change(id, patch, view.etag); }).kind == Kind::kPreconditionFailed);
  CHECK(client.Cancel(id).state == "cancelled");
  CHECK(ErrorOf([&] { client.Cancel(id); }).kind == Kind::kConflict);
}

TEST_CASE("end to end: what failed is listed and sent again") {
  Receiver receiver;
  Client client = Asking();
  for (int i = 0; i < 3; ++i) {
    notifyd::Notify notify = To(receiver.url("/fail"), "failing " + std::to_string(i));
    notify.lane = "cpp-failing";
    notify.retry.emplace().max_attempts = 1;
    const notifyd::WaitedView waited = client.SubmitAndWait(notify, kPatience);
    CHECK(waited.state == "failed");
    CHECK(waited.attempts.at(0).status == 500);
  }
  receiver.set_failing(false);
  notifyd::Filters failed;
  failed.state = {"failed"};
  failed.lane = "cpp-failing";
  failed.limit = 2;
  client.Wait(client.Retry(client.List(failed).Next()->id).id, kPatience);
  notifyd::Bulk bulk;
  bulk.filter = failed;
  bulk.limit = 1;
  CHECK(client.RetryMatching(bulk) == 2);
  failed.state.clear();
  for (const notifyd::ListedNotify& notify : client.List(failed)) CHECK(client.Wait(notify.id, kPatience).state == "succeeded");
  for (int i = 0; i < 3; ++i) CHECK(receiver.count("\"failing " + std::to_string(i) + "\"") == 1);
}

TEST_CASE("end to end: lanes") {
  Receiver receiver;
  Client client = Asking();
  CHECK(client.PauseLane("fifo", "cpp/a").paused);
  notifyd::LanePatch patch;
  patch.rate_per_s = 50.5;
  client.ChangeLane("fifo", "cpp/a", patch);
  notifyd::Notify notify = To(receiver.url(), "lane");
  notify.lane = "cpp/a";
  notify.mode = "fifo";
  const std::string id = client.Submit(notify).id;
  CHECK(client.Explain(id).reasons.at(0).code == "lane_paused");
  const notifyd::Lane lane = *client.Lanes("cpp/", 1).Next();
  CHECK(lane.settings.rate_per_s == 50.5);
  CHECK(lane.states.ready == 1);
  patch = {};
  patch.paused = false;
  patch.null = {"rate_per_s"};
  CHECK_FALSE(client.ChangeLane("fifo", "cpp/a", patch).settings.rate_per_s);
  CHECK(client.Wait(id, kPatience).state == "succeeded");
  CHECK(ErrorOf([&] { client.Lane("concurrent", "no such lane"); }).kind == Kind::kNotFound);
}

TEST_CASE("end to end: topics and groups") {
  Receiver receiver;
  Client client = Asking();
  client.Request("PUT", "/v1/subscriptions/cpp", {}, Json({{"topic", "cpp.*"}, {"url", receiver.url()}}));
  notifyd::NewEvent event;
  event.data = {{"event", 1}};
  CHECK(client.Publish("cpp.created", event).matched == 1);
  notifyd::NewTopicEvent paid;
  paid.topic = "cpp.paid";
  notifyd::NewTopicEvent mail;
  mail.topic = "mail.sent";
  const std::vector<notifyd::PublishedEvent> events = client.PublishBatch({paid, mail});
  CHECK(events.at(0).matched == 1);
  CHECK(events.at(1).matched == 0);
  notifyd::Filters filters;
  filters.subscription = "cpp";
  for (const notifyd::ListedNotify& notify : client.List(filters)) CHECK(client.Wait(notify.id, kPatience).state == "succeeded");
  CHECK(receiver.count(R"({"event":1})") == 1);

  notifyd::NewGroup group;
  group.notifies = {To(receiver.url(), "g1"), To(receiver.url(), "g2")};
  const notifyd::Group settled = client.MakeGroup(group, kPatience);
  CHECK(settled.state == "settled");
  CHECK(settled.counts->succeeded == 2);
  group.sequential = true;
  group.notifies[0].delay_ms = 3600000;
  const std::string id = client.MakeGroup(group).id;
  CHECK(client.Groups(1).Next()->id == id);
  client.CancelGroup(id);
  CHECK(client.Group(id, kPatience).counts->cancelled == 2);
}

TEST_CASE("end to end: who may not, and what is not signed") {
  Receiver receiver;
  Client client = Asking();
  CHECK(ErrorOf([&] { client.In("another").Submit(To(receiver.url())); }).kind == Kind::kForbidden);
  notifyd::Options options;
  options.url = Variable("NOTIFYD_URL");
  options.token = "ntf_none_none";
  Client stranger(options);
  CHECK(ErrorOf([&] { stranger.Get("n0000000000000001"); }).kind == Kind::kUnauthorized);
  options.url = "127.0.0.1:7300";
  CHECK_THROWS_AS(Client(options), std::invalid_argument);
  CHECK_THROWS_AS(client.Submit(To(receiver.url(), "\xff")), std::invalid_argument);
  CHECK(client.Request("GET", "/v1/stats").contains("version"));
  httplib::Client forger(receiver.url(""));
  CHECK(forger.Post("/orders", "\"forged\"", "application/json")->status == 401);
}

TEST_CASE("client: over a socket of the file system") {
  char directory[] = "/tmp/notifyd-cpp-XXXXXX";
  REQUIRE(mkdtemp(directory) != nullptr);
  const std::string path = std::string(directory) + "/broker.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(listen(listener, 1) == 0);
  std::string request;
  std::thread broker([&] {
    const int peer = accept(listener, nullptr, nullptr);
    char piece[1024];
    while (request.find("\r\n\r\n") == std::string::npos) {
      const ssize_t size = read(peer, piece, sizeof piece);
      if (size <= 0) break;
      request.append(piece, static_cast<std::size_t>(size));
    }
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n{\"id\":\"n1\",\"state\":\"failed\"}\n";
    if (write(peer, answer.data(), answer.size()) < 0) request.clear();
    close(peer);
  });
  notifyd::Options options;
  options.url = "unix:" + path;
  CHECK(Client(options).Get("n1").state == "failed");
  broker.join();
  CHECK(request.rfind("GET /v1/", 0) == 0);
  close(listener);
  unlink(path.c_str());
  rmdir(directory);
}

TEST_CASE("client: over TLS, with authorities of its own") {
  char directory[] = "/tmp/notifyd-cpp-XXXXXX";
  REQUIRE(mkdtemp(directory) != nullptr);
  const std::string key = std::string(directory) + "/key.pem", certificate = std::string(directory) + "/certificate.pem";
  const std::string make =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=broker -addext subjectAltName=IP:127.0.0.1";
  REQUIRE(std::system((make + " -keyout " + key + " -out " + certificate + " 2>" + directory + "/log").c_str()) == 0);
  httplib::SSLServer server(certificate.c_str(), key.c_str());
  server.Get(".*", [](const httplib::Request&, httplib::Response& response) {
    response.set_content(R"({"id":"n1","state":"failed"})", "application/json");
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread broker([&] { server.listen_after_bind(); });
  notifyd::Options options;
  options.url = "https://127.0.0.1:" + std::to_string(port);
  options.attempts = 1;
  const notifyd::Error refused = ErrorOf([&] { Client(options).Get("n1"); });
  CHECK(refused.kind == Kind::kConnection);
  CHECK_THAT(refused.what(), Catch::Contains("self"));  // -signed: what is wrong with it, in OpenSSL's words
  options.ca_file = certificate;
  CHECK(Client(options).Get("n1").state == "failed");
  server.stop();
  broker.join();
  for (const char* file : {"key.pem", "certificate.pem", "log"}) unlink((std::string(directory) + "/" + file).c_str());
  rmdir(directory);
}
