// kill -9 of the real broker: nothing acknowledged is lost, order is kept, and what is repeated is what was in flight.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "support/counting_receiver.h"
#include "cli/await.h"
#include "cli/e2e_broker.h"
#include "cli/kill.h"
#include "cli/token_create.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

/// Of an answer to a batch, in order.
std::vector<std::string> IdsIn(const std::string& answer) {
  std::vector<std::string> ids;
  const std::string before = "\"id\":\"";
  for (size_t at = answer.find(before); at != std::string::npos; at = answer.find(before, at)) {
    at += before.size();
    ids.push_back(answer.substr(at, answer.find('"', at) - at));
  }
  return ids;
}

/// Until nothing is pending; false at the deadline.
bool WaitUntilSettled(Broker* broker) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(kDeadlineSeconds);
  while (std::chrono::steady_clock::now() < deadline) {
    uint64_t pending = 0;
    std::string stats = broker->Call("GET", "/v1/stats").body;
    for (const char* state : {"held", "scheduled", "ready", "sending", "retrying"})
      pending += std::stoull(JsonAt(stats, std::string("/states/") + state));
    if (pending == 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

std::vector<std::string> FirstsOf(const std::vector<Delivery>& deliveries, const std::string& prefix) {
  std::vector<std::string> firsts;
  std::set<std::string> seen;
  for (const Delivery& d : deliveries)
    if (d.body.compare(0, prefix.size(), prefix) == 0 && seen.insert(d.body).second) firsts.push_back(d.body);
  return firsts;
}

// ---- load

/// Submits singles and batches, one after the other, and remembers what became of them. A single has an idempotency key, and one whose answer never
/// came is submitted again in the next run; a batch whose answer never came is given up. The bodies, "c<client>-<request>-<item>" and "f..." for
/// those of its fifo lane, name the notifies in the test.
class Client {
 public:
  Client(int number, uint32_t seed, std::string receiver)
      : number_(number), receiver_(std::move(receiver)), random_(seed * 64 + static_cast<uint32_t>(number)) {}

  /// On a thread of its own, until `stop`, or until the broker is gone.
  void Run(const std::string& broker, int run, const std::atomic<bool>* stop) {
    HttpClient http(broker);
    while (!stop->load()) {
      if (bodies_.empty()) MakeRequest();
      Result<HttpAnswer> answer = http.Call("POST", "/v1/notifies", &request_);
      if (answer.ok()) {
        std::vector<std::string> ids = IdsIn(answer->body);
        if (!answer->Done() || ids.size() != bodies_.size()) {
          fault_ = answer->body;
          return;
        }
        for (size_t i = 0; i < ids.size(); ++i) acknowledged_[bodies_[i]] = ids[i];
        if (requests_ % 4 == 0) Ask(&http, ids[0], run);
      } else if (bodies_.size() == 1) {
        return;
      } else {
        unanswered_.push_back(bodies_);
      }
      bodies_.clear();
      if (!answer.ok()) return;
    }
  }

  const std::string& fault() const { return fault_; }
  /// By body: the id that was answered.
  const std::map<std::string, std::string>& acknowledged() const { return acknowledged_; }
  const std::vector<std::vector<std::string>>& unanswered() const { return unanswered_; }
  /// By id: the run in which the broker told that it has succeeded.
  const std::map<std::string, int>& succeeded() const { return succeeded_; }
  std::string fifo_prefix() const { return "f" + std::to_string(number_) + "-"; }
  /// All bodies for its fifo lane, in the order of their submission.
  const std::vector<std::string>& fifo() const { return fifo_; }

 private:
  void Ask(HttpClient* http, const std::string& id, int run) {
    Result<HttpAnswer> answer = http->Call("GET", "/v1/notifies/" + id + "?wait_ms=50");
    if (answer.ok() && JsonAt(answer->body, "/state") == "succeeded") succeeded_[id] = run;
  }

  std::string Item(bool fifo, int index) {
    std::string body = (fifo ? "f" : "c") + std::to_string(number_) + "-" + std::to_string(requests_) + "-" + std::to_string(index);
    if (fifo) fifo_.push_back(body);
    bodies_.push_back(body);
    return R"({"url":")" + receiver_ + R"(","body":")" + body + R"(","lane":")" + (fifo ? "f" + std::to_string(number_) : "shared") +
           R"(","mode":")" + (fifo ? "fifo" : "concurrent") + R"(","retry":{"schedule_ms":[5],"jitter":0})";
  }

  void MakeRequest() {
    ++requests_;
    bool fifo = random_() % 4 == 0;
    if (random_() % 2 == 0) {
      request_ = Item(fifo, 0) + R"(,"idempotency_key":"k)" + std::to_string(number_) + "-" + std::to_string(requests_) + "\"}";
      return;
    }
    int items = 2 + static_cast<int>(random_() % (fifo ? 5 : 30));
    request_ = "[";
    for (int i = 0; i < items; ++i) request_ += (i ? "," : "") + Item(fifo, i) + "}";
    request_ += "]";
  }

  const int number_;
  const std::string receiver_;
  std::mt19937 random_;
  int requests_ = 0;
  std::string request_;
  std::vector<std::string> bodies_;  // of request_; empty: the next request is to be made
  std::string fault_;
  std::map<std::string, std::string> acknowledged_;
  std::map<std::string, int> succeeded_;
  std::vector<std::vector<std::string>> unanswered_;
  std::vector<std::string> fifo_;
};

