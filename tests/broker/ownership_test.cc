// Who owns a shared store: the state machine by itself, and several of them over a store that loses, delays and repeats nothing but may do anything
// late, with clocks that run apart and brokers that stand still. Deliberate faults must be caught.
#include "broker/ownership.h"

#include <catch2/catch.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/random.h"

using namespace notifyd;

namespace {

using Kind = OwnerAsk::Kind;
using Standing = Ownership::Standing;

std::function<Incarnation()> Drawing(uint64_t* next) {
  return [next] { return Incarnation{7, ++*next}; };
}

/// What the store does with what it is asked, where it does it.
std::pair<OwnerAnswer, OwnerWord> Do(const OwnerAsk& ask, OwnerWord* row) {
  const bool same = row->epoch == ask.seen.epoch && row->incarnation == ask.seen.incarnation && row->free == ask.seen.free;
  switch (ask.kind) {
    case Kind::kLook:
      return {OwnerAnswer::kYes, *row};
    case Kind::kAcquire:
      if (!same || (!ask.own && row->renewal != ask.seen.renewal)) return {OwnerAnswer::kNo, {}};
      *row = {row->epoch + 1, row->renewal + 1, ask.incarnation, false};
      return {OwnerAnswer::kYes, *row};
    case Kind::kRenew:
      if (!same) return {OwnerAnswer::kNo, {}};
      ++row->renewal;
      return {OwnerAnswer::kYes, *row};
    case Kind::kRelease:
      if (!same) return {OwnerAnswer::kNo, {}};
      row->free = true;
      return {OwnerAnswer::kYes, *row};
  }
  return {OwnerAnswer::kNo, {}};
}

/// One machine over a row that answers at once.
struct Rig {
  uint64_t drawn = 0;
  OwnerWord row;
  MonoTime now{1'000};
  Ownership owner{LeaseTimes{}, Drawing(&drawn)};

  std::optional<Kind> Step() {
    std::optional<OwnerAsk> ask = owner.Ask(now);
    if (!ask) return std::nullopt;
    const auto [answer, word] = Do(*ask, &row);
    owner.Answer(now, answer, word);
    return ask->kind;
  }
  /// Asks until there is nothing to ask for now.
  void Settle() {
    while (Step()) continue;
  }
  void Own() {
    Settle();
    REQUIRE(owner.standing() == Standing::kOwning);
  }
};

}  // namespace

TEST_CASE("ownership: what is free is taken at once, and renewed") {
  Rig r;
  CHECK(r.Step() == Kind::kLook);
  CHECK(r.Step() == Kind::kAcquire);
  CHECK(r.owner.MayAct(r.now));
  CHECK(r.owner.word().epoch == 1);
  CHECK(r.owner.until().ms == r.now.ms + 6'000);
  CHECK_FALSE(r.Step());
  CHECK(r.owner.next_at().ms == r.now.ms + 2'000);
  r.now.ms += 2'000;
  CHECK(r.Step() == Kind::kRenew);
  CHECK(r.owner.until().ms == r.now.ms + 6'000);
  CHECK(r.row.renewal == 2);
}

TEST_CASE("ownership: another's is taken once its renewal has not changed for a lease and a tenth") {
  Rig r;
  r.row = {5, 40, {1, 1}, false};
  r.Settle();
  const int64_t first_ms = r.now.ms;
  for (; r.now.ms < first_ms + 6'600; r.now.ms += 100) r.Settle();
  CHECK(r.row.epoch == 5);
  r.Settle();
  CHECK(r.row.epoch == 6);
  CHECK(r.owner.MayAct(r.now));

  Rig other;
  other.row = {5, 40, {1, 1}, false};
  for (int i = 0; i < 300; ++i, other.now.ms += 100) {
    if (i % 50 == 0) ++other.row.renewal;  // it lives
    other.Settle();
  }
  CHECK(other.row.epoch == 5);
}

TEST_CASE("ownership: whoever waits sees a renewal soon, and takes over so much later than the last one") {
  for (int64_t phase_ms : {1, 37, 1'999}) {
    Rig r;
    r.row = {5, 40, {1, 1}, false};
    const int64_t began_ms = r.now.ms;
    int64_t renewed_ms = began_ms + phase_ms;
    for (; r.row.epoch == 5 && r.now.ms < began_ms + 60'000; ++r.now.ms) {
      if (r.now.ms == renewed_ms + 2'000 && r.now.ms < began_ms + 20'000) renewed_ms = r.now.ms, ++r.row.renewal;
      r.Settle();
    }
    CHECK(r.row.epoch == 6);
    CHECK(r.now.ms - renewed_ms >= 6'600);
    CHECK(r.now.ms - renewed_ms <= 6'660);
  }
}

TEST_CASE("ownership: a lease counts from before its renewal was sent, and only where that was confirmed") {
  Rig r;
  r.Own();
  const int64_t until_ms = r.owner.until().ms;
  r.now.ms += 2'000;
  const int64_t sent_ms = r.now.ms;
  REQUIRE(r.owner.Ask(r.now)->kind == Kind::kRenew);
  r.now.ms += 1'500;
  r.owner.Answer(r.now, OwnerAnswer::kUnknown);
  CHECK(r.owner.until().ms == until_ms);
  CHECK(r.owner.next_at().ms <= r.now.ms + 100);  // once the store is back, all waits for this
  r.now = r.owner.next_at();
  const int64_t again_ms = r.now.ms;
  auto ask = r.owner.Ask(r.now);
  REQUIRE(ask->kind == Kind::kRenew);
  r.now.ms += 900;
  r.owner.Answer(r.now, OwnerAnswer::kYes, Do(*ask, &r.row).second);
  CHECK(r.owner.until().ms == again_ms + 6'000);
  CHECK(again_ms > sent_ms);
  // Over, and nobody took it: it begins again with the next renewal.
  r.now.ms = r.owner.until().ms;
  CHECK_FALSE(r.owner.MayAct(r.now));
  CHECK(r.Step() == Kind::kRenew);
  CHECK(r.owner.MayAct(r.now));
}

TEST_CASE("ownership: an acquisition that came through without an answer is told from another's, and made anew at once") {
  const bool came_through = GENERATE(false, true);
  INFO(came_through);
  Rig r;
  REQUIRE(r.Step() == Kind::kLook);
  std::optional<OwnerAsk> ask = r.owner.Ask(r.now);
  REQUIRE(ask->kind == Kind::kAcquire);
  if (came_through) Do(*ask, &r.row);
  r.owner.Answer(r.now, OwnerAnswer::kUnknown);
  CHECK_FALSE(r.owner.MayAct(r.now));
  r.now = r.owner.next_at();
  CHECK(r.Step() == Kind::kLook);
  CHECK(r.Step() == Kind::kAcquire);
  CHECK(r.owner.word().epoch == (came_through ? 2 : 1));
  CHECK(r.owner.word().incarnation == r.row.incarnation);
}

TEST_CASE("ownership: it is lost to whoever has it, by a renewal or the fence") {
  const bool by_fence = GENERATE(false, true);
  INFO(by_fence);
  Rig r;
  r.Own();
  r.row = {9, 90, {1, 1}, false};
  r.now.ms += 2'000;
  if (by_fence) r.owner.Fenced();
  else r.Step();
  CHECK(r.owner.standing() == Standing::kWatching);
  CHECK_FALSE(r.owner.MayAct(r.now));
  r.Settle();
  CHECK(r.row.epoch == 9);
}

TEST_CASE("ownership: what is given back is free, and so is what was on its way") {
  Rig r;
  r.Own();
  r.owner.Release();
  CHECK_FALSE(r.owner.MayAct(r.now));
  CHECK(r.Step() == Kind::kRelease);
  CHECK(r.owner.released());
  CHECK(r.row.free);
  CHECK(r.owner.next_at() == kMonoNever);

  Rig asking;
  REQUIRE(asking.Step() == Kind::kLook);
  std::optional<OwnerAsk> ask = asking.owner.Ask(asking.now);
  REQUIRE(ask->kind == Kind::kAcquire);
  asking.owner.Release();
  CHECK_FALSE(asking.owner.released());
  asking.owner.Answer(asking.now, OwnerAnswer::kYes, Do(*ask, &asking.row).second);
  CHECK(asking.Step() == Kind::kRelease);
  CHECK(asking.row.free);

  Rig never;
  never.owner.Release();
  CHECK(never.owner.released());
}

TEST_CASE("ownership: who was handed the word of an owner that is no more takes over at once") {
  Rig r;
  r.Own();
  Rig heir;
  heir.drawn = 100;
  heir.row = r.row;
  heir.owner.Inherit(r.owner.word());
  CHECK(heir.Step() == Kind::kLook);
  CHECK(heir.Step() == Kind::kAcquire);
  CHECK(heir.owner.MayAct(heir.now));
}

TEST_CASE("ownership: a store that is back where it was before a renewal that it had confirmed is told from one that another one took") {
  Rig r;
  r.row = {7, 70, {1, 1}, true};
  r.Own();
  const OwnerWord first = r.row;
  for (int i = 0; i < 3; ++i) {
    r.now.ms += 2'000;
    REQUIRE(r.Step() == Kind::kRenew);
    CHECK_FALSE(r.owner.went_back());
  }
  const OwnerWord last = r.owner.word();
  SECTION("by one renewal, or by several") {
    r.row.renewal = last.renewal - GENERATE(1u, 3u);
    r.now.ms += 2'000;
    REQUIRE(r.Step() == Kind::kRenew);
    CHECK(r.owner.went_back());
    CHECK_FALSE(r.owner.MayAct(r.now));
  }
  SECTION("to before this one took it, or behind another one") {
    const uint64_t epoch = GENERATE(0, 7, 9);  // 0: the store did not say
    REQUIRE(last.epoch == 8);
    r.now.ms += 2'000;
    REQUIRE(r.owner.Ask(r.now)->kind == Kind::kRenew);
    r.owner.Answer(r.now, OwnerAnswer::kNo, {epoch});
    CHECK(r.owner.went_back() == (epoch == 7));
    CHECK(r.owner.standing() == Standing::kWatching);
  }
  SECTION("to where it is not there any more") {
    r.now.ms += 2'000;
    REQUIRE(r.owner.Ask(r.now)->kind == Kind::kRenew);
    r.owner.Answer(r.now, OwnerAnswer::kGone);
    CHECK(r.owner.went_back());
    CHECK_FALSE(r.owner.MayAct(r.now));
  }
  SECTION("to where it is not there any more, as whoever waits sees it: who was handed the word lost something") {
    const bool handed = GENERATE(false, true);
    Rig waiting;
    waiting.row = {1, 1, {9, 9}, false};
    if (handed) waiting.owner.Inherit(last);
    REQUIRE(waiting.owner.Ask(waiting.now)->kind == Kind::kLook);
    waiting.owner.Answer(waiting.now, OwnerAnswer::kGone);
    CHECK(waiting.owner.went_back() == handed);
    CHECK(waiting.owner.next_at().ms == waiting.now.ms + LeaseTimes().retry_ms);
    // It may be there again, and is watched as one that was never seen.
    waiting.now.ms += 1'000;
    CHECK(waiting.Step() == Kind::kLook);
  }
  SECTION("as whoever was handed the word sees it") {
    const bool back = GENERATE(false, true);
    Rig heir;
    heir.drawn = 100;
    heir.row = back ? first : last;
    heir.owner.Inherit(last);
    CHECK(heir.Step() == Kind::kLook);
    CHECK(heir.owner.went_back() == back);
    // Of another store nothing is known.
    Rig elsewhere;
    elsewhere.drawn = 200;
    elsewhere.row = {1, 1, {9, 9}, false};
    elsewhere.owner.Inherit(last);
    CHECK(elsewhere.Step() == Kind::kLook);
    CHECK_FALSE(elsewhere.owner.went_back());
  }
}

namespace {

/// Deliberate ones: each must be caught.
struct Faults {
  LeaseTimes times;
  bool fence = true;
  bool takes_all = false;  // the store gives it to whoever asks, whatever it said when that one looked
  bool believes = false;   // what is not answered is taken for done
  int64_t ahead_ms = 0;    // so much later than it was sent a request counts from
  double apart = 0.04;     // how far a clock's rate is from the right one, at most
};

/// What several brokers did to one store.
struct Findings {
  int both = 0;      // moments at which two could act
  int mixed = 0;     // batches of an owner that were written behind a later owner's acquisition
  int written = 0;   // batches
  int changes = 0;   // of the owner
  int back = 0;      // brokers that took the store for one that lost something
  bool calm = true;  // with all faults over, exactly one can act
};

/// Brokers with clocks of their own over one row. Every request and answer takes its time, may be lost, or done long after it was given up.
class World {
 public:
  World(uint64_t seed, const Faults& faults) : random_(seed), faults_(faults) {
    const size_t count = 2 + random_.Below(3);
    for (size_t i = 0; i < count; ++i) {
      auto broker = std::make_unique<Broker>();
      broker->rate = 1 - faults.apart + 2 * faults.apart * random_.Unit();
      broker->offset_ms = static_cast<int64_t>(random_.Below(1'000'000));
      broker->drawn = (i + 1) * 1'000'000;
      broker->owner = std::make_unique<Ownership>(faults.times, Drawing(&broker->drawn));
      brokers_.push_back(std::move(broker));
    }
  }

  Findings Run() {
    for (; now_ms_ < 120'000; now_ms_ += 5) Step(true);
    // Nothing is lost or late any more; what was is over after the longest delay.
    for (; now_ms_ < 170'000; now_ms_ += 5) Step(false);
    found_.calm = Actors() == 1;
    for (const auto& broker : brokers_) found_.back += broker->owner->went_back() ? 1 : 0;
    return found_;
  }

 private:
  struct Broker {
    std::unique_ptr<Ownership> owner;
    double rate = 1;
    int64_t offset_ms = 0;
    uint64_t drawn = 0;
    int64_t stands_until_ms = 0;
    int64_t gives_up_at_ms = -1;  // its request is lost
    OwnerAsk asked;
    uint64_t request = 0;
    std::optional<std::pair<OwnerAnswer, OwnerWord>> answer;
    int64_t answer_at_ms = -1;
    MonoTime Clock(int64_t now_ms) const { return {offset_ms + static_cast<int64_t>(static_cast<double>(now_ms) * rate)}; }
  };
  /// What reaches the store at a time.
  struct Arrival {
    Broker* from;
    uint64_t request;
    std::optional<OwnerAsk> ask;  // none: a batch
    OwnerWord as;
    int64_t answer_after_ms = 0;
    bool answered = false;
  };

  void Step(bool faulty) {
    if (faulty && random_.Chance(0.0004)) down_until_ms_ = now_ms_ + static_cast<int64_t>(random_.Below(9'000));
    while (!arrivals_.empty() && arrivals_.begin()->first <= now_ms_) {
      Arrive(arrivals_.begin()->second);
      arrivals_.erase(arrivals_.begin());
    }
    for (auto& broker : brokers_) Turn(broker.get(), faulty);
    if (Actors() > 1) ++found_.both;
  }

  int Actors() const {
    return static_cast<int>(
        std::count_if(brokers_.begin(), brokers_.end(), [&](const auto& each) { return each->owner->MayAct(each->Clock(now_ms_)); }));
  }

  void Turn(Broker* broker, bool faulty) {
    if (faulty && random_.Chance(0.0005)) broker->stands_until_ms = now_ms_ + static_cast<int64_t>(random_.Below(12'000));
    if (now_ms_ < broker->stands_until_ms) return;
    const MonoTime clock = broker->Clock(now_ms_);
    if (broker->answer && broker->answer_at_ms <= now_ms_) {
      broker->owner->Answer(clock, broker->answer->first, broker->answer->second);
      broker->answer.reset();
      broker->gives_up_at_ms = -1;
    } else if (broker->gives_up_at_ms >= 0 && broker->gives_up_at_ms <= now_ms_) {
      ++broker->request;
      broker->answer.reset();
      broker->gives_up_at_ms = -1;
      OwnerWord believed = broker->asked.seen;
      ++believed.renewal;
      if (faults_.believes && broker->asked.kind == Kind::kRenew) broker->owner->Answer(clock, OwnerAnswer::kYes, believed);
      else broker->owner->Answer(clock, OwnerAnswer::kUnknown);
    }
    if (std::optional<OwnerAsk> ask = broker->owner->Ask({clock.ms + faults_.ahead_ms})) Send(broker, *ask, faulty);
    // It looks at its lease, and writes.
    if (broker->owner->MayAct(clock) && random_.Chance(0.05)) {
      const int64_t late_ms = faulty && random_.Chance(0.2) ? static_cast<int64_t>(random_.Below(15'000)) : static_cast<int64_t>(random_.Below(20));
      arrivals_.emplace(now_ms_ + late_ms, Arrival{broker, 0, std::nullopt, broker->owner->word()});
    }
  }

  void Send(Broker* broker, const OwnerAsk& ask, bool faulty) {
    broker->asked = ask;
    broker->gives_up_at_ms = now_ms_ + 1'500;
    if (faulty && (now_ms_ < down_until_ms_ || random_.Chance(0.1))) {
      // Lost, or done when nobody counts on it any more.
      if (random_.Chance(0.5)) arrivals_.emplace(now_ms_ + static_cast<int64_t>(random_.Below(15'000)), Arrival{broker, 0, ask, {}});
      return;
    }
    const int64_t there_ms = static_cast<int64_t>(random_.Below(faulty ? 900 : 20)), back_ms = static_cast<int64_t>(random_.Below(faulty ? 900 : 20));
    arrivals_.emplace(now_ms_ + there_ms, Arrival{broker, broker->request, ask, {}, back_ms, true});
  }

  void Arrive(const Arrival& arrival) {
    if (!arrival.ask) {
      const bool own = row_.epoch == arrival.as.epoch && row_.incarnation == arrival.as.incarnation;
      if (faults_.fence && !own) return;
      ++found_.written;
      if (!own) ++found_.mixed;
      return;
    }
    const uint64_t epoch = row_.epoch;
    OwnerAsk ask = *arrival.ask;
    if (faults_.takes_all && ask.kind == Kind::kAcquire) ask.seen = row_;
    const auto outcome = Do(ask, &row_);
    if (row_.epoch != epoch) ++found_.changes;
    if (!arrival.answered || arrival.request != arrival.from->request) return;
    arrival.from->answer = outcome;
    arrival.from->answer_at_ms = now_ms_ + arrival.answer_after_ms;
  }

  Random random_;
  const Faults faults_;
  std::vector<std::unique_ptr<Broker>> brokers_;
  std::multimap<int64_t, Arrival> arrivals_;
  OwnerWord row_;
  int64_t now_ms_ = 0, down_until_ms_ = 0;
  Findings found_;
};

Findings RunAll(uint64_t first, uint64_t count, const Faults& faults) {
  Findings sum;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const Findings one = World(seed, faults).Run();
    sum.both += one.both;
    sum.mixed += one.mixed;
    sum.written += one.written;
    sum.changes += one.changes;
    sum.back += one.back;
    if (!one.calm && sum.calm) UNSCOPED_INFO("not calm in the end: seed " << seed);
    sum.calm = sum.calm && one.calm;
  }
  return sum;
}

}  // namespace

TEST_CASE("ownership: several brokers over a store that answers late, once or never: at most one may act, and none writes behind another") {
  const Findings found = RunAll(1, 200, {});
  CHECK(found.both == 0);
  CHECK(found.mixed == 0);
  CHECK(found.calm);
  CHECK(found.back == 0);
  CHECK(found.changes > 400);  // it changed hands
  CHECK(found.written > 10'000);
}

TEST_CASE("ownership: a candidate that does not wait for the whole lease is caught") {
  Faults faults;
  faults.times.stale_ms = 5'000;
  CHECK(RunAll(1, 200, faults).both > 0);
}

TEST_CASE("ownership: a store without the fence is caught") {
  Faults faults;
  faults.fence = false;
  CHECK(RunAll(1, 200, faults).mixed > 0);
}

TEST_CASE("ownership: a store that gives it to whoever asks, whatever it had said, is caught") {
  Faults faults;
  faults.takes_all = true;
  CHECK(RunAll(1, 200, faults).both > 0);
}

TEST_CASE("ownership: a renewal without an answer that counts is caught") {
  Faults faults;
  faults.believes = true;
  CHECK(RunAll(1, 200, faults).both > 0);
}

TEST_CASE("ownership: a lease that counts from the answer, and not from before the question, is caught") {
  Faults faults;
  faults.ahead_ms = 1'800;
  CHECK(RunAll(1, 200, faults).both > 0);
}

TEST_CASE("ownership: clocks that run further apart than a tenth are caught") {
  Faults faults;
  faults.apart = 0.35;
  CHECK(RunAll(1, 200, faults).both > 0);
}
