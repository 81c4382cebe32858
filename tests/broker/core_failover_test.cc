// Services in the core: an attempt that found no connection goes on to other instances in its round.
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/service_rig.h"

using namespace notifyd;

namespace {

using Rig = ServiceRig;

}  // namespace

TEST_CASE("core services: an attempt that found no connection goes to others at once, and the round counts once") {
  Rig f;
  Rig::Fields fields = Rig::To();
  fields.retry = Waits({1'000}, 1'000);
  fields.retry->max_attempts = 2;
  for (const char* id : {"a", "b", "c", "d", "e"}) f.Register(id);
  NotifyId id = f.Send(fields);
  for (int round = 0; round < 2; ++round) {
    std::set<std::string> tried;
    for (uint32_t i = 0; i < 4; ++i) {  // the first, and three others
      REQUIRE(f.starts.size() == 1);
      CHECK(f.starts[0].number == static_cast<uint32_t>(round) * 4 + i + 1);
      tried.insert(f.starts[0].instance->id);
      f.Unreached(f.starts[0]);
    }
    CHECK(tried.size() == 4);
    CHECK(f.starts.empty());
    if (round == 0) {
      CHECK(f.State(id).phase == Phase::kRetrying);
      f.Pass(1'000);
    }
  }
  CHECK(f.State(id).phase == Phase::kFailed);
  CHECK(f.State(id).attempts_made == 8);
  CHECK(f.Balances());
}

TEST_CASE("core services: each round at instances of which none is reached tries all of them, whichever ended the round before") {
  Rig f;
  const std::vector<std::string> instances = GENERATE(std::vector<std::string>{"a", "b"}, std::vector<std::string>{"a", "b", "c"});
  Rig::Fields fields = Rig::To();
  fields.retry = Waits({1'000}, 1'000);
  fields.retry->max_attempts = 3;
  for (const std::string& id : instances) f.Register(id);
  const NotifyId id = f.Send(fields);
  std::string last;
  for (int round = 0; round < 3; ++round) {
    if (round > 0) f.Pass(1'000);
    std::vector<std::string> tried;
    for (; !f.starts.empty(); f.Unreached(f.starts[0])) tried.push_back(f.starts[0].instance->id);
    REQUIRE(tried.size() == instances.size());
    CHECK(std::set<std::string>(tried.begin(), tried.end()).size() == instances.size());
    CHECK(tried.front() != std::exchange(last, tried.back()));
  }
  CHECK(f.State(id).phase == Phase::kFailed);
  CHECK(f.State(id).attempts_made == 3 * instances.size());
}