using Sent = std::pair<std::string, int>;  // id and attempt

/// By run: what was delivered in it and again in a later one. Checks that nothing comes twice in one run, and of one fifo lane at most one again.
std::map<int, std::set<Sent>> RepeatedOf(const std::vector<Delivery>& deliveries) {
  std::map<Sent, int> last_run;
  std::map<int, std::set<Sent>> repeated;
  std::set<std::pair<int, std::string>> lanes;
  for (const Delivery& d : deliveries) {
    auto [at, first] = last_run.emplace(Sent(d.id, d.attempt), d.run);
    if (first) continue;
    INFO(d.body << " attempt " << d.attempt << " of run " << at->second << " again in run " << d.run);
    CHECK(at->second < d.run);
    if (d.body[0] == 'f') CHECK(lanes.emplace(at->second, d.body.substr(0, d.body.find('-'))).second);
    repeated[std::exchange(at->second, d.run)].insert(at->first);
  }
  return repeated;
}

}  // namespace

TEST_CASE("kill -9 under load: all that was acknowledged is delivered, and only what was in flight is delivered again") {
  constexpr int kClients = 4, kKills = 6;
  constexpr size_t kInFlight = 24;  // at the host, and so in all
  int io_threads = GENERATE(1, 2);
  const uint32_t seed = Catch::rngSeed();  // --rng-seed
  TempDir dir;
  // About every seventh fails at first, so that retries are under way too.
  CountingReceiver receiver([](const Delivery& d) { return d.attempt == 1 && std::hash<std::string>()(d.body) % 7 == 0 ? 503 : 200; });
  std::vector<Client> clients;
  for (int i = 0; i < kClients; ++i) clients.emplace_back(i, seed, receiver.url());
  const std::vector<std::string> settings = {"--hosts-concurrency", std::to_string(kInFlight), "--lanes-concurrency", std::to_string(kInFlight),
                                             "--io-threads",        std::to_string(io_threads)};
  std::mt19937 random(seed);
  std::map<int, std::set<Sent>> in_flight;  // by run, at its kill, where that is known

  for (int run = 0; run <= kKills; ++run) {
    INFO("run " << run << ", seed " << seed << ", io threads " << io_threads);
    Broker broker(dir.path(), settings);
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (Client& client : clients) threads.emplace_back([&] { client.Run(broker.url(), run, &stop); });
    bool came = receiver.WaitFor(receiver.count() + 300 + random() % 2000);
    // Every second kill finds all calls that may be in flight at the receiver. The outcomes of those before are then written, since they
    // were in front of this submit.
    if (run % 2 == 1) {
      receiver.Withhold();
      came = receiver.WaitForWithheld(kInFlight) && came;
      std::string last = R"({"url":")" + receiver.url() + R"(","body":"c)" + std::to_string(kClients + run) + "-0-0\"}";
      Result<HttpAnswer> answer = HttpClient(broker.url()).Call("POST", "/v1/notifies", &last);
      came = answer.ok() && answer->status == 201 && came;
      for (const Delivery& d : receiver.withheld()) in_flight[run].emplace(d.id, d.attempt);
    }
    if (run == kKills) stop = true;
    else broker.process().Signal(SIGKILL);
    for (std::thread& thread : threads) thread.join();
    for (Client& client : clients) CHECK(client.fault() == "");
    REQUIRE(came);
    if (run < kKills) {
      REQUIRE(broker.process().Wait() == 1000 + SIGKILL);
      REQUIRE(receiver.NextRun());
      receiver.Release();
      continue;
    }
    REQUIRE(WaitUntilSettled(&broker));
    CHECK(broker.BooksBalance());
    std::map<std::string, std::set<std::string>> ids;
    for (const Delivery& d : receiver.deliveries()) ids[d.body].insert(d.id);
    CHECK(broker.Stat("/totals/accepted") == ids.size());
    CHECK(broker.Stat("/totals/succeeded") == ids.size());
  }

  std::vector<Delivery> deliveries = receiver.deliveries();
  std::map<std::string, std::set<std::string>> ids;
  std::map<std::string, int> attempts;
  for (const Delivery& d : deliveries) {
    ids[d.body].insert(d.id);
    // A repeat carries the number that it had; the number goes up one by one.
    int& last = attempts[d.id];
    CHECK((d.attempt == last || d.attempt == last + 1));
    last = d.attempt;
  }
  size_t lost = 0, doubled = 0, torn = 0, acknowledged = 0;
  for (const Client& client : clients) {
    acknowledged += client.acknowledged().size();
    for (const auto& [body, id] : client.acknowledged()) lost += !ids.count(body) || !ids[body].count(id);
    for (const auto& batch : client.unanswered()) {
      size_t there = static_cast<size_t>(std::count_if(batch.begin(), batch.end(), [&](const std::string& body) { return ids.count(body) != 0; }));
      torn += there != 0 && there != batch.size();
    }
    std::vector<std::string> in_order;
    std::copy_if(client.fifo().begin(), client.fifo().end(), std::back_inserter(in_order),
                 [&](const std::string& body) { return ids.count(body) != 0; });
    CHECK((FirstsOf(deliveries, client.fifo_prefix()) == in_order));
  }
  for (const auto& [body, of_body] : ids) doubled += of_body.size() != 1;
  CHECK(acknowledged > 1000);
  CHECK(lost == 0);
  CHECK(doubled == 0);  // a single that was submitted again is the same notify
  CHECK(torn == 0);     // a batch is there as a whole or not at all

  std::map<int, std::set<Sent>> repeated = RepeatedOf(deliveries);
  for (const auto& [run, sent] : in_flight) {
    INFO("killed at the end of run " << run);
    CHECK((repeated[run] == sent));
  }
  // Whatever the broker has told is never taken back.
  size_t told = 0;
  for (const Client& client : clients)
    for (const auto& [id, run] : client.succeeded()) {
      ++told;
      auto later = [&, id = id, run = run](const Delivery& d) { return d.id == id && d.run > run; };
      CHECK(std::none_of(deliveries.begin(), deliveries.end(), later));
    }
  CHECK(told > 0);
}

