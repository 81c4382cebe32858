// Several members over a store that answers late, once or never, and that stand still longer than their lease: which of them serves which unit.
// Negative controls must be caught.
#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "broker/cluster_rows.h"
#include "broker/membership.h"
#include "broker/seeds.h"

using namespace notifyd;

namespace {

struct MemberFaults {
  LeaseTimes times;
  LeadTimes lead_times;
  bool fence = true;
  bool lossy = true;          // what is asked of the store is late or lost, members stand still, and the store is down now and then
  bool drains = true;         // members are drained now and then, and cut off from others
  bool away = false;          // a member does not reach the store for a while now and then
  bool places = false;        // whoever leads places units, by Placement; else they are placed anywhere, by nobody
  bool blind = false;         // whoever places does not see who falters, nor what nobody serves
  int64_t words_back_ms = 0;  // what was heard is counted from so long before
};

struct MemberFindings {
  int both = 0;     // moments at which two could act for one unit
  int mixed = 0;    // batches that were written behind a later owner's acquisition
  int written = 0;  // batches
  int buried = 0, handed = 0, heard = 0, yielded = 0;
  int64_t leaderless_ms = 0;  // for so long at most nobody could act as the leader while one was there all the time that reached the store
  int64_t unowned_ms = 0;     // for so long at most nobody had a unit by the store while one led all the time that reached it
  int placed = 0;             // units that a leader placed
  bool calm = true;           // with all faults over, each unit is served where it is placed, and one leads
  MemberFindings& operator+=(const MemberFindings& other) {
    both += other.both;
    mixed += other.mixed;
    written += other.written;
    buried += other.buried;
    handed += other.handed;
    heard += other.heard;
    yielded += other.yielded;
    leaderless_ms = std::max(leaderless_ms, other.leaderless_ms);
    unowned_ms = std::max(unowned_ms, other.unowned_ms);
    placed += other.placed;
    calm = calm && other.calm;
    return *this;
  }
  bool well() const { return calm; }
};

constexpr int64_t kUnits = 4;

/// Members with clocks of their own over one store. Every request and answer takes its time, may be lost, or done long after it was given up.
class MemberWorld {
 public:
  MemberWorld(uint64_t seed, const MemberFaults& faults) : random_(seed), judging_(seed + 1'000'000), faults_(faults) {
    const size_t count = 2 + random_.Below(3);
    for (size_t i = 0; i < count; ++i) {
      auto member = std::make_unique<Process>();
      member->name = "m" + std::to_string(i);
      member->rate = 0.96 + 0.08 * random_.Unit();
      member->offset_ms = static_cast<int64_t>(random_.Below(1'000'000));
      member->drawn = (i + 1) * 1'000'000;
      Begin(member.get(), std::nullopt);
      members_.push_back(std::move(member));
    }
  }

