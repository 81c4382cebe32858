// Which of several brokers serves which unit of a store: cases by themselves, then several members over a store that answers late, once or never, and
// that stand still longer than their lease. Two negative controls must be caught.
#include "broker/membership.h"

#include <catch2/catch.hpp>
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"

using namespace notifyd;

namespace {

/// What the store does with what it is asked, where it does it.
class ClusterRows {
 public:
  ClusterImage image;

  MemberRow* Find(const std::string& name) {
    for (MemberRow& member : image.members)
      if (member.name == name) return &member;
    MemberRow row;
    row.name = name;
    return &*image.members.insert(image.members.end(), row);
  }
  UnitRow* Unit(int64_t number) {
    auto found = std::find_if(image.units.begin(), image.units.end(), [&](const UnitRow& row) { return row.unit >= number; });
    if (found != image.units.end() && found->unit == number) return &*found;
    return &*image.units.insert(found, UnitRow{number, 0, {}, ""});
  }
  const MemberRow* OwnerOf(const UnitRow& unit) const {
    for (const MemberRow& member : image.members)
      if (!member.word.free && unit.owner != Incarnation() && member.word.incarnation == unit.owner) return &member;
    return nullptr;
  }

  std::pair<OwnerAnswer, OwnerWord> Do(const std::string& name, const OwnerAsk& ask) {
    OwnerWord* row = &Find(name)->word;
    const bool same = row->epoch == ask.seen.epoch && row->incarnation == ask.seen.incarnation && row->free == ask.seen.free;
    switch (ask.kind) {
      case OwnerAsk::Kind::kLook:
        return {OwnerAnswer::kYes, *row};
      case OwnerAsk::Kind::kAcquire:
        if (!same || (!ask.own && row->renewal != ask.seen.renewal)) return {OwnerAnswer::kNo, {}};
        // What it had it has again.
        for (UnitRow& unit : image.units)
          if (!row->free && unit.owner == row->incarnation) unit = {unit.unit, unit.epoch + 1, ask.incarnation, unit.placed};
        *row = {row->epoch + 1, row->renewal + 1, ask.incarnation, false};
        return {OwnerAnswer::kYes, *row};
      case OwnerAsk::Kind::kRenew:
        if (!same) return {OwnerAnswer::kNo, {}};
        ++row->renewal;
        return {OwnerAnswer::kYes, *row};
      case OwnerAsk::Kind::kRelease:
        if (!same) return {OwnerAnswer::kNo, {}};
        row->free = true;
        return {OwnerAnswer::kYes, *row};
    }
    return {OwnerAnswer::kNo, {}};
  }
  bool Bury(const MemberRow& seen) {
    MemberRow* row = Find(seen.name);
    if (row->word != seen.word) return false;
    for (UnitRow& unit : image.units)
      if (unit.owner == row->word.incarnation) unit = {unit.unit, unit.epoch + 1, {}, unit.placed};
    ++row->word.epoch;
    row->word.free = true;
    return true;
  }
  /// The epoch; 0: it was not given.
  uint64_t Acquire(const OwnerWord& as, int64_t number) {
    const bool lives = std::any_of(image.members.begin(), image.members.end(), [&](const MemberRow& member) {
      return !member.word.free && member.word.incarnation == as.incarnation && member.word.epoch == as.epoch;
    });
    UnitRow* unit = Unit(number);
    const MemberRow* owner = OwnerOf(*unit);
    if (!lives || (owner && owner->word.incarnation != as.incarnation)) return 0;
    *unit = {number, unit->epoch + 1, as.incarnation, unit->placed};
    return unit->epoch;
  }
  bool Release(const UnitRow& seen) {
    UnitRow* unit = Unit(seen.unit);
    if (unit->epoch != seen.epoch || unit->owner != seen.owner) return false;
    *unit = {unit->unit, unit->epoch + 1, {}, unit->placed};
    return true;
  }
};

OwnerWord WordOf(uint64_t incarnation) {
  return {1, 1, {0, incarnation}, false};
}

}  // namespace