TEST_CASE("kill -9 half-way through a fifo lane of 100,000: the order of first deliveries is that of submission") {
  constexpr size_t kNotifies = 100'000, kBatch = 10'000;
  TempDir dir;
  CountingReceiver receiver;
  receiver.Withhold();
  std::vector<std::string> submitted;
  {
    Broker broker(dir.path());
    for (size_t from = 0; from < kNotifies; from += kBatch) {
      std::string batch = "[";
      for (size_t i = from; i < from + kBatch; ++i) {
        batch += i == from ? "" : ",";
        batch += R"({"url":")" + receiver.url() + R"(","mode":"fifo","timeout_ms":600000})";
      }
      HttpAnswer answer = broker.Call("POST", "/v1/notifies", batch + "]");
      REQUIRE(answer.status == 201);
      for (std::string& id : IdsIn(answer.body)) submitted.push_back(std::move(id));
    }
    REQUIRE(submitted.size() == kNotifies);
    receiver.Release();
    REQUIRE(receiver.WaitFor(kNotifies / 2));
    Kill(&broker);
    REQUIRE(receiver.NextRun());
  }
  size_t before = receiver.count();
  CHECK(before < kNotifies);
  Broker broker(dir.path());
  REQUIRE(receiver.WaitFor(kNotifies));
  REQUIRE(WaitUntilSettled(&broker));
  std::vector<Delivery> deliveries = receiver.deliveries();
  std::vector<std::string> firsts;
  size_t repeats = 0;
  std::set<std::string> seen;
  for (size_t i = 0; i < deliveries.size(); ++i) {
    if (seen.insert(deliveries[i].id).second) {
      firsts.push_back(deliveries[i].id);
      continue;
    }
    ++repeats;
    // The one in flight, first of all after the start.
    CHECK(i == before);
    CHECK(deliveries[i].id == deliveries[i - 1].id);
    CHECK(deliveries[i].attempt == 1);
  }
  CHECK((firsts == submitted));
  CHECK(repeats <= 1);
  CHECK(broker.Stat("/totals/succeeded") == kNotifies);
  CHECK(broker.BooksBalance());
}

