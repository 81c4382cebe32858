#include "broker/token_bucket.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

TEST_CASE("token bucket: a new one is full, and holds what its burst is at that moment") {
  TokenBucket bucket;
  CHECK(bucket.Tokens({5}, {1, 10}) == 10);
  CHECK(bucket.Tokens({5}, {1, 3}) == 3);
  CHECK(bucket.IsFull({5}, {1, 10}));
}

TEST_CASE("token bucket: gives its burst at once, then one a token time") {
  TokenBucket bucket;
  TokenRate rate{10, 2};  // one every 100 ms
  bucket.Take({1'000}, rate);
  CHECK(bucket.HasOne({1'000}, rate));
  bucket.Take({1'000}, rate);
  CHECK_FALSE(bucket.HasOne({1'000}, rate));
  CHECK(bucket.When(1, {1'000}, rate) == MonoTime{1'100});
  CHECK_FALSE(bucket.HasOne({1'099}, rate));
  CHECK(bucket.HasOne({1'100}, rate));
  CHECK(bucket.When(2, {1'100}, rate) == MonoTime{1'200});
  CHECK_FALSE(bucket.IsFull({1'199}, rate));
  CHECK(bucket.IsFull({1'200}, rate));
}

TEST_CASE("token bucket: a long rest fills it to its burst and no further") {
  TokenBucket bucket;
  TokenRate rate{1'000, 3};
  for (int i = 0; i < 3; ++i) bucket.Take({0}, rate);
  CHECK(bucket.Tokens({3'600'000}, rate) == 3);
}

TEST_CASE("token bucket: never says a time that has come already, so that whoever waits for it does not spin") {
  TokenBucket bucket;
  TokenRate rate{1'000'000, 1};
  bucket.Take({7}, rate);
  CHECK(bucket.When(1, {7}, rate) == MonoTime{8});
  CHECK(bucket.When(1, {50}, rate) == MonoTime{51});
}

TEST_CASE("token bucket: a rate that changes counts from then on, over what was taken before") {
  TokenBucket bucket;
  TokenRate slow{1, 10}, fast{100, 10};
  for (int i = 0; i < 10; ++i) bucket.Take({0}, slow);
  CHECK(bucket.When(1, {0}, slow) == MonoTime{1'000});
  CHECK(bucket.When(1, {0}, fast) == MonoTime{10});
  CHECK(bucket.Tokens({1'000}, {1, 1}) == 1);
}

TEST_CASE("token bucket: without a rate nothing is counted") {
  TokenBucket bucket;
  for (int i = 0; i < 100; ++i) bucket.Take({0}, {0, 1});
  CHECK(bucket.HasOne({0}, {0, 1}));
  CHECK(bucket.IsFull({0}, {1, 5}));
}

}  // namespace
}  // namespace notifyd
