#include "cli/client/import_submitter.h"

#include <algorithm>
#include <utility>

#include "base/json_tree.h"
#include "cli/client/submit_file.h"

namespace notifyd {
namespace {

constexpr size_t kAnswerMost = 64 << 20;
constexpr int64_t kWindowMs = 30LL * 24 * 3600 * 1000;  // contract section 20: so long a run that was broken off can be taken up again

/// Will it pass?
bool IsPassing(int status) {
  return status == 408 || status == 429 || status >= 500;
}

/// Is it what it says of lanes that is refused, by a broker's scopes, or by one that does not know of it?
bool IsAboutLanes(const HttpAnswer& answer) {
  if (answer.status != 403 && answer.status != 422) return false;
  const Result<JsonTree> tree = JsonTree::Parse(answer.body);
  return tree.ok() && TextAt(tree->root(), "/field") == "/on_retry";
}

}  // namespace

ImportSubmitter::ImportSubmitter(const Context& context, int64_t reconnect_ms, std::function<bool()> stopped,
                                 std::function<void(const std::string&)> say)
    : context_(context), stopped_(std::move(stopped)), say_(std::move(say)), patience_(reconnect_ms) {
  context_.client->GiveUpWhen(stopped_);
}

ImportSubmitter::Batch ImportSubmitter::Submit(const std::vector<OldCall>& calls, const std::function<void()>& meanwhile) {
  Batch batch;
  batch.answers.resize(calls.size());
  for (;;) {
    const auto known = [&] { return std::count_if(batch.answers.begin(), batch.answers.end(), [](const auto& each) { return each.has_value(); }); };
    const auto before = known();
    const Try outcome = SubmitOnce(calls, &batch);
    if (outcome == Try::kRefused) {
      say_("notifyctl: " + why_);
      batch.end = ImportEnd::kRefused;
      return batch;
    }
    if (known() > before || outcome == Try::kDone) patience_.Reset();
    if (outcome == Try::kDone) {
      if (said_away_) say_("the broker takes submits again");
      said_away_ = false;
      return batch;
    }
    if (meanwhile) meanwhile();
    if (stopped_()) {
      batch.end = ImportEnd::kStopped;
      return batch;
    }
    if (!said_away_) say_(why_ + "; trying again");
    said_away_ = true;
    if (patience_.Wait()) continue;
    say_("notifyctl: " + why_);
    batch.end = away_ ? ImportEnd::kUnreachable : ImportEnd::kRefused;
    return batch;
  }
}

ImportSubmitter::Try ImportSubmitter::Judge(const Result<HttpAnswer>& answer) {
  away_ = !answer.ok();
  if (away_) {
    why_ = answer.status().detail();
    return Try::kAgain;
  }
  if (answer->Done()) return Try::kDone;
  why_ = ProblemText(*answer);
  return IsPassing(answer->status) ? Try::kAgain : Try::kRefused;
}

ImportSubmitter::Try ImportSubmitter::SubmitOnce(const std::vector<OldCall>& calls, Batch* batch) {
  std::string body;
  std::vector<size_t> sent;  // which line is whose
  for (size_t i = 0; i < calls.size(); ++i) {
    if (batch->answers[i]) continue;
    sent.push_back(i);
    body.append(calls[i].document).push_back('\n');
  }
  if (sent.empty()) return Try::kDone;
  HttpCall call;
  call.method = "POST";
  // NotifyAgent's queues go on while one waits for its next attempt.
  call.path = SubmitPath(kWindowMs) + (lanes_stay_ ? "" : "&on_retry=skip");
  call.body = &body;
  call.content_type = "application/x-ndjson";
  call.most_bytes = kAnswerMost;
  const Result<HttpAnswer> answer = context_.client->Send(call);
  if (answer.ok() && !lanes_stay_ && IsAboutLanes(*answer)) {
    lanes_stay_ = true;
    say_("lanes keep their on_retry, which is block unless it was set: " + ProblemText(*answer));
    return SubmitOnce(calls, batch);
  }
  if (const Try outcome = Judge(answer); outcome != Try::kDone) return outcome;
  why_.clear();
  size_t next = 0;
  std::string_view lines = answer->body;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    if (line.empty()) continue;
    if (const Try outcome = Take(line, sent, &next, batch); outcome != Try::kDone) return outcome;
  }
  const bool whole = std::all_of(batch->answers.begin(), batch->answers.end(), [](const auto& each) { return each.has_value(); });
  if (whole) return Try::kDone;
  if (why_.empty()) why_ = "the broker's answer has fewer lines than were submitted";
  return Try::kAgain;
}

ImportSubmitter::Try ImportSubmitter::Take(std::string_view line, const std::vector<size_t>& sent, size_t* next, Batch* batch) {
  const Result<JsonTree> tree = JsonTree::Parse(line);
  const bool object = tree.ok() && tree->root().kind() == JsonTree::Kind::kObject;
  // A problem: the broker stops, or restarts, and has taken none of those behind, or it does not know whether those were taken.
  if (object && !tree->root().At("/index") && tree->root().At("/type")) {
    why_ = ProblemText(tree->root());
    return Try::kAgain;
  }
  if (!object || NumberAt(tree->root(), "/index", UINT64_MAX) != *next || *next >= sent.size()) {
    why_ = "a line of the broker's answer is not the next one";
    return Try::kRefused;
  }
  const JsonTree::Value answer = tree->root();
  std::optional<ImportAnswer>& out = batch->answers[sent[(*next)++]];
  const std::optional<JsonTree::Value> error = answer.At("/error");
  if (!error) {
    using Kind = ImportAnswer::Kind;
    out = ImportAnswer{Cell(answer.At("/duplicate")) == "true" ? Kind::kKnown : Kind::kNew, TextAt(answer, "/id"), ""};
    return Try::kDone;
  }
  const int status = static_cast<int>(NumberAt(*error, "/status"));
  if (IsPassing(status)) {
    why_ = ProblemText(*error);
    return Try::kDone;
  }
  const bool key_used = status == 422 && TextAt(*error, "/field") == "/idempotency_key";
  out = ImportAnswer{key_used ? ImportAnswer::Kind::kKeyUsed : ImportAnswer::Kind::kRefused, "", ProblemText(*error)};
  return Try::kDone;
}

bool ImportSubmitter::Cancel(const std::string& id) {
  const Result<HttpAnswer> answer = context_.client->Call("DELETE", "/v1/notifies/" + HttpClient::Encode(id));
  return answer.ok() && answer->Done();
}

}  // namespace notifyd