TEST_CASE("membership: what is placed here and is nobody's is asked for, and the registry where nobody leads") {
  ClusterRows rows;
  rows.Find("a")->word = WordOf(1);
  rows.Find("b")->word = WordOf(2);
  rows.image.units = {{0, 3, {0, 2}, "a"}, {2, 0, {}, "a"}, {3, 1, {0, 9}, "a"}, {4, 0, {}, "b"}, {5, 2, {0, 1}, "a"}};
  Membership a("a");
  a.Seen({0}, {0, 1}, rows.image);
  // The default one is still another's that is alive; 3's owner is gone; 5 is its own by an answer that was lost.
  CHECK(a.ToAcquire() == std::vector<int64_t>{kRegistryUnit, 2, 3, 5});
  CHECK(a.moving());
  a.Acquired(kRegistryUnit);
  a.Acquired(2);
  CHECK(a.leads());
  CHECK(a.Serves(2));
  CHECK(a.ToAcquire() == std::vector<int64_t>{3, 5});
}

TEST_CASE("membership: what is placed elsewhere is left, then released as it was seen last") {
  ClusterRows rows;
  rows.Find("a")->word = WordOf(1);
  rows.image.units = {{2, 4, {0, 1}, "b"}};
  Membership a("a");
  a.Acquired(2);
  a.Seen({0}, {0, 1}, rows.image);
  CHECK(a.ToLeave().empty());  // there is no b
  rows.Find("b")->word = WordOf(2);
  a.Seen({1}, {0, 1}, rows.image);
  REQUIRE(a.ToLeave() == std::vector<int64_t>{2});
  a.Leave(2);
  CHECK_FALSE(a.Serves(2));
  CHECK(a.ToLeave().empty());
  CHECK(a.ToRelease().empty());  // something of it is still under way
  a.Left(2);
  REQUIRE(a.ToRelease().size() == 1);
  CHECK(a.ToRelease()[0].epoch == 4);
  CHECK(rows.Release(a.ToRelease()[0]));
  CHECK_FALSE(rows.Release(a.ToRelease()[0]));
}

