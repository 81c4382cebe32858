// When what a namespace stores is rewritten: by what it stores, what was purged and how much the last time came to.
#include "broker/reclaiming.h"

#include <catch2/catch.hpp>

#include <vector>

using namespace notifyd;

namespace {

constexpr int64_t kEachMs = 10'000, kAnHourMs = 3'600'000;
constexpr uint64_t kGiB = uint64_t{1} << 30;

/// One that is measured every 10 s, and always found to lack room unless the test says otherwise. What a rewrite gives back the test sets.
struct Measurements {
  Reclaiming reclaiming;
  Reclaiming::Seen seen{.bytes = 50 * kGiB, .lacks = true};
  std::vector<int64_t> begun;  // when each was

  /// Returns whether one is begun.
  bool Next() {
    seen.at.ms += kEachMs;
    const bool begins = reclaiming.Measured(seen);
    if (begins) begun.push_back(seen.at.ms);
    seen.purged = false;
    return begins;
  }
  /// Until so much time is over.
  void For(int64_t ms) {
    for (const int64_t until = seen.at.ms + ms; seen.at.ms < until;) Next();
  }
};

}  // namespace

TEST_CASE("reclaiming: what gives nothing back is rewritten ever more rarely, and once an hour in the end") {
  Measurements m;
  CHECK(m.Next());
  CHECK(m.reclaiming.under_way());
  m.For(10 * kAnHourMs);
  CHECK(m.begun.size() <= 17);
  CHECK(m.begun.size() >= 10);
  for (size_t i = 2; i < m.begun.size(); ++i) CHECK(m.begun[i] - m.begun[i - 1] >= m.begun[i - 1] - m.begun[i - 2]);
  CHECK(m.begun.back() - m.begun[m.begun.size() - 2] == kAnHourMs + kEachMs);
}

TEST_CASE("reclaiming: a rewrite that takes long is waited for, and eight times as long behind it") {
  Measurements m;
  CHECK(m.Next());
  m.seen.compacting = true;
  m.For(300'000);
  CHECK(m.begun.size() == 1);
  m.seen.compacting = false;
  CHECK_FALSE(m.Next());
  CHECK_FALSE(m.reclaiming.under_way());
  m.For(8 * 300'000);
  CHECK(m.begun.size() == 1);
  m.For(8 * kEachMs);
  CHECK(m.begun.size() == 2);
}

TEST_CASE("reclaiming: nothing is rewritten where there is room, unless something was purged") {
  Measurements m;
  m.seen.lacks = false;
  m.For(kAnHourMs);
  CHECK(m.begun.empty());
  m.seen.purged = true;
  CHECK(m.Next());
  m.For(2 * kAnHourMs);
  CHECK(m.begun.size() == 1);
}

TEST_CASE("reclaiming: what was purged does not wait for what was in vain before, also where it came while that went on") {
  Measurements m;
  m.For(5 * kAnHourMs);
  m.seen.purged = true;
  CHECK(m.Next());
  // While that one is under way.
  m.seen.compacting = true;
  m.seen.purged = true;
  m.For(60'000);
  m.seen.compacting = false;
  m.seen.bytes = 25 * kGiB;
  CHECK(m.Next());
}

TEST_CASE("reclaiming: purges that come to little are waited for, too") {
  Measurements m;
  m.seen.lacks = false;
  for (int64_t i = 0; i < 10 * kAnHourMs / kEachMs; ++i) {
    m.seen.purged = true;
    m.Next();
  }
  CHECK(m.begun.size() <= 17);
}

TEST_CASE("reclaiming: what grew by an eighth is rewritten at once") {
  Measurements m;
  m.For(5 * kAnHourMs);
  const size_t begun = m.begun.size();
  while (!m.Next()) {
  }
  CHECK_FALSE(m.Next());  // it ended just now
  m.seen.bytes += m.seen.bytes / 9;
  CHECK_FALSE(m.Next());
  m.seen.bytes += m.seen.bytes / 9;
  CHECK(m.Next());
  CHECK(m.begun.size() == begun + 2);
}

TEST_CASE("reclaiming: where each gives an eighth back the next does not wait") {
  Measurements m;
  for (int i = 0; i < 20; ++i) {
    CHECK(m.Next());
    m.seen.bytes -= m.seen.bytes / 8;
  }
}
