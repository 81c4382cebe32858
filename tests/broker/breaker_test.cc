// The breaker's state machine alone: row by row, and all short sequences of what can happen to it.
#include "broker/breaker.h"

#include <catch2/catch.hpp>
#include <functional>
#include <utility>
#include <vector>

#include "base/random.h"
#include "broker/breaker_rig.h"
#include "broker/notify.h"

using namespace notifyd;

namespace {

using Stage = Breaker::State;
using Change = Breaker::Change;
constexpr Contact kBad = Contact::kUnreached, kGood = Contact::kReached, kNothing = Contact::kUnknown;

AttemptResult Ended(Verdict verdict, std::string error, bool unsent) {
  AttemptResult result;
  result.verdict = verdict;
  result.record.error = std::move(error);
  result.unsent = unsent;
  return result;
}

}  // namespace

TEST_CASE("breaker: what an attempt's end says of the way to its destination") {
  CHECK(ContactOf(Ended(Verdict::kFailure, "connect_failed", true)) == kBad);
  CHECK(ContactOf(Ended(Verdict::kFailure, "timeout", true)) == kBad);
  CHECK(ContactOf(Ended(Verdict::kFailure, "command_not_started", true)) == kBad);
  // An answer that does not come, a 5xx, a connection that is lost: a connection came about.
  CHECK(ContactOf(Ended(Verdict::kFailure, "timeout", false)) == kGood);
  CHECK(ContactOf(Ended(Verdict::kFailure, "unexpected_answer", false)) == kGood);
  // What was not made in time asked nobody.
  AttemptResult unasked = Ended(Verdict::kFailure, "timeout", false);
  unasked.unasked = true;
  CHECK(ContactOf(unasked) == kNothing);
  CHECK(ContactOf(Ended(Verdict::kFailure, "connection_lost", false)) == kGood);
  CHECK(ContactOf(Ended(Verdict::kFatal, "unexpected_answer", false)) == kGood);
  CHECK(ContactOf(Ended(Verdict::kLater, "", false)) == kGood);
  CHECK(ContactOf(Ended(Verdict::kFailure, "tls", true)) == kGood);
  // A redirect led there: the host that was called had answered.
  CHECK(ContactOf(Ended(Verdict::kFailure, "connect_failed", false)) == kGood);
  CHECK(ContactOf(Ended(Verdict::kFailure, "dns", true)) == kNothing);
  CHECK(ContactOf(Ended(Verdict::kFatal, "destination_refused", true)) == kNothing);
  CHECK(ContactOf(Ended(Verdict::kSuccess, "", false)) == kGood);
  CHECK(ContactOf(Ended(Verdict::kSuccess, "", true)) == kGood);  // one that succeeded never counts
}

