// What receivers answer: any bytes, cut into reads at any place, come to one outcome, and no more is kept of them than may be.
// Input: a byte that chooses what is asked for, one that says how long a read is, then what came.
#include "base/check.h"
#include "net/sender/answer_framing.h"

using namespace notifyd;

namespace {

constexpr size_t kMaxBytes = 300;

struct Outcome {
  AttemptResult result;
  bool said = false;
  bool bodiless = false;  // bytes behind such an answer contradict it if they came with it: that depends on the cut
};

Outcome Read(uint8_t choice, std::string_view bytes, size_t step) {
  AnswerPattern expect{{2}, std::nullopt, {}}, fatal{{4}, std::nullopt, {}};
  if (choice & 1) expect.contains = "ok";
  if (choice & 2) expect.json = {{"/ok", "true"}};
  if (choice & 4) fatal.contains = "no";
  auto envelope = std::make_shared<Envelope>();
  if (choice & 32) {
    RetryPolicy policy;
    policy.fatal_on = fatal;
    envelope->retry = std::make_shared<const RetryPolicy>(policy);
  }
  AnswerReader reader;
  AnswerFraming framing;
  reader.Begin({.to_head = (choice & 8) != 0,
                .reply_none = (choice & 16) != 0,
                .expect = &expect,
                .retry = &envelope->retry_policy(),
                .max_response_bytes = kMaxBytes,
                .recorded_failure_bytes = 40,
                .recorded_success_bytes = 20});
  framing.Begin(&reader);
  bool usable = true;
  while (usable && !bytes.empty() && !reader.finished() && reader.fault() == nullptr) {
    const std::string_view read = bytes.substr(0, step);
    bytes.remove_prefix(read.size());
    usable = framing.Take(read);
    CHECK(!usable || framing.begun());
  }
  if (usable && bytes.empty() && !framing.ended()) framing.TakeEof();
  CHECK(!framing.ended() || framing.left() == 0);
  Unjudged out;
  out.envelope = envelope;
  out.expect = expect;
  Outcome outcome;
  outcome.said = reader.Conclude(&out);
  CHECK(out.body.size() <= kMaxBytes + 1);
  outcome.bodiless = reader.status() == 204 || reader.status() == 304;
  if (outcome.said) outcome.result = Judge(std::move(out)).result;
  CHECK(outcome.said == (reader.fault() != nullptr || reader.decided() || reader.finished()));
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Outcome whole = Read(data[0], bytes, bytes.size() + 1);
  const Outcome cut = Read(data[0], bytes, size_t{1} + data[1] % 16);
  CHECK(whole.bodiless == cut.bodiless);
  if (whole.bodiless) return 0;
  CHECK(whole.said == cut.said);
  CHECK(whole.result.verdict == cut.result.verdict);
  CHECK(whole.result.record.error == cut.result.record.error);
  CHECK(whole.result.record.status == cut.result.record.status);
  return 0;
}