TEST_CASE("kill -9 while a fifo head waits to be tried again: it keeps its place, and its numbers go on") {
  TempDir dir;
  CountingReceiver receiver([](const Delivery& d) { return d.body == "head" && d.attempt < 5 ? 500 : 200; });
  auto notify = [&](const std::string& body) {
    return R"({"url":")" + receiver.url() + R"(","mode":"fifo","body":")" + body + R"(","retry":{"schedule_ms":[1,1000,1],"jitter":0}})";
  };
  std::string head, last;
  {
    Broker broker(dir.path());
    head = broker.Submit(notify("head"));
    broker.Submit(notify("second"));
    last = broker.Submit(notify("third"));
    REQUIRE(Await([&] { return JsonAt(broker.Call("GET", "/v1/notifies/" + head).body, "/attempts_made") == "2"; }));
    Kill(&broker);
  }
  Broker broker(dir.path());
  CHECK(JsonAt(broker.Settled(last), "/state") == "succeeded");
  std::string told = broker.Call("GET", "/v1/notifies/" + head).body;
  CHECK(JsonAt(told, "/state") == "succeeded");
  CHECK(JsonAt(told, "/attempts_made") == "5");
  std::string came;
  for (const Delivery& d : receiver.deliveries()) came += d.body + std::to_string(d.attempt) + " ";
  // The outcome of the second was told, and so is not forgotten.
  CHECK(came == "head1 head2 head3 head4 head5 second1 third1 ");
}

TEST_CASE("kill -9 right after a trigger was acknowledged: it is sent after the restart, with its data") {
  TempDir dir;
  CountingReceiver receiver;
  receiver.Withhold();
  std::string id;
  {
    Broker broker(dir.path());
    id = broker.Submit(R"({"url":")" + receiver.url() + R"(","fkey":"order/17","data":{"a":1}})");
    REQUIRE(broker.Call("POST", "/v1/fkeys/order%2F17/trigger", R"({"data":{"b":2}})").status == 202);
    Kill(&broker);
    REQUIRE(receiver.NextRun());
    receiver.Release();
  }
  Broker broker(dir.path());
  CHECK(JsonAt(broker.Settled(id), "/state") == "succeeded");
  CHECK(receiver.deliveries().back().body == R"({"a":1,"b":2})");
  CHECK(receiver.deliveries().back().attempt == 1);
  HttpAnswer repeat = broker.Call("POST", "/v1/fkeys/order%2F17/trigger");
  CHECK(repeat.status == 200);
  CHECK(JsonAt(repeat.body, "/id") == id);
  CHECK(broker.BooksBalance());
}

