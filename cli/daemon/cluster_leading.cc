// What ClusterHost does where this member leads: takes the registry where nobody has it, places namespaces, and gives it all up where another member is
// to lead, so that one that is cut off from the others, or drained, need not be stopped for that.
#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "cli/daemon/cluster_host.h"

namespace notifyd {
namespace {

/// Between two tries to read what it leads.
constexpr std::chrono::milliseconds kAgain{25};
/// What the registry summoned stays here for so long, so that it may answer.
constexpr int64_t kSummonedMs = 5'000;
constexpr size_t kMovesKept = 100;

}  // namespace

/// False: this ends, or it is not known yet.
bool ClusterHost::LearnRegistry(bool leads) {
  const uint64_t version = membership_.image().registry;
  Result<RegistryImage> image = store_->ReadRegistry();
  if (!image.ok()) return false;
  if (!AwaitDone([&](std::function<void()> then) { setup_.registry(*std::move(image), leads, std::move(then)); })) return false;
  registry_ = version;
  return true;
}

void ClusterHost::AcquireRegistry() {
  const std::vector<int64_t> wanted = membership_.ToAcquire();
  if (wanted.empty() || wanted.front() != kRegistryUnit || departing()) return;
  if (!store_->Lead().ok()) return;
  // From here on nobody else changes it: what is read now is all there is.
  const int64_t since = SinceNow();
  membership_.Acquired(kRegistryUnit);
  while (!LearnRegistry(true)) {
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, kAgain, [this] { return ending_; })) return;
  }
  placement_.emplace(setup_.now());
  leads_since_ = since;
  Log(LogLevel::kInfo, "this member leads", {{"member", setup_.name}});
}

void ClusterHost::PlaceAll() {
  if (!placement_) return;
  PlacementView view = membership_.View(setup_.namespaces(), LeavingMembers());
  std::set<NamespaceNumber> summoned;
  {
    std::lock_guard lock(mutex_);
    const MonoTime now = setup_.now();
    for (const auto& [number, events] : summoned_) summoned_until_[number] = {now.ms + kSummonedMs};
    std::erase_if(summoned_until_, [&](const auto& each) { return each.second <= now; });
    for (const auto& [number, until] : summoned_until_) summoned.insert(number);
  }
  for (PlacedNamespace& space : view.namespaces) space.with_leader |= space.number == kSystemNumber || summoned.contains(space.number);
  const std::vector<PlacementMove> moves = placement_->Decide(setup_.now(), view);
  LogCutOff();
  if (moves.empty() || !store_->Place(moves).ok()) return;
  moves_made_ += moves.size();
  TellOthersToLook();
  std::lock_guard lock(mutex_);
  for (const PlacementMove& move : moves) {
    moves_.push_front({setup_.wall(), move.number, move.from, move.to});
    Log(LogLevel::kInfo, "namespace placed", {{"namespace", move.number}, {"from", move.from}, {"to", move.to}});
  }
  if (moves_.size() > kMovesKept) moves_.resize(kMovesKept);
  kicked_ = true;
}

void ClusterHost::LogCutOff() {
  std::set<std::string> now = placement_->cut_off();
  for (const std::string& name : now) {
    if (cut_off_.contains(name)) continue;
    std::string by;
    for (const MemberRow& member : membership_.image().members)
      if (member.reach.unreached.contains(name)) by += (by.empty() ? "" : ", ") + member.name;
    Log(LogLevel::kWarn, "a member is cut off", {{"member", name}, {"by", by}});
  }
  for (const std::string& name : cut_off_)
    if (!now.contains(name) && membership_.FindAlive(name)) Log(LogLevel::kInfo, "a member is cut off no more", {{"member", name}});
  cut_off_ = std::move(now);
}

/// What only the leader does ends first, while it is served on: what was begun is written and answered, no namespace is on its way to another cell,
/// nothing is removed. Then the registry is nobody's (ReleaseLeft), and whoever is to lead takes it; `system` follows, as all that moves does.
void ClusterHost::Yield() {
  if (placement_ && !yielding_ && !departing()) {
    const bool cut_off = placement_->cut_off().contains(setup_.name);
    if (!membership_.ToYield(cut_off, LeavingMembers())) return;
    yielding_ = true;
    leads_since_ = kNotHere;
    const char* const why = cut_off ? "most other members do not reach it" : "it is drained";
    Log(LogLevel::kInfo, "this member gives up leading", {{"member", setup_.name}, {"detail", why}});
    setup_.yield([this] {
      {
        std::lock_guard lock(mutex_);
        yielded_ = true;
      }
      Kick();
    });
  }
  {
    std::lock_guard lock(mutex_);
    if (!std::exchange(yielded_, false)) return;
  }
  yielding_ = false;
  placement_.reset();
  cut_off_.clear();
  store_->EndLead();
  membership_.Leave(kRegistryUnit);
  membership_.Left(kRegistryUnit);
  Kick();
}

}  // namespace notifyd
