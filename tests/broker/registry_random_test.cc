// The registry against a model: requests in any order, batches that become durable late, and a crash between any two steps.
#include "broker/registry.h"

#include <catch2/catch.hpp>
#include <set>

#include "base/random.h"
#include "broker/registry_fixture.h"

namespace notifyd {
namespace {

class Simulation {
 public:
  explicit Simulation(uint64_t seed) : random_(seed) { stage_.CommitAll(); }

  void Run(int steps) {
    for (int i = 0; i < steps; ++i) {
      const int64_t passed_ms = static_cast<int64_t>(random_.Below(30'000));
      stage_.now.wall.ms += passed_ms;
      stage_.now.mono.ms += passed_ms;
      switch (random_.Below(20)) {
        case 0:
          Crash();
          break;
        case 1:
        case 2:
        case 3:
        case 4:
        case 5:
          if (!stage_.batches.empty()) stage_.CommitOne();
          break;
        case 6:
          AnswerCores();
          break;
        case 7:
          stage_.Step(RegistryTick{});
          break;
        default:
          Request();
      }
      Hear();
      Check();
    }
    stage_.CommitAll();
    Hear();
    while (!open_drains_.empty() || !stage_.batches.empty()) {
      AnswerCores();
      stage_.CommitAll();
      Hear();
    }
    CheckEnd();
  }

 private:
  std::string Name() { return "ns" + std::to_string(random_.Below(4)); }
  std::string Id() { return "token00" + std::to_string(random_.Below(8)); }
  Actor Who() {
    if (random_.Chance(0.6)) return RegistryStage::Root();
    return RegistryStage::AdminOf({Name(), "default"}, random_.Chance(0.8) ? ScopeSet::All() : ScopeSet{Scope::kAdmin, Scope::kSubmit});
  }
  Grant Some() {
    if (random_.Chance(0.1)) return Grant::Everything();
    Grant grant = RegistryStage::Submits(random_.Chance(0.5) ? std::vector<std::string>{Name()} : std::vector<std::string>{Name(), "default"});
    if (random_.Chance(0.3)) grant.caller = "caller" + std::to_string(random_.Below(3));
    return grant;
  }
  Precondition Some(uint64_t version) {
    if (random_.Chance(0.7)) return {};
    return {.version = random_.Chance(0.7) ? version : version + 1, .absent = random_.Chance(0.2)};
  }
  uint64_t VersionOf(const std::string& id) {
    const std::shared_ptr<const TokenRow> row = stage_.registry->decided().FindToken(id);
    return row ? row->version : 0;
  }

  void Request() {
    const uint64_t request = ++last_request_;
    const std::string name = Name(), id = Id();
    const std::shared_ptr<const NamespaceRow> space = stage_.registry->decided().FindNamespace(name);
    switch (random_.Below(9)) {
      case 0:
      case 1: {
        NamespaceSettings settings;
        settings.timeout_ms = 1 + static_cast<int64_t>(random_.Below(3));
        if (random_.Chance(0.2)) settings.max_pending = random_.Below(3);
        stage_.Step(PutNamespace{request, Who(), name, settings, Some(space ? space->version : 0)});
        break;
      }
      case 2:
        stage_.Step(RemoveNamespace{request, Who(), random_.Chance(0.9) ? name : "default", random_.Chance(0.5), Some(space ? space->version : 0)});
        break;
      case 3:
        stage_.Step(MakeTokenRequest{request, Who(), id, "a", Some(), false, RegistryStage::Secret(static_cast<uint8_t>(request))});
        break;
      case 4:
        stage_.Step(ChangeToken{request, Who(), id, "b", Some(), random_.Chance(0.2), Some(VersionOf(id))});
        break;
      case 5:
        stage_.Step(RotateToken{request, Who(), id, RegistryStage::Secret(static_cast<uint8_t>(request)), 1000, Some(VersionOf(id))});
        break;
      case 6:
        stage_.Step(RemoveToken{request, Who(), id, Some(VersionOf(id))});
        break;
      case 7:
        stage_.Step(PutSigningKey{request, Who(), name, {"key", SigningKind::kHmac, std::string(32, 'k'), {}, {}}, 60'000});
        break;
      default:
        stage_.Step(TokenUsed{id});
        return;
    }
  }

  /// Cores answer what they were asked for, in any order.
  void AnswerCores() {
    for (NamespaceNumber number : std::exchange(open_closes_, {})) stage_.Step(NamespaceClosed{number, {random_.Below(2)}});
    std::set<NamespaceNumber> later;
    for (NamespaceNumber number : open_drains_) {
      if (random_.Chance(0.3)) later.insert(number);
      else stage_.Step(NamespaceDrained{number, {.accepted = 1u << number % 20, .cancelled = 1u << number % 20}});
    }
    open_drains_ = later;
  }

  void Hear() {
    for (; heard_closes_ < stage_.closes.size(); ++heard_closes_) open_closes_.insert(stage_.closes[heard_closes_]);
    for (; heard_drains_ < stage_.drains.size(); ++heard_drains_) {
      const NamespaceNumber number = stage_.drains[heard_drains_];
      // It is told only of what is marked durably.
      REQUIRE(stage_.rows.spaces.contains(number));
      REQUIRE(stage_.rows.spaces.at(number)->deleting);
      open_drains_.insert(number);
    }
    for (const auto& [request, reply] : stage_.replies) {
      if (!heard_replies_.insert(request).second || !reply.status.ok()) continue;
      // I1: what a reply shows is durable by then.
      const uint64_t version = reply.token ? reply.token->version : reply.space ? reply.space->version : 0;
      REQUIRE(version <= stage_.rows.head.version);
      acked_ = std::max(acked_, version);
      if (reply.token) acked_tokens_[version] = reply.token;
    }
  }

  void Check() {
    // I2, of numbers: no number under two names, and none above the next.
    for (const auto& [number, row] : stage_.rows.spaces) {
      auto [known, is_new] = numbers_.emplace(number, row->created_at.ms);
      REQUIRE(known->second == row->created_at.ms);
      REQUIRE(number < stage_.rows.head.next_number);
    }
    // I2, of versions: the same version, the same row.
    for (const auto& [id, row] : stage_.rows.tokens) {
      REQUIRE(row->version <= stage_.rows.head.version);
      auto [known, is_new] = versions_.emplace(row->version, id);
      REQUIRE(known->second == id);
    }
    // I1, of what is published: it is what the durable rows say, all of it.
    const AccessTable& table = *stage_.published;
    REQUIRE(table.tokens() == stage_.rows.tokens.size());
    REQUIRE(table.namespaces() == stage_.rows.spaces.size());
    for (const auto& [id, row] : stage_.rows.tokens) REQUIRE(*table.FindToken(id) == *row);
    for (const auto& [number, row] : stage_.rows.spaces) REQUIRE(*table.FindNamespace(row->name) == *row);
    // I3, I4.
    REQUIRE(table.FindNamespace("default")->number == kDefaultNumber);
    REQUIRE(table.FindNamespace("system")->number == kSystemNumber);
    for (const auto& [id, row] : stage_.rows.tokens) {
      for (const std::string& name : row->grant.namespaces.names) {
        REQUIRE(table.FindNamespace(name) != nullptr);
        REQUIRE_FALSE(table.FindNamespace(name)->deleting);
      }
    }
    for (const auto& [id, used_at] : stage_.rows.uses) REQUIRE(stage_.rows.tokens.contains(id));
    // I6: those that went are in the sums, once each.
    uint64_t removed = 0;
    for (const auto& [number, created] : numbers_)
      if (!stage_.rows.spaces.contains(number)) removed += 1u << number % 20;
    REQUIRE(stage_.rows.head.removed.accepted == removed);
    REQUIRE(stage_.rows.head.removed.cancelled == removed);
  }

  void Crash() {
    // A crash keeps any number of the batches on their way, from the front.
    for (size_t kept = random_.Below(stage_.batches.size() + 1); kept > 0; --kept) {
      stage_.rows.Apply(stage_.batches.front());
      stage_.batches.pop_front();
    }
    open_closes_.clear();
    open_drains_.clear();
    heard_closes_ = stage_.closes.size();
    stage_.Start();
    stage_.CommitAll();
    size_t deleting = 0;
    for (const auto& [number, row] : stage_.rows.spaces) deleting += row->deleting;
    REQUIRE(stage_.drains.size() - heard_drains_ >= deleting);
    // What was acknowledged is still there, or something came after it.
    REQUIRE(stage_.rows.head.version >= acked_);
    for (const auto& [version, row] : acked_tokens_) {
      const auto kept = stage_.rows.tokens.find(row->id);
      if (kept != stage_.rows.tokens.end() && kept->second->version == version) REQUIRE(*kept->second == *row);
      else REQUIRE(stage_.rows.head.version > version);
    }
  }

  void CheckEnd() {
    for (const auto& [number, row] : stage_.rows.spaces) REQUIRE_FALSE(row->deleting);
    size_t good = 0;
    for (const auto& [request, reply] : stage_.replies) good += reply.status.ok();
    REQUIRE(good > 5);
  }

  Random random_;
  RegistryStage stage_;
  uint64_t last_request_ = 0;
  std::set<uint64_t> heard_replies_;
  uint64_t acked_ = 0;                                                // the highest version that was acknowledged
  std::map<uint64_t, std::shared_ptr<const TokenRow>> acked_tokens_;  // by version
  std::map<NamespaceNumber, int64_t> numbers_;                        // ever seen durable, by when made
  std::map<uint64_t, std::string> versions_;
  std::set<NamespaceNumber> open_closes_, open_drains_;
  size_t heard_closes_ = 0, heard_drains_ = 0;
};

TEST_CASE("registry: whatever comes, and wherever it crashes, what was promised holds") {
  const uint64_t seed = GENERATE(range(1, 201));
  CAPTURE(seed);
  Simulation(seed).Run(400);
}

}  // namespace
}  // namespace notifyd
