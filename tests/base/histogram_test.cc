#include "base/histogram.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <numeric>
#include <thread>
#include <vector>

using namespace notifyd;

namespace {

/// The place of the one bucket in which it is counted.
size_t BucketOf(int64_t us) {
  Histogram histogram;
  histogram.Observe(us);
  Histogram::Snapshot read = histogram.Read();
  REQUIRE(read.count == 1);
  return static_cast<size_t>(std::find(read.buckets.begin(), read.buckets.end(), 1u) - read.buckets.begin());
}

}  // namespace

TEST_CASE("histogram: the bounds grow") {
  CHECK(std::is_sorted(Histogram::kBoundsUs.begin(), Histogram::kBoundsUs.end(), std::less_equal<>()));
}

TEST_CASE("histogram: a bound is in its own bucket, what is just above in the next") {
  for (size_t i = 0; i < Histogram::kBoundsUs.size(); ++i) {
    CAPTURE(i);
    CHECK(BucketOf(Histogram::kBoundsUs[i]) == i);
    CHECK(BucketOf(Histogram::kBoundsUs[i] + 1) == i + 1);
  }
  CHECK(BucketOf(std::numeric_limits<int64_t>::max()) == Histogram::kBoundsUs.size());
}

TEST_CASE("histogram: below nothing is nothing") {
  CHECK(BucketOf(0) == 0);
  CHECK(BucketOf(-1) == 0);
  Histogram histogram;
  histogram.Observe(std::numeric_limits<int64_t>::min());
  CHECK(histogram.Read().sum_us == 0);
}

TEST_CASE("histogram: an empty one counts nothing") {
  Histogram::Snapshot read = Histogram().Read();
  CHECK(read.count == 0);
  CHECK(read.sum_us == 0);
}

TEST_CASE("histogram: count and sum go with what was observed") {
  Histogram histogram;
  for (int64_t us : {90, 100, 101, 5'000'000}) histogram.Observe(us);
  Histogram::Snapshot read = histogram.Read();
  CHECK(read.count == 4);
  CHECK(read.sum_us == 5'000'291);
  CHECK(read.buckets[0] == 2);
  CHECK(read.buckets[1] == 1);
}

TEST_CASE("histogram: nothing is lost between threads") {
  Histogram histogram;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&histogram] {
      for (int64_t us = 0; us < 10'000; ++us) histogram.Observe(us);
    });
  }
  for (std::thread& thread : threads) thread.join();
  Histogram::Snapshot read = histogram.Read();
  CHECK(read.count == 40'000);
  CHECK(read.sum_us == 4 * (9'999u * 10'000u / 2));
  CHECK(std::accumulate(read.buckets.begin(), read.buckets.end(), uint64_t{0}) == read.count);
}