TEST_CASE("kill -9 after a keyed submit and a cancel: the idempotency key is remembered, and cancelled stays cancelled") {
  TempDir dir;
  CountingReceiver receiver;
  const std::string keyed = R"({"url":")" + receiver.url() + R"(","idempotency_key":"k","delay_ms":3600000})";
  std::string first, cancelled, held;
  {
    Broker broker(dir.path());
    first = broker.Submit(keyed);
    cancelled = broker.Submit(R"({"url":")" + receiver.url() + R"(","delay_ms":3600000})");
    held = broker.Submit(R"({"url":")" + receiver.url() + R"(","fkey":"h"})");
    REQUIRE(broker.Call("DELETE", "/v1/fkeys/h").status == 200);
    REQUIRE(broker.Call("DELETE", "/v1/notifies/" + cancelled).status == 200);
    Kill(&broker);
  }
  Broker broker(dir.path());
  HttpAnswer again = broker.Call("POST", "/v1/notifies", keyed);
  CHECK(again.status == 200);
  CHECK(JsonAt(again.body, "/id") == first);
  CHECK(JsonAt(again.body, "/duplicate") == "true");
  CHECK(broker.Call("POST", "/v1/notifies", R"({"url":")" + receiver.url() + R"(other","idempotency_key":"k","delay_ms":3600000})").status == 422);
  for (const std::string& id : {cancelled, held}) CHECK(JsonAt(broker.Call("GET", "/v1/notifies/" + id).body, "/state") == "cancelled");
  CHECK(broker.Call("POST", "/v1/fkeys/h/trigger").status == 404);
  CHECK(broker.Stat("/totals/cancelled") == 2);
  CHECK(broker.Stat("/states/scheduled") == 1);
  CHECK(broker.BooksBalance());
  CHECK(receiver.count() == 0);
}

TEST_CASE("kill -9 right after a change was answered: the audit has it, once") {
  TempDir dir;
  const Made admin = Create(dir.path(), {"--scopes", "admin"});
  REQUIRE(admin.code == 0);
  std::vector<std::string> changed;
  for (int round = 0; round < 9; ++round) {
    INFO("round " << round);
    Broker broker(dir.path(), {"--auth-mode", "token"});
    HttpClient http(HttpTarget{broker.url(), {admin.token, ""}});
    auto call = [&http](const std::string& method, const std::string& path, const std::string& body = "") {
      Result<HttpAnswer> answer = http.Call(method, path, body.empty() ? nullptr : &body);
      REQUIRE(answer.ok());
      return *std::move(answer);
    };
    const std::string audit = call("GET", "/v1/audit").body;
    INFO(audit);
    for (const std::string& id : changed) {
      const std::string entry = "\"object\":\"" + id + "\"";
      const size_t first = audit.find(entry);
      CHECK(first != std::string::npos);
      CHECK(audit.find(entry, first + 1) == std::string::npos);
    }
    if (round % 2 == 0) {
      const std::string id = JsonAt(call("POST", "/v1/notifies", R"({"url":"http://127.0.0.1:1/","delay_ms":3600000})").body, "/id");
      REQUIRE(call("DELETE", "/v1/notifies/" + id).status == 200);
      Kill(&broker);
      changed.push_back(id);
    } else {
      const HttpAnswer made = call("POST", "/v1/tokens", R"({"name":"t","namespaces":["default"],"scopes":["submit"]})");
      REQUIRE(made.status == 201);
      Kill(&broker);
      changed.push_back(JsonAt(made.body, "/id"));
    }
  }
}
