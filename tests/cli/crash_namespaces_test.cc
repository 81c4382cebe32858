// kill -9 of a broker with many namespaces under load: each keeps what it acknowledged, and nothing crosses.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>
#include <utility>

#include "cli/e2e_broker.h"
#include "support/counting_receiver.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

constexpr int kSpaces = 100;

std::string NameOf(int space) {
  return "team-" + std::to_string(space);
}

/// Submits one at a time to namespaces in turn; the bodies name client, namespace and request.
class SpaceClient {
 public:
  SpaceClient(int number, uint32_t seed, std::string receiver)
      : number_(number), receiver_(std::move(receiver)), random_(seed * 64 + static_cast<uint32_t>(number)) {}

  /// On a thread of its own, until `stop`, or until the broker is gone.
  void Run(const std::string& broker, const std::atomic<bool>* stop) {
    HttpClient http(broker);
    while (!stop->load()) {
      const int space = static_cast<int>(random_() % kSpaces);
      const std::string body = std::to_string(space) + "-" + std::to_string(number_) + "-" + std::to_string(++requests_);
      const std::string notify = R"({"url":")" + receiver_ + R"(","body":")" + body + R"(","mode":")" + (random_() % 2 ? "fifo" : "concurrent") + "\"}";
      Result<HttpAnswer> answer = http.Call("POST", "/v1/namespaces/" + NameOf(space) + "/notifies", &notify);
      if (!answer.ok()) return;
      if (answer->status != 201) {
        fault_ = answer->body;
        return;
      }
      acknowledged_[body] = {space, JsonAt(answer->body, "/id")};
    }
  }
  const std::string& fault() const { return fault_; }
  /// By body: the namespace, and the id that was answered.
  const std::map<std::string, std::pair<int, std::string>>& acknowledged() const { return acknowledged_; }

 private:
  const int number_;
  const std::string receiver_;
  std::mt19937 random_;
  int requests_ = 0;
  std::string fault_;
  std::map<std::string, std::pair<int, std::string>> acknowledged_;
};

uint64_t Pending(Broker* broker, const std::string& space) {
  const std::string stats = broker->Call("GET", "/v1/namespaces/" + space + "/stats").body;
  uint64_t pending = 0;
  for (const char* state : {"held", "scheduled", "ready", "sending", "retrying"}) pending += std::stoull(JsonAt(stats, std::string("/states/") + state));
  return pending;
}

}  // namespace

TEST_CASE("kill -9 with a hundred namespaces under load: each delivers all that it acknowledged") {
  constexpr int kClients = 4, kKills = 3;
  const std::string shards = GENERATE(as<std::string>{}, "1", "2");
  const uint32_t seed = Catch::rngSeed();  // --rng-seed
  TempDir dir;
  CountingReceiver receiver;
  std::vector<SpaceClient> clients;
  for (int i = 0; i < kClients; ++i) clients.emplace_back(i, seed, receiver.url());
  std::mt19937 random(seed);

  for (int run = 0; run <= kKills; ++run) {
    INFO("run " << run << ", seed " << seed << ", shards " << shards);
    Broker broker(dir.path(), {"--shards", shards});
    if (run == 0)
      for (int i = 0; i < kSpaces; ++i) REQUIRE(broker.Call("PUT", "/v1/namespaces/" + NameOf(i), R"({"destinations":{"allow":["127.0.0.0/8"]}})").status == 201);
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (SpaceClient& client : clients) threads.emplace_back([&] { client.Run(broker.url(), &stop); });
    const bool came = receiver.WaitFor(receiver.count() + 300 + random() % 1000);
    if (run == kKills) stop = true;
    else broker.process().Signal(SIGKILL);
    for (std::thread& thread : threads) thread.join();
    for (SpaceClient& client : clients) CHECK(client.fault() == "");
    REQUIRE(came);
    if (run < kKills) {
      REQUIRE(broker.process().Wait() == 1000 + SIGKILL);
      REQUIRE(receiver.NextRun());
      continue;
    }
    uint64_t accepted = 0;
    for (int i = 0; i < kSpaces; ++i) {
      for (int wait = 0; wait < kDeadlineSeconds * 100 && Pending(&broker, NameOf(i)) > 0; ++wait) usleep(10'000);
      const std::string stats = broker.Call("GET", "/v1/namespaces/" + NameOf(i) + "/stats").body;
      CHECK(JsonAt(stats, "/totals/accepted") == JsonAt(stats, "/totals/succeeded"));
      accepted += std::stoull(JsonAt(stats, "/totals/accepted"));
    }
    std::map<std::string, std::string> ids;  // by body
    for (const Delivery& d : receiver.deliveries()) {
      auto [at, first] = ids.emplace(d.body, d.id);
      // A repeat is the same notify.
      CHECK(at->second == d.id);
      // The namespace that it was submitted to is the one that sends it.
      const auto number = static_cast<int>(std::stoul(d.id.substr(1, 4), nullptr, 16));
      CHECK(number == 2 + std::stoi(d.body));
    }
    CHECK(accepted == ids.size());
    size_t acknowledged = 0, lost = 0;
    for (const SpaceClient& client : clients)
      for (const auto& [body, where] : client.acknowledged()) {
        ++acknowledged;
        lost += !ids.contains(body) || ids.at(body) != where.second;
      }
    CHECK(lost == 0);
    CHECK(acknowledged > 1000);
  }
}