TEST_CASE("membership: a member is buried once it was not renewed for a lease and a tenth, never oneself, nor twice") {
  ClusterRows rows;
  rows.Find("a")->word = WordOf(1);
  rows.Find("b")->word = WordOf(2);
  Membership a("a");
  a.Seen({0}, {0, 1}, rows.image);
  a.Seen({6'000}, {0, 1}, rows.image);
  CHECK(a.ToBury({6'599}).empty());
  CHECK(a.NextBurial().ms == 6'600);
  REQUIRE(a.ToBury({6'600}).size() == 1);
  ++rows.Find("b")->word.renewal;
  CHECK_FALSE(rows.Bury(a.ToBury({6'600})[0]));
  a.Seen({6'700}, {0, 1}, rows.image);
  CHECK(a.ToBury({6'700}).empty());
  REQUIRE(a.ToBury({13'300}).size() == 1);
  CHECK(rows.Bury(a.ToBury({13'300})[0]));
  a.Seen({13'300}, {0, 1}, rows.image);
  CHECK(a.ToBury({30'000}).empty());
  CHECK_FALSE(a.FindAlive("b"));
}

TEST_CASE("membership: a lease that its member told of is counted from then, not from the next look; what comes late or is unknown changes nothing") {
  ClusterRows rows;
  rows.Find("a")->word = WordOf(1);
  rows.Find("b")->word = WordOf(2);
  Membership a("a");
  a.Heard({0}, "b", WordOf(2));  // before the store said so
  a.Seen({100}, {0, 1}, rows.image);
  CHECK(a.NextBurial().ms == 6'700);
  ++rows.Find("b")->word.renewal;
  const OwnerWord renewed = rows.Find("b")->word;
  a.Heard({2'000}, "b", renewed);
  CHECK(a.ToBury({9'000}).empty());  // the row is not seen yet as it was said to be
  a.Seen({2'400}, {0, 1}, rows.image);
  CHECK(a.NextBurial().ms == 8'600);
  a.Heard({3'000}, "b", WordOf(2));  // overtaken
  OwnerWord other = renewed;
  other.incarnation = {0, 9};
  ++other.renewal;
  a.Heard({3'000}, "b", other);
  a.Heard({3'000}, "b", renewed);  // once more
  a.Heard({3'000}, "c", renewed);
  CHECK(a.NextBurial().ms == 8'600);
  CHECK(a.ToBury({8'599}).empty());
  REQUIRE(a.ToBury({8'600}).size() == 1);
  CHECK(rows.Bury(a.ToBury({8'600})[0]));
}

TEST_CASE("membership: where the store has an older renewal than was told of, what it says counts, from when it was seen") {
  ClusterRows rows;
  rows.Find("a")->word = WordOf(1);
  rows.Find("b")->word = WordOf(2);
  Membership a("a");
  a.Seen({0}, {0, 1}, rows.image);
  OwnerWord lost = WordOf(2);
  ++lost.renewal;
  a.Heard({1'000}, "b", lost);
  a.Seen({1'500}, {0, 1}, rows.image);
  CHECK(a.NextBurial().ms == 8'100);
  rows.Find("b")->word = lost;  // the same number, renewed anew
  a.Seen({3'000}, {0, 1}, rows.image);
  CHECK(a.NextBurial().ms == 9'600);
}

TEST_CASE("membership: a leader that most others do not reach gives the registry up, and does not take it again before it is reached") {
  ClusterRows rows;
  for (const char* name : {"a", "b", "c"}) rows.Find(name)->word = WordOf(static_cast<uint64_t>(name[0]));
  const Incarnation a_owns{0, 'a'}, b_owns{0, 'b'};
  rows.image.units = {{kRegistryUnit, 3, a_owns, ""}, {kSystemNumber, 2, a_owns, "a"}, {2, 5, a_owns, "a"}};
  Membership a("a"), b("b");
  const auto look = [&] {
    a.Seen({0}, a_owns, rows.image);
    b.Seen({0}, b_owns, rows.image);
  };
  look();
  for (int64_t unit : {kRegistryUnit, int64_t{kSystemNumber}, int64_t{2}}) a.Acquired(unit);
  CHECK_FALSE(a.ToYield(/*cut_off=*/true, {}));
  rows.Find("b")->reach = {true, {"a"}};
  rows.Find("c")->reach = {true, {"a"}};
  look();
  CHECK_FALSE(a.ToYield(false, {}));  // it may be over in a moment
  CHECK(a.ToYield(true, {}));
  CHECK(a.ToRelease().empty());
  a.Leave(kRegistryUnit);
  CHECK_FALSE(a.leads());
  CHECK(a.ToRelease().empty());  // what it wrote as the leader is not all written
  CHECK(b.ToAcquire().empty());
  a.Left(kRegistryUnit);
  CHECK(a.ToAcquire().empty());
  REQUIRE(a.ToRelease().size() == 1);
  CHECK(a.ToRelease()[0].unit == kRegistryUnit);
  REQUIRE(rows.Release(a.ToRelease()[0]));
  look();
  CHECK(a.ToAcquire().empty());
  CHECK(b.ToAcquire() == std::vector<int64_t>{kRegistryUnit});
  // What is reached again may lead again.
  rows.Find("b")->reach = rows.Find("c")->reach = {true, {}};
  look();
  CHECK(a.ToAcquire() == std::vector<int64_t>{kRegistryUnit});
}

TEST_CASE("membership: a leader that is drained gives the registry up once it is emptied, and to nobody who is drained, too, or stops") {
  ClusterRows rows;
  for (const char* name : {"a", "b"}) rows.Find(name)->word = WordOf(static_cast<uint64_t>(name[0]));
  const Incarnation a_owns{0, 'a'};
  rows.image.units = {{kRegistryUnit, 3, a_owns, ""}, {kSystemNumber, 2, a_owns, "a"}, {2, 5, a_owns, "a"}};
  rows.Find("a")->draining = true;
  Membership a("a");
  a.Seen({0}, a_owns, rows.image);
  for (int64_t unit : {kRegistryUnit, int64_t{kSystemNumber}, int64_t{2}}) a.Acquired(unit);
  CHECK_FALSE(a.ToYield(false, {}));
  a.Leave(2);
  a.Left(2);
  CHECK(a.ToYield(false, {}));
  CHECK_FALSE(a.ToYield(false, {"b"}));
  rows.Find("b")->draining = true;
  a.Seen({1}, a_owns, rows.image);
  CHECK_FALSE(a.ToYield(false, {}));
  rows.image.units[0].owner = {};
  Membership b("b");
  b.Seen({1}, {0, 'b'}, rows.image);
  CHECK(b.ToAcquire() == std::vector<int64_t>{kRegistryUnit});  // somebody has to
}

namespace {

struct Faults {
  LeaseTimes times;
  bool fence = true;
  bool drains = true;         // members are drained now and then, and cut off from others
  int64_t words_back_ms = 0;  // what was heard is counted from so long before
};

struct Findings {
  int both = 0;     // moments at which two could act for one unit
  int mixed = 0;    // batches that were written behind a later owner's acquisition
  int written = 0;  // batches
  int buried = 0, handed = 0, heard = 0, yielded = 0;
  bool calm = true;  // with all faults over, each unit is served where it is placed, and one leads
};

constexpr int64_t kUnits = 4;

/// Members with clocks of their own over one store. Every request and answer takes its time, may be lost, or done long after it was given up.
class World {
 public:
  World(uint64_t seed, const Faults& faults) : random_(seed), judging_(seed + 1'000'000), faults_(faults) {
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

  Findings Run() {
    for (; now_ms_ < 120'000; now_ms_ += 10) Step(true);
    for (; now_ms_ < 170'000; now_ms_ += 10) Step(false);
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
    int64_t stands_until_ms = 0;
    std::unique_ptr<Ownership> owner;
    std::unique_ptr<Membership> membership;
    bool owned = false;
    Line lease, units;
    std::map<std::string, std::pair<MonoTime, OwnerWord>> heard;  // since the last look was asked for
    std::map<int64_t, uint64_t> epochs;       // of what it acquired
    std::map<int64_t, int64_t> leaves_at_ms;  // of what it leaves
    int64_t look_at_ms = 0;
    bool looked = false;
    MonoTime Clock(int64_t now_ms) const { return {offset_ms + static_cast<int64_t>(static_cast<double>(now_ms) * rate)}; }
  };

  /// A process takes the place of the one before.
  void Begin(Process* member, std::optional<OwnerWord> inherited) {
    for (Line* line : {&member->lease, &member->units}) *line = {-1, line->request + 1, {}, {}, -1};
    member->owner = std::make_unique<Ownership>(faults_.times, [member] { return Incarnation{7, ++member->drawn}; });
    if (inherited) member->owner->Inherit(*inherited);
    member->membership = std::make_unique<Membership>(member->name, faults_.times);
    member->owned = member->looked = false;
    member->epochs.clear();
    member->leaves_at_ms.clear();
    member->heard.clear();
  }

  bool Acts(const Process& member, int64_t unit) const { return member.owner->MayAct(member.Clock(now_ms_)) && member.membership->Serves(unit); }
  int Actors(int64_t unit) const {
    return static_cast<int>(std::count_if(members_.begin(), members_.end(), [&](const auto& each) { return Acts(*each, unit); }));
  }

  void Step(bool faulty) {
    if (faulty && random_.Chance(0.0008)) down_until_ms_ = now_ms_ + static_cast<int64_t>(random_.Below(9'000));
    // Whoever leads places.
    if (random_.Chance(faulty ? 0.005 : now_ms_ < 130'000 ? 0.002 : 0))
      rows_.Unit(static_cast<int64_t>(random_.Below(kUnits)))->placed = members_[random_.Below(members_.size())]->name;
    Judge(faulty);
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
  }

  /// Who is drained, and what each says of whom it does not reach.
  void Judge(bool faulty) {
    for (MemberRow& member : rows_.image.members) {
      if (!faulty) member.draining = false;
      if (!faulty) member.reach = {};
      if (!faulty || !faults_.drains || !judging_.Chance(0.0005)) continue;
      member.draining = judging_.Chance(0.3);
      member.reach = {true, {}};
      if (judging_.Chance(0.5)) member.reach.unreached = {members_[judging_.Below(members_.size())]->name};
    }
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
          &member->lease, faulty, [this, member, ask] { return rows_.Do(member->name, *ask); },
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
    // What was seen is asked for once, then it looks again.
    if (!member->looked || (gone.empty() && wanted.empty() && left.empty())) {
      if (now_ms_ < member->look_at_ms) return;
      member->look_at_ms = now_ms_ + 500;
      for (const auto& [name, said] : member->heard) membership->Heard(said.first, name, said.second);
      member->heard.clear();
      Send<ClusterImage>(
          &member->units, faulty, [this] { return rows_.image; },
          [this, member, word](const ClusterImage& image) {
            member->membership->Seen(member->Clock(now_ms_), word.incarnation, image);
            member->looked = true;
          },
          {});
      return;
    }
    member->looked = false;
    if (!gone.empty()) {
      Send<bool>(
          &member->units, faulty, [this, row = gone[0]] { return rows_.Bury(row) && ++found_.buried > 0; }, [](bool) {}, {});
    } else if (!wanted.empty()) {
      Send<uint64_t>(
          &member->units, faulty, [this, word, unit = wanted[0]] { return rows_.Acquire(word, unit); },
          [member, unit = wanted[0]](uint64_t epoch) {
            if (epoch == 0) return;
            member->membership->Acquired(unit);
            member->epochs[unit] = epoch;
          },
          {});
    } else {
      Send<bool>(
          &member->units, faulty, [this, row = left[0]] { return rows_.Release(row) && ++found_.handed > 0; }, [](bool) {}, {});
    }
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
  void Send(Line* line, bool faulty, std::function<Outcome()> does, std::function<void(const Outcome&)> then, std::function<void()> give_up) {
    line->gives_up_at_ms = now_ms_ + 1'500;
    line->give_up = std::move(give_up);
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
  const Faults faults_;
  std::vector<std::unique_ptr<Process>> members_;
  std::multimap<int64_t, std::function<void()>> arrivals_;
  ClusterRows rows_;
  int64_t now_ms_ = 0, down_until_ms_ = 0;
  Findings found_;
};

Findings RunAll(uint64_t count, const Faults& faults) {
  Findings sum;
  for (uint64_t seed = 1; seed <= count; ++seed) {
    const Findings one = World(seed, faults).Run();
    sum.both += one.both;
    sum.mixed += one.mixed;
    sum.written += one.written;
    sum.buried += one.buried;
    sum.handed += one.handed;
    sum.heard += one.heard;
    sum.yielded += one.yielded;
    if (!one.calm && sum.calm) UNSCOPED_INFO("not calm in the end: seed " << seed);
    sum.calm = sum.calm && one.calm;
  }
  return sum;
}

}  // namespace

TEST_CASE("membership: several members over a store that answers late, once or never: a unit has one at most that acts, and none writes behind it") {
  const Findings found = RunAll(100, {});
  CHECK(found.both == 0);
  CHECK(found.mixed == 0);
  CHECK(found.calm);
  CHECK(found.buried > 100);
  CHECK(found.handed > 500);
  CHECK(found.written > 10'000);
  CHECK(found.heard > 10'000);
  CHECK(found.yielded > 50);
}

TEST_CASE("membership: one that counts what it was told from before it heard it is caught") {
  Faults faults;
  faults.words_back_ms = 5'000;
  faults.drains = false;
  CHECK(RunAll(60, faults).both > 0);
}

TEST_CASE("membership: one that buries another before its lease is over is caught") {
  Faults faults;
  faults.times.stale_ms = 3'000;
  CHECK(RunAll(60, faults).both > 0);
}

TEST_CASE("membership: a store without the fence is caught") {
  Faults faults;
  faults.fence = false;
  CHECK(RunAll(30, faults).mixed > 0);
}