  MemberFindings Run() {
    for (; now_ms_ < 120'000; now_ms_ += 10) Step(faults_.lossy, true);
    for (; now_ms_ < 170'000; now_ms_ += 10) Step(false, false);
    for (int64_t unit = kRegistryUnit; unit < kUnits; ++unit) {
      const UnitRow* row = rows_.Unit(unit);
      for (const auto& member : members_)
        if (unit != kRegistryUnit && Acts(*member, unit) != (row->placed == member->name)) found_.calm = false;
      if (Actors(unit) != 1) found_.calm = false;
    }
    return found_;
  }

 private:
  /// What it asks of the store for its own lease, or for units: one at a time of each.
  struct Line {
    int64_t gives_up_at_ms = -1;
    uint64_t request = 0;
    std::function<void()> answer, give_up;
    int64_t answer_at_ms = -1;
  };
  struct Process {
    std::string name;
    double rate = 1;
    int64_t offset_ms = 0;
    uint64_t drawn = 0;
    int64_t stands_until_ms = 0, away_until_ms = 0;
    int64_t well_since_ms = -1;  // it could lead; below 0: it could not
    std::unique_ptr<Ownership> owner;
    std::unique_ptr<Membership> membership;
    bool owned = false;
    Line lease, units;
    std::map<std::string, std::pair<MonoTime, OwnerWord>> heard;  // since the last look was asked for
    std::map<int64_t, uint64_t> epochs;                           // of what it acquired
    std::map<int64_t, int64_t> leaves_at_ms;                      // of what it leaves
    std::optional<Placement> placement;                           // since it leads
    std::vector<PlacementMove> moves;                             // that it decided, and did not ask for yet
    int64_t look_at_ms = 0;
    bool looked = false;
    MonoTime Clock(int64_t now_ms) const { return {offset_ms + static_cast<int64_t>(static_cast<double>(now_ms) * rate)}; }
  };

  /// A process takes the place of the one before.
  void Begin(Process* member, std::optional<OwnerWord> inherited) {
    for (Line* line : {&member->lease, &member->units}) *line = {-1, line->request + 1, {}, {}, -1};
    member->owner = std::make_unique<Ownership>(faults_.times, [member] { return Incarnation{7, ++member->drawn}; });
    if (inherited) member->owner->Inherit(*inherited);
    member->membership = std::make_unique<Membership>(member->name, faults_.times, faults_.lead_times);
    member->owned = member->looked = false;
    member->epochs.clear();
    member->leaves_at_ms.clear();
    member->heard.clear();
    member->placement.reset();
    member->moves.clear();
  }

  bool Acts(const Process& member, int64_t unit) const { return member.owner->MayAct(member.Clock(now_ms_)) && member.membership->Serves(unit); }
  int Actors(int64_t unit) const {
    return static_cast<int>(std::count_if(members_.begin(), members_.end(), [&](const auto& each) { return Acts(*each, unit); }));
  }

  /// `faulty`: see MemberFaults::lossy. `judged`: members are drained, cut off and away.
  void Step(bool faulty, bool judged) {
    if (faulty && random_.Chance(0.0008)) down_until_ms_ = now_ms_ + static_cast<int64_t>(random_.Below(9'000));
    // Whoever leads places.
    if (!faults_.places && random_.Chance(judged ? 0.005 : now_ms_ < 130'000 ? 0.002 : 0))
      rows_.Unit(static_cast<int64_t>(random_.Below(kUnits)))->placed = members_[random_.Below(members_.size())]->name;
    Judge(judged);
    for (int64_t unit = 0; faults_.places && judged && unit < kUnits; ++unit)
      if (judging_.Chance(0.002)) rows_.Unit(unit)->load = judging_.Below(100);
    for (int64_t unit = 0; now_ms_ >= 130'000 && unit < kUnits; ++unit)
      if (rows_.Unit(unit)->placed.empty()) rows_.Unit(unit)->placed = members_[0]->name;
    while (!arrivals_.empty() && arrivals_.begin()->first <= now_ms_) {
      const std::function<void()> arrive = arrivals_.begin()->second;
      arrivals_.erase(arrivals_.begin());
      arrive();
    }
    for (auto& member : members_) Turn(member.get(), faulty);
    for (int64_t unit = kRegistryUnit; unit < kUnits; ++unit)
      if (Actors(unit) > 1) ++found_.both;
    Watch();
  }

  /// Notes for how long nobody leads though somebody could.
  void Watch() {
    if (Actors(kRegistryUnit) > 0) led_at_ms_ = now_ms_;
    bool led_well = false;
    for (auto& member : members_) {
      const bool reaches = now_ms_ >= std::max({member->stands_until_ms, member->away_until_ms, down_until_ms_});
      const bool well = reaches && member->owned && member->owner->MayAct(member->Clock(now_ms_));
      if (!well) member->well_since_ms = -1;
      else if (member->well_since_ms < 0) member->well_since_ms = now_ms_;
      led_well = led_well || (well && Acts(*member, kRegistryUnit));
      if (well) found_.leaderless_ms = std::max(found_.leaderless_ms, now_ms_ - std::max(led_at_ms_, member->well_since_ms));
    }
    if (faults_.places) WatchUnits(led_well);
  }

  /// The same of each unit that somebody gave up, or whose owner was buried: whoever leads could take it.
  void WatchUnits(bool led_well) {
    if (!led_well) led_well_since_ms_ = now_ms_;
    for (int64_t unit = 0; unit < kUnits; ++unit) {
      if (Actors(unit) > 0 || rows_.OwnerOf(*rows_.Unit(unit))) owned_at_ms_[unit] = now_ms_;
      found_.unowned_ms = std::max(found_.unowned_ms, now_ms_ - std::max(owned_at_ms_[unit], led_well_since_ms_));
    }
  }

  /// Who is drained, and what each says of whom it does not reach.
  void Judge(bool judged) {
    for (auto& member : members_)
      if (judged && faults_.away && (!faults_.places || !SomebodyIsAway()) && judging_.Chance(0.0005))
        member->away_until_ms = now_ms_ + static_cast<int64_t>(judging_.Below(20'000));
    for (MemberRow& member : rows_.image.members) {
      if (!judged) member.draining = false;
      if (!judged) member.reach = {};
      if (!judged || !faults_.drains || !judging_.Chance(0.0005)) continue;
      member.draining = judging_.Chance(0.3);
      member.reach = {true, {}};
      if (judging_.Chance(0.5)) member.reach.unreached = {members_[judging_.Below(members_.size())]->name};
    }
  }

  bool SomebodyIsAway() const {
    return std::any_of(members_.begin(), members_.end(), [&](const auto& each) { return now_ms_ < each->away_until_ms; });
  }

  void Turn(Process* member, bool faulty) {
    if (faulty && random_.Chance(0.001)) member->stands_until_ms = now_ms_ + static_cast<int64_t>(random_.Below(12'000));
    if (now_ms_ < member->stands_until_ms) return;
    const MonoTime clock = member->Clock(now_ms_);
    for (Line* line : {&member->lease, &member->units}) Receive(line);
    // Once its lease is over, or another's, it begins anew.
    if (member->owned && !member->owner->MayAct(clock)) return Begin(member, member->owner->word());
    member->owned = member->owner->MayAct(clock);
    if (std::optional<OwnerAsk> ask = member->owner->Ask(clock)) {
      Send<std::pair<OwnerAnswer, OwnerWord>>(
          member, &member->lease, faulty, [this, member, ask] { return rows_.Do(member->name, *ask); },
          [this, member, ask, faulty](const auto& outcome) {
            member->owner->Answer(member->Clock(now_ms_), outcome.first, outcome.second);
            if (ask->kind == OwnerAsk::Kind::kRenew && outcome.first == OwnerAnswer::kYes) SayRenewed(*member, faulty);
          },
          [this, member] { member->owner->Answer(member->Clock(now_ms_), OwnerAnswer::kUnknown); });
    }
    if (!member->owned) return;
    if (member->units.gives_up_at_ms < 0) AskForUnits(member, faulty);
    EndLeaves(member);
    for (const auto& [unit, epoch] : member->epochs)
      if (Acts(*member, unit) && random_.Chance(0.02)) Write(member, unit, epoch, faulty);
  }

  /// To all others; each hears it soon, late, or never.
  void SayRenewed(const Process& member, bool faulty) {
    const OwnerWord word = member.owner->word();
    for (auto& other : members_) {
      if (other->name == member.name || random_.Chance(0.3)) continue;
      const int64_t there_ms = static_cast<int64_t>(random_.Below(faulty && random_.Chance(0.2) ? 8'000 : 30));
      arrivals_.emplace(now_ms_ + there_ms, [this, to = other.get(), name = member.name, word] {
        to->heard[name] = {{to->Clock(now_ms_).ms - faults_.words_back_ms}, word};
        ++found_.heard;
      });
    }
  }

  void Receive(Line* line) {
    if (line->answer && line->answer_at_ms <= now_ms_) {
      line->gives_up_at_ms = -1;
      std::exchange(line->answer, nullptr)();
    } else if (line->gives_up_at_ms >= 0 && line->gives_up_at_ms <= now_ms_) {
      ++line->request;
      line->answer = nullptr;
      line->gives_up_at_ms = -1;
      if (line->give_up) line->give_up();
    }
  }

  void AskForUnits(Process* member, bool faulty) {
    Membership* membership = member->membership.get();
    const OwnerWord word = member->owner->word();
    const std::vector<MemberRow> gone = membership->ToBury(member->Clock(now_ms_));
    const std::vector<int64_t> wanted = membership->ToAcquire();
    const std::vector<UnitRow> left = membership->ToRelease();
    if (!member->moves.empty()) {
      Send<bool>(
          member, &member->units, faulty, [this, moves = std::exchange(member->moves, {}), word] { return Place(moves, word); }, [](bool) {}, {});
      return;
    }
    // What was seen is asked for once, then it looks again.
    if (!member->looked || (gone.empty() && wanted.empty() && left.empty())) {
      if (now_ms_ < member->look_at_ms) return;
      member->look_at_ms = now_ms_ + (faults_.places && membership->moving() ? 100 : 500);
      for (const auto& [name, said] : member->heard) membership->Heard(said.first, name, said.second);
      member->heard.clear();
      Send<ClusterImage>(
          member, &member->units, faulty, [this] { return rows_.image; },
          [this, member, word](const ClusterImage& image) {
            member->membership->Seen(member->Clock(now_ms_), word.incarnation, image);
            member->looked = true;
            Decide(member);
          },
          {});
      return;
    }
    member->looked = false;
    if (!gone.empty()) {
      Send<bool>(
          member, &member->units, faulty, [this, row = gone[0]] { return rows_.Bury(row) && ++found_.buried > 0; }, [](bool) {}, {});
    } else if (!wanted.empty()) {
      Send<uint64_t>(
          member, &member->units, faulty, [this, word, unit = wanted[0]] { return rows_.Acquire(word, unit); },
          [member, unit = wanted[0]](uint64_t epoch) {
            if (epoch == 0) return;
            member->membership->Acquired(unit);
            member->epochs[unit] = epoch;
          },
          {});
    } else {
      Send<bool>(
          member, &member->units, faulty, [this, row = left[0]] { return rows_.Release(row) && ++found_.handed > 0; }, [](bool) {}, {});
    }
  }

  /// What whoever leads places anew, by what it saw just now.
  void Decide(Process* member) {
    if (!faults_.places) return;
    if (!member->membership->leads()) return member->placement.reset();
    const MonoTime clock = member->Clock(now_ms_);
    // Often, so that much of it meets a fault.
    if (!member->placement) member->placement.emplace(clock, PlacementRules{.every_ms = 500, .quiet_ms = 1'000, .rest_ms = 0, .slack_share = 0});
    std::vector<PlacedNamespace> namespaces;
    for (int64_t unit = 0; unit < kUnits; ++unit) namespaces.push_back({static_cast<NamespaceNumber>(unit), {}});
    PlacementView view = member->membership->View(std::move(namespaces), {});
    for (PlacementMember& each : view.members) each.falters = each.falters && !faults_.blind;
    for (PlacedNamespace& each : view.namespaces) each.served = each.served || faults_.blind;
    member->moves = member->placement->Decide(clock, view);
  }

  /// Only whoever has the registry.
  bool Place(const std::vector<PlacementMove>& moves, const OwnerWord& as) {
    if (rows_.Unit(kRegistryUnit)->owner != as.incarnation) return false;
    for (const PlacementMove& move : moves) rows_.Unit(move.number)->placed = move.to;
    found_.placed += static_cast<int>(moves.size());
    return true;
  }

  void EndLeaves(Process* member) {
    if (judging_.Chance(0.05) && member->membership->ToYield(judging_.Chance(0.5), {})) {
      member->membership->Leave(kRegistryUnit);
      member->leaves_at_ms[kRegistryUnit] = now_ms_ + static_cast<int64_t>(judging_.Below(2'000));
      ++found_.yielded;
    }
    for (int64_t unit : member->membership->ToLeave()) {
      member->membership->Leave(unit);
      member->leaves_at_ms[unit] = now_ms_ + static_cast<int64_t>(random_.Below(2'000));
    }
    for (auto each = member->leaves_at_ms.begin(); each != member->leaves_at_ms.end();) {
      if (each->second > now_ms_) {
        ++each;
        continue;
      }
      member->membership->Left(each->first);
      member->epochs.erase(each->first);
      each = member->leaves_at_ms.erase(each);
    }
  }

  void Write(Process* member, int64_t unit, uint64_t epoch, bool faulty) {
    const int64_t late_ms = faulty && random_.Chance(0.2) ? static_cast<int64_t>(random_.Below(15'000)) : static_cast<int64_t>(random_.Below(20));
    arrivals_.emplace(now_ms_ + late_ms, [this, unit, epoch, as = member->owner->word().incarnation] {
      const UnitRow* row = rows_.Unit(unit);
      const bool own = row->epoch == epoch && row->owner == as;
      if (faults_.fence && !own) return;
      ++found_.written;
      if (!own) ++found_.mixed;
    });
  }

  template <class Outcome>
  void Send(Process* member, Line* line, bool faulty, std::function<Outcome()> does, std::function<void(const Outcome&)> then,
            std::function<void()> give_up) {
    line->gives_up_at_ms = now_ms_ + 1'500;
    line->give_up = std::move(give_up);
    if (now_ms_ < member->away_until_ms) return;
    if (faulty && (now_ms_ < down_until_ms_ || random_.Chance(0.1))) {
      // Lost, or done when nobody counts on it any more.
      if (random_.Chance(0.5)) arrivals_.emplace(now_ms_ + static_cast<int64_t>(random_.Below(15'000)), [does] { does(); });
      return;
    }
    const int64_t there_ms = static_cast<int64_t>(random_.Below(faulty ? 900 : 20)), back_ms = static_cast<int64_t>(random_.Below(faulty ? 900 : 20));
    arrivals_.emplace(now_ms_ + there_ms, [this, line, request = line->request, back_ms, does, then] {
      const Outcome outcome = does();
      if (request != line->request) return;
      line->answer = [then, outcome] { then(outcome); };
      line->answer_at_ms = now_ms_ + back_ms;
    });
  }

  Random random_, judging_;
  const MemberFaults faults_;
  std::vector<std::unique_ptr<Process>> members_;
  std::multimap<int64_t, std::function<void()>> arrivals_;
  ClusterRows rows_;
  int64_t now_ms_ = 0, down_until_ms_ = 0, led_at_ms_ = 0, led_well_since_ms_ = 0;
  std::map<int64_t, int64_t> owned_at_ms_;  // by unit: when somebody had it last
  MemberFindings found_;
};

MemberFindings RunMembers(uint64_t count, const MemberFaults& faults) {
  return SumOfSeeds(count, [&](uint64_t seed) { return MemberWorld(seed, faults).Run(); });
}

}  // namespace

TEST_CASE("membership: several members over a store that answers late, once or never: a unit has one at most that acts, and none writes behind it") {
  const MemberFindings found = RunMembers(100, {});
  CHECK(found.both == 0);
  CHECK(found.mixed == 0);
  CHECK(found.calm);
  CHECK(found.buried > 100);
  CHECK(found.handed > 500);
  CHECK(found.written > 10'000);
  CHECK(found.heard > 10'000);
  CHECK(found.yielded > 50);
}

namespace {

/// For how long at most nobody leads who could: a leader that goes without a word is buried by then, or what one gave up is taken by any.
constexpr int64_t kLeaderlessMostMs = 10'000;

MemberFaults NotReached() {
  MemberFaults faults;
  faults.lossy = false;
  faults.away = true;
  return faults;
}

}  // namespace

TEST_CASE("membership: members that are drained, cut off, or do not reach the store for a while: somebody leads soon where one could") {
  const MemberFindings found = RunMembers(300, NotReached());
  CHECK(found.both == 0);
  CHECK(found.calm);
  CHECK(found.yielded > 50);
  CHECK(found.leaderless_ms <= kLeaderlessMostMs);
}

TEST_CASE("membership: members that leave the leading to one that is alive by its row, though it does not come, are caught") {
  MemberFaults faults = NotReached();
  faults.lead_times.fit_first_ms = 1'000'000;
  CHECK(RunMembers(300, faults).leaderless_ms > kLeaderlessMostMs);
}

namespace {

/// For how long at most nobody has what somebody gave up, where one leads: whoever was to have it has not renewed its lease for three seconds by
/// then.
constexpr int64_t kUnownedMostMs = 4'000;

MemberFaults Placed() {
  MemberFaults faults = NotReached();
  faults.places = true;
  return faults;
}

}  // namespace

TEST_CASE("membership: what is given up for a member that then does not reach the store is another one's soon, wherever somebody leads") {
  const MemberFindings found = RunMembers(100, Placed());
  CHECK(found.both == 0);
  CHECK(found.calm);
  CHECK(found.placed > 3'000);
  CHECK(found.handed > 2'000);
  CHECK(found.unowned_ms <= kUnownedMostMs);
}

TEST_CASE("membership: a leader that does not see who renews its lease, nor what nobody has, is caught") {
  MemberFaults faults = Placed();
  faults.blind = true;
  CHECK(RunMembers(100, faults).unowned_ms > kUnownedMostMs);
}

TEST_CASE("membership: one that counts what it was told from before it heard it is caught") {
  MemberFaults faults;
  faults.words_back_ms = 5'000;
  faults.drains = false;
  CHECK(RunMembers(60, faults).both > 0);
}

TEST_CASE("membership: one that buries another before its lease is over is caught") {
  MemberFaults faults;
  faults.times.stale_ms = 3'000;
  CHECK(RunMembers(60, faults).both > 0);
}

TEST_CASE("membership: a store without the fence is caught") {
  MemberFaults faults;
  faults.fence = false;
  CHECK(RunMembers(30, faults).mixed > 0);
}