TEST_CASE("breaker: so many failures in a row open it, and one call that reached it begins the row anew") {
  BreakerRig r;
  for (int i = 0; i < 4; ++i) CHECK(r.Call(kBad) == Change::kNone);
  CHECK(r.Call(kGood) == Change::kNone);
  for (int i = 0; i < 4; ++i) CHECK(r.Call(kBad) == Change::kNone);
  CHECK(r.Call(kNothing) == Change::kNone);  // neither ends the row nor counts
  CHECK(r.breaker.state() == Stage::kClosed);
  CHECK_FALSE(r.breaker.calm());
  CHECK(r.Call(kBad) == Change::kOpened);
  CHECK(r.breaker.is_open());
  CHECK(r.breaker.open_since() == r.now);
  CHECK(r.WaitMs() == 10'000);
}

TEST_CASE("breaker: a ratio of the last ones opens it") {
  BreakerRig r;
  r.settings.failures = 1'000;
  for (int i = 0; i < 18; ++i) CHECK(r.Call(i % 2 == 0 ? kBad : kGood) == Change::kNone);  // 9 are bad
  // The tenth, of 20 whatever was before them.
  CHECK(r.Call(kBad) == Change::kOpened);
  // What lies behind the window is forgotten: good ones from here on push the bad ones out.
  BreakerRig other;
  other.settings.failures = 1'000;
  for (int i = 0; i < 20; ++i) CHECK(other.Call(i < 11 ? kGood : kBad) == Change::kNone);  // 9 of 20
  CHECK(other.Call(kGood) == Change::kNone);
  for (int i = 0; i < 10; ++i) CHECK(other.Call(kGood) == Change::kNone);
  for (int i = 0; i < 10; ++i) other.Call(kGood);
  CHECK(other.breaker.calm());  // and so is its memory
  for (int i = 0; i < 9; ++i) CHECK(other.Call(kBad) == Change::kNone);
  CHECK(other.Call(kBad) == Change::kOpened);  // 10 good ones before them are known
}

TEST_CASE("breaker: ratios that binary cannot say count as what they say") {
  BreakerRig r;
  r.settings.failures = 1'000;
  r.settings.window = 100;
  r.settings.ratio_percent = 7;
  for (int i = 0; i < 100; ++i) CHECK(r.Call(kGood) == Change::kNone);
  for (int i = 0; i < 6; ++i) CHECK(r.Call(kBad) == Change::kNone);
  CHECK(r.Call(kBad) == Change::kOpened);
}

TEST_CASE("breaker: another window begins to count anew") {
  BreakerRig r;
  r.settings.failures = 1'000;
  for (int i = 0; i < 9; ++i) r.Call(kBad);
  r.settings.window = 4;
  CHECK(r.Call(kBad) == Change::kNone);
  CHECK(r.Call(kGood) == Change::kNone);
  CHECK(r.Call(kGood) == Change::kNone);
  CHECK(r.Call(kBad) == Change::kOpened);
}

TEST_CASE("breaker: one probe a wait, each wait twice as long, up to five minutes") {
  BreakerRig r;
  r.Open();
  const MonoTime since = r.now;
  std::vector<int64_t> waits;
  for (int i = 0; i < 8; ++i) {
    waits.push_back(r.WaitMs());
    r.Pass(r.WaitMs() - 1);
    CHECK_FALSE(r.breaker.MayBegin(r.now));
    r.Pass(1);
    REQUIRE(r.breaker.MayBegin(r.now));
    Breaker::Call probe = r.breaker.Begin(r.now);
    CHECK(r.breaker.state() == Stage::kProbing);
    CHECK_FALSE(r.breaker.MayBegin(r.now));  // one
    r.Pass(5'000);
    CHECK(r.breaker.End(probe, kBad, r.now, r.settings) == Change::kNone);
    CHECK(r.breaker.open_since() == since);
  }
  CHECK(waits == std::vector<int64_t>{10'000, 20'000, 40'000, 80'000, 160'000, 300'000, 300'000, 300'000});
}

TEST_CASE("breaker: a first wait beyond five minutes stays as it is") {
  BreakerRig r;
  r.settings.open_ms = 600'000;
  r.Open();
  r.Pass(600'000);
  r.Call(kBad);
  CHECK(r.WaitMs() == 600'000);
}

TEST_CASE("breaker: a probe that says nothing leads to the same wait again; one that was not sent leaves its place") {
  BreakerRig r;
  r.Open();
  r.Pass(10'000);
  CHECK(r.Call(kNothing) == Change::kNone);
  CHECK(r.WaitMs() == 10'000);
  r.Pass(10'000);
  r.breaker.Abandon(r.breaker.Begin(r.now));
  CHECK(r.breaker.state() == Stage::kOpen);
  CHECK(r.breaker.MayBegin(r.now));
}

TEST_CASE("breaker: somebody wants to know now") {
  BreakerRig r;
  r.breaker.ProbeNow(r.now);
  CHECK(r.breaker.state() == Stage::kClosed);
  r.Open();
  CHECK_FALSE(r.breaker.MayBegin(r.now));
  r.breaker.ProbeNow(r.now);
  REQUIRE(r.breaker.MayBegin(r.now));
  Breaker::Call probe = r.breaker.Begin(r.now);
  r.breaker.ProbeNow(r.now);
  CHECK_FALSE(r.breaker.MayBegin(r.now));  // the one that is in flight tells
  r.breaker.End(probe, kBad, r.now, r.settings);
  CHECK(r.WaitMs() == 20'000);
}

TEST_CASE("breaker: a probe that got there lets the others go, whatever its call comes to, and however late") {
  BreakerRig r;
  r.Open();
  r.Pass(10'000);
  const Breaker::Call probe = r.breaker.Begin(r.now);
  r.Pass(3);
  CHECK(r.breaker.Reached(probe, r.now, r.settings) == Change::kClosed);
  CHECK(r.breaker.state() == Stage::kRamp);
  CHECK(r.breaker.Reached(probe, r.now, r.settings) == Change::kNone);
  REQUIRE(r.breaker.MayBegin(r.now));  // it is not one of those of the ramp
  const Breaker::Call next = r.breaker.Begin(r.now);
  CHECK_FALSE(r.breaker.MayBegin(r.now));
  r.Pass(3'600'000);
  CHECK(r.breaker.End(probe, GENERATE(kGood, kBad, kNothing), r.now, r.settings) == Change::kNone);
  CHECK_FALSE(r.breaker.MayBegin(r.now));
  CHECK(r.breaker.End(next, kGood, r.now, r.settings) == Change::kNone);
  CHECK(r.breaker.state() == Stage::kRamp);
}

TEST_CASE("breaker: calls of the ramp that got there and take their time hold up the others for no longer than a wait each") {
  BreakerRig r;
  r.Open();
  r.Pass(10'000);
  r.Call(kGood);
  size_t begun = 0;
  for (size_t most = 1; most <= 4096; most *= 2) {
    // None of them ends. Where none got there either, time alone lets nothing go.
    Breaker::Call last = 0;
    for (; r.breaker.MayBegin(r.now); ++begun) last = r.breaker.Begin(r.now);
    REQUIRE(begun == std::min<size_t>(most, Breaker::kRampEnds));
    if (begun == Breaker::kRampEnds) break;
    CHECK(r.breaker.MoreFrom() == kMonoNever);
    r.Pass(10'000);
    REQUIRE_FALSE(r.breaker.MayBegin(r.now));
    r.breaker.Reached(last, r.now, r.settings);
    CHECK(r.breaker.MoreFrom() == MonoTime{r.now.ms + 10'000});
    r.Pass(9'999);
    REQUIRE_FALSE(r.breaker.MayBegin(r.now));
    r.Pass(1);
  }
  CHECK(r.breaker.state() == Stage::kRamp);
}

TEST_CASE("breaker: where nothing is heard of a probe for long, another goes beside it, or soon where somebody asks") {
  BreakerRig r;
  r.Open();
  r.Pass(10'000);
  const MonoTime since = r.now;
  std::vector<Breaker::Call> probes{r.breaker.Begin(r.now)};
  r.Pass(Breaker::kMostOpenMs - 1);
  CHECK_FALSE(r.breaker.MayBegin(r.now));
  CHECK(r.breaker.MoreFrom() == MonoTime{r.now.ms + 1});
  r.Pass(1);
  REQUIRE(r.breaker.MayBegin(r.now));
  probes.push_back(r.breaker.Begin(r.now));
  CHECK(r.breaker.probing_since() == since);
  while (probes.size() < Breaker::kMostProbes) {
    CHECK_FALSE(r.breaker.MayBegin(r.now));
    r.breaker.ProbeNow(r.now);
    CHECK_FALSE(r.breaker.MayBegin(r.now));  // the one that has just gone is to tell
    r.Pass(Breaker::kSilentMs);
    REQUIRE(r.breaker.MayBegin(r.now));
    probes.push_back(r.breaker.Begin(r.now));
  }
  r.Pass(1'000'000);
  r.breaker.ProbeNow(r.now);
  CHECK_FALSE(r.breaker.MayBegin(r.now));  // so many, and no more
  // Each that fails lengthens the wait for another, beside those that are left.
  CHECK(r.breaker.End(probes.at(1), kBad, r.now, r.settings) == Change::kNone);
  CHECK(r.breaker.state() == Stage::kProbing);
  CHECK(r.breaker.MoreFrom() == MonoTime{r.now.ms + 20'000});
  r.breaker.Abandon(probes.at(2));
  CHECK(r.breaker.MayBegin(r.now));
  SECTION("the oldest of them reaches it") {
    CHECK(r.breaker.End(probes.at(0), kGood, r.now, r.settings) == Change::kClosed);
    CHECK(r.breaker.End(probes.at(3), kBad, r.now, r.settings) == Change::kNone);
    CHECK(r.breaker.state() == Stage::kRamp);
  }
  SECTION("none does") {
    CHECK(r.breaker.End(probes.at(3), kBad, r.now, r.settings) == Change::kNone);
    CHECK(r.breaker.End(probes.at(0), kBad, r.now, r.settings) == Change::kNone);
    CHECK(r.breaker.state() == Stage::kOpen);
    CHECK(r.WaitMs() == 80'000);
    r.Pass(r.WaitMs());
    REQUIRE(r.breaker.MayBegin(r.now));
    r.breaker.Begin(r.now);
    CHECK_FALSE(r.breaker.MayBegin(r.now));
  }
}

TEST_CASE("breaker: after it closes one call at a time, twice as many with each that reaches it") {
  BreakerRig r;
  r.Open();
  r.Pass(10'000);
  CHECK(r.Call(kGood) == Change::kClosed);
  CHECK(r.breaker.state() == Stage::kRamp);
  CHECK_FALSE(r.breaker.is_open());
  for (uint32_t most = 1; most < Breaker::kRampEnds; most *= 2) {
    std::vector<Breaker::Call> calls;
    while (r.breaker.state() == Stage::kRamp && r.breaker.MayBegin(r.now)) calls.push_back(r.breaker.Begin(r.now));
    REQUIRE(calls.size() == most);
    CHECK(r.breaker.End(calls.back(), kGood, r.now, r.settings) == Change::kNone);
    calls.pop_back();
    for (Breaker::Call call : calls) r.breaker.End(call, kNothing, r.now, r.settings);
  }
  CHECK(r.breaker.state() == Stage::kClosed);
  CHECK(r.breaker.calm());
  r.Open();
  CHECK(r.WaitMs() == 10'000);  // it was well: the waits begin anew
}

TEST_CASE("breaker: one failure within the ramp opens it again, for longer, and what was in flight then says nothing") {
  BreakerRig r;
  r.Open();
  r.Pass(10'000);
  r.Call(kGood);
  r.Call(kGood);
  r.Call(kGood);  // three at a time, at least
  Breaker::Call a = r.breaker.Begin(r.now), b = r.breaker.Begin(r.now), c = r.breaker.Begin(r.now);
  r.Pass(7);
  CHECK(r.breaker.End(a, kBad, r.now, r.settings) == Change::kOpened);
  CHECK(r.breaker.open_since() == r.now);
  CHECK(r.WaitMs() == 20'000);
  CHECK(r.breaker.End(b, kBad, r.now, r.settings) == Change::kNone);
  CHECK(r.breaker.End(c, kGood, r.now, r.settings) == Change::kNone);
  CHECK(r.breaker.state() == Stage::kOpen);
  CHECK(r.WaitMs() == 20'000);
}

TEST_CASE("breaker: one that was reached since waits half as long, however few calls a destination that comes and goes gets") {
  BreakerRig r;
  r.Open();
  for (int64_t wait_ms : {20'000, 40'000, 80'000}) {
    r.Pass(r.WaitMs());
    r.Call(kBad);
    REQUIRE(r.WaitMs() == wait_ms);
  }
  // There, and away again before a ramp is over: it is waited for no longer from time to time.
  for (int i = 0; i < 20; ++i) {
    r.Pass(r.WaitMs());
    REQUIRE(r.Call(kGood) == Change::kClosed);
    REQUIRE(r.Call(kBad) == Change::kOpened);
    REQUIRE(r.WaitMs() == 80'000);
  }
  // Two calls that reach it for one that does not: back to the first wait, and no further.
  for (int64_t wait_ms : {40'000, 20'000, 20'000}) {
    r.Pass(r.WaitMs());
    r.Call(kGood);
    r.Call(kGood);
    REQUIRE(r.Call(kBad) == Change::kOpened);
    REQUIRE(r.WaitMs() == wait_ms);
  }
}

TEST_CASE("breaker: what is set to wait for longer meanwhile shortens no wait, and lengthens none at once") {
  BreakerRig r;
  r.Open();
  r.Pass(r.WaitMs());
  r.settings.open_ms = 60'000;
  REQUIRE(r.Call(kGood) == Change::kClosed);
  REQUIRE(r.Call(kBad) == Change::kOpened);
  CHECK(r.WaitMs() == 20'000);
}

TEST_CASE("breaker: what began before it opened neither opens nor closes it, and hides no probe") {
  BreakerRig r;
  std::vector<Breaker::Call> old;
  for (int i = 0; i < 3; ++i) old.push_back(r.breaker.Begin(r.now));
  r.Open();
  r.Pass(10'000);
  REQUIRE(r.breaker.MayBegin(r.now));
  Breaker::Call probe = r.breaker.Begin(r.now);
  CHECK(r.breaker.End(old[0], kGood, r.now, r.settings) == Change::kNone);
  r.breaker.Abandon(old[1]);
  CHECK(r.breaker.state() == Stage::kProbing);
  CHECK(r.breaker.End(probe, kGood, r.now, r.settings) == Change::kClosed);
  CHECK(r.breaker.End(old[2], kBad, r.now, r.settings) == Change::kNone);
  CHECK(r.breaker.state() == Stage::kRamp);
}

TEST_CASE("breaker: one that is off counts nothing; one that begins anew is closed") {
  BreakerRig r;
  r.settings.enabled = false;
  for (int i = 0; i < 100; ++i) CHECK(r.Call(kBad) == Change::kNone);
  CHECK(r.breaker.calm());
  r.settings.enabled = true;
  r.Open();
  r.settings.enabled = false;
  r.breaker.OnSettings(r.now, r.settings);
  CHECK(r.breaker.state() == Stage::kClosed);
  r.settings.enabled = true;
  r.Open();
  r.breaker.Reset();
  CHECK(r.breaker.state() == Stage::kClosed);
  CHECK(r.breaker.calm());
  CHECK(r.breaker.MayBegin(r.now));
}

namespace {

/// A breaker with what its rules say of it, kept in the plainest way.
struct Ruled {
  BreakerRig rig;
  struct InFlight {
    Breaker::Call call;
    uint64_t period;
  };
  std::vector<InFlight> in_flight;
  uint64_t period = 0;     // counts its openings, closings and ends of ramps
  uint32_t row = 0;        // closed
  uint32_t most = 0;       // ramp; 0: not in it
  int64_t wait_ms = 0;     // of the last opening
  int64_t open_until = 0;  // while open
  bool open = false, probing = false;
  int64_t last_probe = 0, beside_at = 0;  // probing
  int64_t grows_at = INT64_MAX;           // ramp

  uint64_t OfNow() const {
    uint64_t n = 0;
    for (const InFlight& one : in_flight) n += one.period == period;
    return n;
  }
  bool May() const {
    if (open && probing) return OfNow() < Breaker::kMostProbes && rig.now.ms >= beside_at;
    if (open) return rig.now.ms >= open_until;
    return most == 0 || OfNow() < most || rig.now.ms >= grows_at;
  }
  void OpenFor(int64_t ms) {
    ++period;
    open = true;
    probing = false;
    row = most = 0;
    wait_ms = ms;
    open_until = rig.now.ms + ms;
  }
  void End(Contact contact) {
    const InFlight one = in_flight.front();
    in_flight.erase(in_flight.begin());
    const Change change = rig.breaker.End(one.call, contact, rig.now, rig.settings);
    Change expected = Change::kNone;
    const int64_t longer_ms = std::min<int64_t>(2 * wait_ms, Breaker::kMostOpenMs);
    if (one.period == period && contact == kGood && (open || most > 0)) wait_ms = std::max(rig.settings.open_ms, wait_ms / 2);
    if (one.period == period && open) {
      if (contact == kGood) {
        expected = Change::kClosed;
        BeginRamp();
      } else if (OfNow() > 0) {
        if (contact == kBad) wait_ms = longer_ms;
        beside_at = rig.now.ms + wait_ms;
      } else {
        OpenFor(contact == kBad ? longer_ms : wait_ms);
      }
    } else if (one.period == period && most > 0) {
      if (contact == kBad) {
        expected = Change::kOpened;
        OpenFor(longer_ms);
      } else if (contact == kGood && (most *= 2) >= Breaker::kRampEnds) {
        most = row = 0;
      }
    } else if (one.period == period && contact != kNothing) {
      row = contact == kBad ? row + 1 : 0;
      if (row >= rig.settings.failures) {
        expected = Change::kOpened;
        OpenFor(rig.settings.open_ms);
      }
    }
    REQUIRE(change == expected);
  }
  void BeginRamp() {
    ++period;
    open = probing = false;
    most = 1;
    grows_at = INT64_MAX;
  }
  void Reach(const InFlight& one) {
    const Change change = rig.breaker.Reached(one.call, rig.now, rig.settings);
    const bool was_probe = one.period == period && open;
    REQUIRE(change == (was_probe ? Change::kClosed : Change::kNone));
    if (was_probe) {
      wait_ms = std::max(rig.settings.open_ms, wait_ms / 2);
      BeginRamp();
    } else if (one.period == period && most > 0 && grows_at == INT64_MAX) {
      grows_at = rig.now.ms + rig.settings.open_ms;
    }
  }
  enum : int { kBegin, kEndGood, kEndBad, kEndNothing, kAbandon, kWait, kMoment, kProbeNow, kReach, kSilence, kActions };
  void Do(int action) {
    if (action == kBegin && May()) {
      if (open && !std::exchange(probing, true)) ++period;
      if (open) {
        last_probe = rig.now.ms;
        beside_at = rig.now.ms + std::max(Breaker::kMostOpenMs, wait_ms);
      } else if (most > 0 && OfNow() >= most) {
        most = std::min(2 * most, Breaker::kRampEnds);
        grows_at = INT64_MAX;
      }
      // A probe's period is its own, so that what began while it was closed is of another.
      in_flight.push_back({rig.breaker.Begin(rig.now), period});
    }
    if (action >= kEndGood && action <= kEndNothing && !in_flight.empty()) End(action == kEndGood ? kGood : action == kEndBad ? kBad : kNothing);
    if (action == kAbandon && !in_flight.empty()) {
      const InFlight one = in_flight.back();
      in_flight.pop_back();
      rig.breaker.Abandon(one.call);
      if (one.period == period && open) {
        probing = OfNow() > 0;
        beside_at = rig.now.ms;
      }
    }
    if (action == kWait) rig.Pass(std::max<int64_t>(open ? open_until - rig.now.ms : 0, 1));
    if (action == kMoment) rig.Pass(1);
    if (action == kSilence) rig.Pass(Breaker::kSilentMs);
    if (action == kReach && !in_flight.empty()) Reach(in_flight.back());
    if (action == kProbeNow) {
      rig.breaker.ProbeNow(rig.now);
      if (open && !probing) open_until = std::min(open_until, rig.now.ms);
      if (open && probing) beside_at = std::min(beside_at, std::max(rig.now.ms, last_probe + Breaker::kSilentMs));
    }
    REQUIRE(rig.breaker.MayBegin(rig.now) == May());
    REQUIRE(rig.breaker.is_open() == open);
    REQUIRE((rig.breaker.state() == Stage::kRamp) == (most > 0));
    if (open && !probing) REQUIRE(rig.breaker.next_probe().ms == open_until);
  }
};

Ruled OfTwoFailures() {
  Ruled ruled;
  ruled.rig.settings.failures = 2;
  ruled.rig.settings.ratio_percent = 100;  // the row is always first; the ratio has its own cases
  return ruled;
}

}  // namespace

TEST_CASE("breaker: every sequence of seven things that may happen keeps the rules") {
  std::function<void(const Ruled&, int)> go = [&](const Ruled& ruled, int left) {
    if (left == 0) return;
    for (int action = 0; action < Ruled::kActions; ++action) {
      Ruled next = ruled;
      next.Do(action);
      go(next, left - 1);
    }
  };
  // From closed with one failure, from open, and from the ramp: what takes many steps to come to.
  Ruled one = OfTwoFailures();
  for (int action : {Ruled::kBegin, Ruled::kBegin, Ruled::kEndBad}) one.Do(action);
  go(one, 5);
  Ruled open = one;
  for (int action : {Ruled::kBegin, Ruled::kEndBad}) open.Do(action);
  REQUIRE(open.open);
  go(open, 6);
  Ruled ramp = open;
  for (int action : {Ruled::kWait, Ruled::kBegin, Ruled::kEndGood, Ruled::kBegin, Ruled::kEndGood}) ramp.Do(action);
  go(ramp, 5);
  go(OfTwoFailures(), 5);
}

TEST_CASE("breaker: long sequences keep the rules, up to the end of the ramp") {
  Random random(11);
  Ruled ruled = OfTwoFailures();
  uint64_t openings = 0, ramps = 0;
  for (int i = 0; i < 100'000; ++i) {
    const bool was_open = ruled.open, was_ramp = ruled.most > 0;
    // Times in which nearly all goes well, and in which little does.
    const bool well = i / 200 % 2 == 0;
    const double dice = random.Unit();
    const int action = dice < 0.45    ? Ruled::kBegin
                       : dice < 0.85  ? (random.Unit() < (well ? 0.995 : 0.3) ? Ruled::kEndGood : Ruled::kEndBad)
                       : dice < 0.88  ? Ruled::kEndNothing
                       : dice < 0.91  ? Ruled::kAbandon
                       : dice < 0.97  ? Ruled::kWait
                       : dice < 0.98  ? Ruled::kReach
                       : dice < 0.99  ? Ruled::kMoment
                       : dice < 0.993 ? Ruled::kSilence
                                      : Ruled::kProbeNow;
    ruled.Do(action);
    openings += !was_open && ruled.open;
    ramps += was_ramp && ruled.most == 0 && !ruled.open;
  }
  CHECK(openings > 100);
  CHECK(ramps > 20);
}
