#include "storage/merging.h"

#include "contract/store_harness.h"
#include "storage/hex.h"
#include "storage/keys.h"
#include "storage/records.h"

namespace notifyd {
namespace {

const std::string kKey = EncodeNotifyKey({1}), kFkey = EncodeFkeyKey("a"), kCounts = EncodeNamedLaneKey(KeyKind::kLaneCounts, kFifoLane);

std::string Base(const NotifyRecord& record) {
  std::string out;
  EncodeNotify(record, &out);
  return out;
}
std::string Operand(uint32_t attempt, Phase phase = Phase::kRetrying) {
  StateChange change{SettledState(phase), MakeAttempt(attempt)};
  change.state.attempts_made = attempt;
  std::string out;
  EncodeChange(change, &out);
  return out;
}
std::string Fkey(uint64_t id, int64_t expires_ms) {
  std::string out;
  EncodeFkey({{id}, {expires_ms}}, &out);
  return out;
}
std::string FkeyOperand(uint64_t id, int64_t expires_ms) {
  std::string out;
  EncodeFkeyExpiry({{id}, {expires_ms}}, &out);
  return out;
}

std::string Counts(const IndexCounts& counts) {
  std::string out;
  EncodeLaneCounts(counts, &out);
  return out;
}
std::string CountsOperand(const IndexCounts& change) {
  std::string out;
  EncodeLaneCountsChange(change, &out);
  return out;
}

TEST_CASE("merging: changes first merged with each other give what one after the other gives") {
  std::string base = Base(MakeFullRecord(1));
  std::vector<std::string> operands;
  for (uint32_t n = 3; n <= 40; ++n) operands.push_back(Operand(n));
  std::vector<std::string_view> all(operands.begin(), operands.end());
  std::string combined = operands[0];
  for (size_t i = 1; i < operands.size(); ++i) {
    std::string next;
    REQUIRE(MergePartial(kKey, combined, operands[i], &next));
    combined = next;
  }
  CHECK(MergeFull(kKey, base, {combined}) == MergeFull(kKey, base, all));
  auto record = DecodeNotify({1}, MergeFull(kKey, base, all));
  REQUIRE(record.ok());
  CHECK((*record)->attempts.size() == kAttemptsKept);
  CHECK((*record)->attempts.back().number == 40);
  CHECK((*record)->state.attempts_made == 40);
}

TEST_CASE("merging: a change without a record is an orphan, and stays one") {
  std::string orphan = MergeFull(kKey, std::nullopt, {Operand(1)});
  CHECK(IsOrphan(orphan));
  CHECK(IsOrphan(MergeFull(kKey, orphan, {Operand(2)})));
  CHECK(IsOrphan(MergeFull(kFkey, std::nullopt, {FkeyOperand(1, 5)})));
}

TEST_CASE("merging: a damaged part marks the value as damaged and loses nothing of it") {
  std::string base = Base(MakeFullRecord(1)), good = Operand(3), bad = Operand(4);
  bad[5] = static_cast<char>(bad[5] ^ 1);
  std::string merged = MergeFull(kKey, base, {good, bad});
  CHECK(IsDamaged(merged));
  CHECK_FALSE(DecodeNotify({1}, merged).ok());
  for (const std::string& part : {base, good, bad}) CHECK(merged.find(part) != std::string::npos);
  std::string again = MergeFull(kKey, merged, {Operand(5)});
  CHECK(IsDamaged(again));
  CHECK(again.starts_with(merged));
  CHECK(again.find(Operand(5)) != std::string::npos);
  CHECK(IsDamaged(MergeFull(kKey, base.substr(1), {good})));
  std::string out;
  CHECK_FALSE(MergePartial(kKey, good, bad, &out));
  CHECK_FALSE(MergePartial(kKey, bad, good, &out));
}

TEST_CASE("merging: an operand under a key that takes none is damage") {
  CHECK(IsDamaged(MergeFull(EncodeLaneKey(kFifoLane), "value", {"operand"})));
  std::string out;
  CHECK_FALSE(MergePartial(EncodeLaneKey(kFifoLane), Operand(1), Operand(2), &out));
}

TEST_CASE("merging: the expiry of an fkey holds for the notify that it names") {
  auto merged = DecodeFkey(MergeFull(kFkey, Fkey(1, 100), {FkeyOperand(2, 5), FkeyOperand(1, 50), FkeyOperand(3, 7)}));
  REQUIRE(merged.ok());
  CHECK(merged->id.value == 1);
  CHECK(merged->expires_at.ms == 50);
  std::string out;
  REQUIRE(MergePartial(kFkey, FkeyOperand(1, 5), FkeyOperand(1, 6), &out));
  CHECK(out == FkeyOperand(1, 6));
  CHECK_FALSE(MergePartial(kFkey, FkeyOperand(1, 5), FkeyOperand(2, 6), &out));
}

TEST_CASE("merging: an fkey that remembers a trigger keeps it over a change of its expiry") {
  std::string base;
  EncodeFkey({{}, {100}, std::make_shared<const RememberedTrigger>(RememberedTrigger{"{}", {true, {}}})}, &base);
  auto merged = DecodeFkey(MergeFull(kFkey, base, {FkeyOperand(2, 5)}));
  REQUIRE(merged.ok());
  CHECK(merged->expires_at.ms == 100);
  REQUIRE(merged->remembered);
  CHECK(merged->remembered->data == "{}");
}

// The golden bytes of a notify waiting in the lane "orders", and of its first attempt's failure, as format 1 wrote them.
TEST_CASE("merging: values and operands of versions 1 and 2 meet in every pair, and the result is version 2") {
  std::string base1 = Unhex(
      "01 01 a01f 00 00 feffffffffffffffff01 00 00 00 00 d00f 01 06 6f7264657273 04 683a3830 04 00 00 02 6d65 00 "
      "0d 01 00 0a 687474703a2f2f682f78 b8bc3b0c");
  std::string change1 = Unhex("8102a01f0a00feffffffffffffffff010001000001011206f403016501640162471b3a7e");
  auto decoded = DecodeNotify({1}, base1);
  REQUIRE(decoded.ok());
  std::string base2 = Base(**decoded), change2;
  auto change = DecodeChanges(change1);
  REQUIRE(change.ok());
  EncodeChanges(*change, &change2);
  REQUIRE(base1 != base2);
  REQUIRE(change1 != change2);

  std::string merged = MergeFull(kKey, base2, {change2, Operand(2)});
  REQUIRE(DecodeNotify({1}, merged).ok());
  CHECK((*DecodeNotify({1}, merged))->attempts.size() == 2);
  CHECK(static_cast<uint8_t>(merged[0]) == static_cast<uint8_t>(ValueTag::kRecord2));
  for (const std::string& base : {base1, base2}) {
    for (const std::string& older : {change1, change2}) {
      CHECK(MergeFull(kKey, base, {older, Operand(2)}) == merged);
      std::string both;
      REQUIRE(MergePartial(kKey, older, Operand(2), &both));
      CHECK(static_cast<uint8_t>(both[0]) == static_cast<uint8_t>(ValueTag::kOperand2));
      CHECK(MergeFull(kKey, base, {both}) == merged);
    }
  }
  std::string fkey1 = Unhex("012ad00f1d54d511");
  CHECK(MergeFull(kFkey, fkey1, {FkeyOperand(0x2a, 77)}) == Fkey(0x2a, 77));
}

TEST_CASE("merging: lane counts add up from nothing, in whatever way they are put together") {
  std::vector<std::string> parts;
  IndexCounts sum;
  for (int64_t i = 1; i <= 12; ++i) {
    IndexCounts change{i, -i, 100 * i, 1, INT32_MAX};
    parts.push_back(CountsOperand(change));
    sum += change;
  }
  std::vector<std::string_view> all(parts.begin(), parts.end());
  CHECK(MergeFull(kCounts, std::nullopt, all) == Counts(sum));
  // From the left, and from the right.
  std::string left = parts.front(), right = parts.back();
  for (size_t i = 1; i < parts.size(); ++i) {
    std::string next;
    REQUIRE(MergePartial(kCounts, left, parts[i], &next));
    left = next;
    REQUIRE(MergePartial(kCounts, parts[parts.size() - 1 - i], right, &next));
    right = next;
  }
  CHECK(left == CountsOperand(sum));
  CHECK(right == left);
  std::vector<std::string_view> rest(all.begin() + 4, all.end());
  CHECK(MergeFull(kCounts, MergeFull(kCounts, std::nullopt, {all[0], all[1], all[2], all[3]}), rest) == Counts(sum));
  CHECK(MergeFull(kCounts, Counts({1, 0, 0, 0, 0}), {CountsOperand({-1, 0, 0, 0, 0})}) == Counts({}));
}

TEST_CASE("merging: damaged lane counts are marked as damaged, with all their parts, and do not merge in part") {
  std::string good = CountsOperand({1, 0, 0, 0, 0}), bad = good, out;
  bad[2] ^= 1;
  for (const std::optional<std::string_view>& base : {std::optional<std::string_view>(), std::optional<std::string_view>(bad)}) {
    std::string merged = MergeFull(kCounts, base, {good, bad});
    CHECK(IsDamaged(merged));
    CHECK_FALSE(DecodeLaneCounts(merged).ok());
    CHECK(merged.find(bad) != std::string::npos);
    CHECK(MergeFull(kCounts, merged, {good}).starts_with(merged));
  }
  CHECK_FALSE(MergePartial(kCounts, good, bad, &out));
  CHECK_FALSE(MergePartial(kCounts, bad, good, &out));
  CHECK(IsDamaged(MergeFull(kCounts, good, {good})));  // an operand is no value
}

}  // namespace
}  // namespace notifyd
