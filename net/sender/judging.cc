#include "net/sender/judging.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "base/utf8.h"
#include "broker/expectation.h"

namespace notifyd {
namespace {

constexpr size_t kMaxDetailBytes = 300;

void JudgeBody(const Unjudged& unjudged, AttemptResult* result) {
  const Answer answer{result->record.status, unjudged.body, unjudged.whole};
  JudgeAnswer(unjudged.expect, unjudged.envelope->retry_policy(), answer, result);
  if (unjudged.broken.record.error.empty()) return;
  // What was read may have settled it; a success must have come as far as it is recorded.
  const bool open = result->record.error == "response_too_large";
  const bool short_success = result->verdict == Verdict::kSuccess && unjudged.body.size() < unjudged.recorded_success_bytes;
  if (!open && !short_success) return;
  result->verdict = unjudged.broken.verdict;
  result->record.error = unjudged.broken.record.error;
  result->record.detail = unjudged.broken.record.detail;
}

void MaskResponse(const SecretValues& secrets, Response* response) {
  for (auto& [name, value] : response->headers) value = RepairUtf8(secrets.Mask(value, false), SIZE_MAX);
  if (!secrets.empty()) response->body = secrets.Mask(response->body, response->truncated);
}

}  // namespace

size_t Unjudged::bytes() const {
  // Masks look at what is recorded, for each secret.
  const size_t recorded =
      (std::min(body.size(), std::max(recorded_failure_bytes, recorded_success_bytes)) + (response ? response->body.size() : 0)) * secrets.size();
  if (decided) return recorded;
  return recorded + JudgeBytes(expect, envelope->retry_policy(), {ended.result.record.status, body, whole});
}

AttemptEnded Judge(Unjudged unjudged) {
  AttemptResult& result = unjudged.ended.result;
  AttemptRecord& record = result.record;
  if (!unjudged.decided) JudgeBody(unjudged, &result);
  if (!unjudged.redirected_to.empty() && !record.error.empty())
    record.detail.append(record.detail.empty() ? "" : "; ").append("after a redirect to ").append(unjudged.redirected_to);
  const size_t recorded = result.verdict == Verdict::kSuccess ? unjudged.recorded_success_bytes : unjudged.recorded_failure_bytes;
  // Before anything is cut, so that no beginning of a secret is left.
  const SecretValues& secrets = unjudged.secrets;
  record.detail = RepairUtf8(secrets.Mask(record.detail, false), kMaxDetailBytes);
  const std::string_view begin = std::string_view(unjudged.body).substr(0, recorded + kSequenceRestBytes);
  record.response_body = RepairUtf8(secrets.Mask(begin, unjudged.cut || begin.size() < unjudged.body.size()), recorded);
  if (unjudged.response) {
    MaskResponse(secrets, unjudged.response.get());
    result.response = std::move(unjudged.response);
  }
  return std::move(unjudged.ended);
}

void JudgeThread::Add(Unjudged unjudged) {
  const NamespaceNumber number = unjudged.ended.id.number();
  std::string host = unjudged.envelope->host;
  auto item = std::make_shared<Unjudged>(std::move(unjudged));
  auto ended = std::make_shared<AttemptEnded>();
  auto work = [this, item = std::move(item), ended] {
    *ended = judge_(std::move(*item));
    return ended->result.response ? ended->result.response->body.size() : 0;
  };
  side_.Add({.number = number, .host = std::move(host), .work = std::move(work), .then = [this, ended] { done_(std::move(*ended)); }});
}

}  // namespace notifyd
