#include "storage/merging.h"

#include "contract/store_harness.h"
#include "storage/keys.h"
#include "storage/records.h"

namespace notifyd {
namespace {

const std::string kKey = EncodeNotifyKey({1}), kFkey = EncodeFkeyKey("a");

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

}  // namespace
}  // namespace notifyd
