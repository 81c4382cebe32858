#include "storage/keys.h"

#include <algorithm>

#include "base/bytes.h"

#include <catch2/catch.hpp>

#include "storage/hex.h"

namespace notifyd {
namespace {

TEST_CASE("keys: a namespace's begin with 01 and its number, default's with nothing; each is found behind that") {
  const std::string bare = EncodeNotifyKey(NotifyId::Of(300, 0x2a));
  const std::string key = KeySpace(300).In(bare);
  CHECK(Hex(key) == "01 012c 6e 012c00000000002a"_hex);
  CHECK(KeySpace(kDefaultNumber).In(bare) == bare);
  CHECK(KeySpace(300).Bare(key) == bare);
  CHECK(KeySpace(301).Bare(key).empty());
  CHECK(PlaceOf(key).number == 300);
  CHECK(PlaceOf(key).bare == bare);
  CHECK(PlaceOf(bare).number == kDefaultNumber);
  CHECK(PlaceOf(bare).bare == bare);
  for (size_t size = 0; size <= 3; ++size) CHECK(PlaceOf(key.substr(0, size)).bare.empty());
  CHECK(IsKind(key, KeyKind::kNotify));
  CHECK(IsKind(bare, KeyKind::kNotify));
  CHECK_FALSE(IsKind(key, KeyKind::kDue));
  CHECK_FALSE(IsKind(KeySpace(300).prefix(), KeyKind::kNotify));
  CHECK(Hex(RangeOf(255).from) == "01 00ff"_hex);
  CHECK(RangeOf(255).to > RangeOf(255).from + std::string(40, '\xff'));
  CHECK(RangeOf(255).to <= RangeOf(256).from);
  CHECK(KeySpace(kMostNumber).In(bare) < RangeOf(kDefaultNumber).from);
  CHECK(RangeOf(kDefaultNumber).from < EncodeNamedLanePrefix(KeyKind::kLaneCounts, ""));
}

TEST_CASE("keys: golden bytes of each kind") {
  LaneKey lane{Mode::kFifo, "ab"};
  CHECK(Hex(EncodeNotifyKey({0x2a})) == "6e 000000000000002a"_hex);
  CHECK(Hex(EncodeDueKey(Clock::kMono, {1, {2}})) == "64 01 8000000000000001 0000000000000002"_hex);
  CHECK(Hex(EncodeDueKey(Clock::kWall, {-1, {2}})) == "64 00 7fffffffffffffff 0000000000000002"_hex);
  CHECK(Hex(EncodeExpiryKey({1, {2}})) == "78 8000000000000001 0000000000000002"_hex);
  CHECK(Hex(EncodeTailKey(lane, {5, {1}, {2}})) == "6c 01 6162 0001 05 8000000000000001 0000000000000002"_hex);
  LaneKey zero{Mode::kConcurrent, std::string("a\0", 2)};
  CHECK(Hex(EncodeTailKey(zero, {5, {1}, {2}})) == "6c 00 61 00ff 0001 05 8000000000000001 0000000000000002"_hex);
  CHECK(Hex(EncodeLaneKey(lane)) == "71 01 6162"_hex);
  CHECK(Hex(EncodeNamedLaneKey(KeyKind::kLaneCounts, lane)) == "63 6162 0001 01"_hex);
  CHECK(Hex(EncodeNamedLaneKey(KeyKind::kLaneSettings, zero)) == "73 61 00ff 0001 00"_hex);
  CHECK(Hex(EncodeSleeperKey("h:1", 7)) == "77 683a31 0001 0000000000000007"_hex);
  CHECK(Hex(EncodeFkeyKey("k1")) == "66 6b31"_hex);
  CHECK(Hex(EncodeIdempotencyKey({"me", "k1"})) == "69 6d65 0001 6b31"_hex);
  CHECK(Hex(EncodeSettledKey(Phase::kFailed, {0x2a})) == "7a 06 000000000000002a"_hex);
  CHECK(Hex(EncodeMetaKey(kTotalsName)) == "6d 746f74616c73"_hex);
  CHECK(Hex(EncodeMetaKey(kFormatName)) == "6d 666f726d6174"_hex);
}

TEST_CASE("keys: what is encoded decodes to the same, and nothing shorter, longer or of another kind does") {
  LaneKey lane{Mode::kFifo, std::string("a\0b\xff", 4)};
  OrderKey order{9, {-7}, {3}};
  DueKey due{-12, {99}};
  std::string host("h\0:1", 4);
  std::string notify = EncodeNotifyKey({7}), due_key = EncodeDueKey(Clock::kMono, due), expiry = EncodeExpiryKey(due);
  std::string tail = EncodeTailKey(lane, order), sleepers = EncodeSleeperKey(host, 5), settled = EncodeSettledKey(Phase::kExpired, {8});
  CHECK(DecodeNotifyKey(notify)->value == 7);
  CHECK(DecodeDueKey(due_key) == due);
  CHECK(DecodeExpiryKey(expiry) == due);
  CHECK(DecodeTailKey(tail, lane) == order);
  REQUIRE(DecodeSleeperKey(sleepers));
  CHECK(DecodeSleeperKey(sleepers)->host == host);
  CHECK(DecodeSleeperKey(sleepers)->order == 5);
  CHECK(DecodeSettledKey(settled)->value == 8);
  std::string counts = EncodeNamedLaneKey(KeyKind::kLaneCounts, lane), settings = EncodeNamedLaneKey(KeyKind::kLaneSettings, lane);
  CHECK(DecodeNamedLaneKey(KeyKind::kLaneCounts, counts) == lane);
  CHECK(DecodeNamedLaneKey(KeyKind::kLaneSettings, settings) == lane);
  CHECK_FALSE(DecodeNamedLaneKey(KeyKind::kLaneSettings, counts));
  std::string third_mode = counts;
  third_mode.back() = 2;
  CHECK_FALSE(DecodeNamedLaneKey(KeyKind::kLaneCounts, third_mode));
  for (const std::string& key : {notify, due_key, expiry, tail, sleepers, settled, counts, settings}) {
    for (std::string wrong : {key.substr(0, key.size() - 1), key + "x", "?" + key.substr(1), std::string()}) {
      CHECK_FALSE(DecodeNotifyKey(wrong));
      CHECK_FALSE(DecodeDueKey(wrong));
      CHECK_FALSE(DecodeExpiryKey(wrong));
      CHECK_FALSE(DecodeTailKey(wrong, lane));
      CHECK_FALSE(DecodeSleeperKey(wrong));
      CHECK_FALSE(DecodeSettledKey(wrong));
      CHECK_FALSE(DecodeNamedLaneKey(KeyKind::kLaneCounts, wrong));
    }
  }
}

TEST_CASE("keys: byte order is the order of times and ids, negative times included") {
  std::vector<DueKey> order = {{INT64_MIN, {0}}, {-2, {9}}, {-1, {1}},  {0, {0}},   {0, {1}},
                               {0, {256}},       {1, {0}},  {255, {0}}, {256, {0}}, {INT64_MAX, {~0ull}}};
  for (size_t i = 1; i < order.size(); ++i) {
    CHECK(EncodeDueKey(Clock::kWall, order[i - 1]) < EncodeDueKey(Clock::kWall, order[i]));
    CHECK(EncodeExpiryKey(order[i - 1]) < EncodeExpiryKey(order[i]));
  }
  CHECK(EncodeDueKey(Clock::kWall, order.back()) < EncodeDueKey(Clock::kMono, order.front()));
}

TEST_CASE("keys: names sort as they are, and no lane's tail reaches into another's, whatever bytes they hold") {
  std::vector<std::string> names = {std::string("\0", 1),
                                    std::string("\0\0", 2),
                                    std::string("\0\1", 2),
                                    "a",
                                    std::string("a\0", 2),
                                    std::string("a\0\xff", 3),
                                    std::string("a\1", 2),
                                    "ab",
                                    "b",
                                    "\xff"};
  for (size_t i = 0; i < names.size(); ++i) {
    LaneKey lane{Mode::kConcurrent, names[i]};
    std::string begin = EncodeTailPrefix(lane), end = PrefixEnd(begin);
    CHECK(EncodeTailKey(lane, {0, {INT64_MIN}, {0}}) >= begin);
    CHECK(EncodeTailKey(lane, {255, {INT64_MAX}, {~0ull}}) < end);
    if (i == 0) continue;
    LaneKey before{Mode::kConcurrent, names[i - 1]};
    CHECK(PrefixEnd(EncodeTailPrefix(before)) <= begin);
    CHECK(PrefixEnd(EncodeSleeperPrefix(names[i - 1])) <= EncodeSleeperPrefix(names[i]));
  }
}

TEST_CASE("keys: named lanes sort by name, then mode, and a prefix takes in just the names that begin with it") {
  std::vector<std::string> names = {
      std::string("\0", 1), std::string("\0\xff", 2), "a", std::string("a\0", 2), std::string("a\0b", 3), "ab", "a\xff", "a\xff\xff", "b", "\xff"};
  std::vector<std::string> keys;
  for (const std::string& name : names)
    for (Mode mode : {Mode::kConcurrent, Mode::kFifo}) keys.push_back(EncodeNamedLaneKey(KeyKind::kLaneCounts, {mode, name}));
  CHECK(std::is_sorted(keys.begin(), keys.end()));
  names.push_back("");
  for (const std::string& prefix : names) {
    std::string begin = EncodeNamedLanePrefix(KeyKind::kLaneCounts, prefix), end = PrefixEnd(begin);
    for (size_t i = 0; i < keys.size(); ++i) {
      INFO(Hex(prefix) << " " << Hex(keys[i]));
      CHECK((keys[i] >= begin && keys[i] < end) == names[i / 2].starts_with(prefix));
    }
  }
}

}  // namespace
}  // namespace notifyd
