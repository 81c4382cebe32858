#include "cli/client/import_submitter.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/json_tree.h"
#include "cli/bridge/batch_item.h"
#include "cli/client/submit_file.h"

namespace notifyd {
namespace {

constexpr size_t kAnswerMost = 64 << 20;
constexpr size_t kMostCalls = 1000;                     // of one request
constexpr size_t kMostBytes = 8 << 20;                  // of one request, unless a single call has more
constexpr int64_t kTellsWhenMs = 1000;                  // a refusal for now that asks for no longer does not know when
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

/// May it be about one call as well as about the request, where no field is named?
bool MayBeOfOne(int status) {
  return status == 400 || status == 409 || status == 413 || status == 422;
}

/// The problem for people, whose request held more than what it is about.
std::string WhyOfItem(JsonTree::Value problem, const std::string& pointer, std::string_view field) {
  std::string text = ProblemText(problem);
  const std::string suffix = " (" + pointer + ")";
  if (!text.ends_with(suffix)) return text;
  text.resize(text.size() - suffix.size());
  return field.empty() ? text : text + " (" + std::string(field) + ")";
}

}  // namespace

ImportSubmitter::ImportSubmitter(const Context& context, int64_t reconnect_ms, std::function<bool()> stopped,
                                 std::function<void(const std::string&)> say)
    : context_(context), stopped_(std::move(stopped)), say_(std::move(say)), patience_(reconnect_ms), most_(kMostCalls) {
  context_.client->GiveUpWhen(stopped_);
}

ImportSubmitter::Batch ImportSubmitter::Submit(const std::vector<OldCall>& calls, const std::function<void()>& meanwhile) {
  Batch batch;
  batch.answers.resize(calls.size());
  for (size_t at = 0; at < calls.size();) {
    const size_t before = at;
    const Try outcome = SubmitSome(calls, &at, &batch);
    if (outcome == Try::kRefused) {
      say_("notifyctl: " + why_);
      batch.end = ImportEnd::kRefused;
      return batch;
    }
    if (at > before) patience_.Reset();
    if (at == calls.size()) break;
    if (meanwhile) meanwhile();
    if (stopped_()) {
      batch.end = ImportEnd::kStopped;
      return batch;
    }
    if (outcome == Try::kOn) continue;
    if (!said_away_) say_(why_ + "; trying again");
    said_away_ = true;
    if (outcome == Try::kLater) {
      AwaitTurn(meanwhile);
      continue;
    }
    if (patience_.Wait()) continue;
    say_("notifyctl: " + why_);
    batch.end = away_ ? ImportEnd::kUnreachable : ImportEnd::kRefused;
    return batch;
  }
  if (said_away_) say_("the broker takes submits again");
  said_away_ = false;
  return batch;
}

/// The broker is there, and has said when a rate takes more: no patience is lost by that.
void ImportSubmitter::AwaitTurn(const std::function<void()>& meanwhile) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms_);
  patience_.Reset();
  for (auto now = std::chrono::steady_clock::now(); now < until && !stopped_(); now = std::chrono::steady_clock::now()) {
    std::this_thread::sleep_for(std::min<std::chrono::steady_clock::duration>(until - now, std::chrono::seconds(1)));
    if (meanwhile) meanwhile();
  }
}

size_t ImportSubmitter::EndOf(const std::vector<OldCall>& calls, size_t from) const {
  const size_t most = from + std::min(most_, calls.size() - from);
  size_t to = from + 1;
  for (size_t bytes = calls[from].document.size(); to < most; ++to) {
    bytes += calls[to].document.size() + 1;
    if (bytes > kMostBytes) break;
  }
  return to;
}

ImportSubmitter::Try ImportSubmitter::SubmitSome(const std::vector<OldCall>& calls, size_t* at, Batch* batch) {
  const size_t to = EndOf(calls, *at), count = to - *at;
  std::string body = "[";
  for (size_t i = *at; i < to; ++i) body.append(i > *at ? "," : "").append(calls[i].document);
  body += ']';
  HttpCall call;
  call.method = "POST";
  // NotifyAgent's queues go on while one waits for its next attempt.
  call.path = SubmitPath(kWindowMs) + (lanes_stay_ ? "" : "&on_retry=skip");
  call.body = &body;
  call.most_bytes = kAnswerMost;
  call.repeatable = true;  // each has its key
  const Result<HttpAnswer> answer = context_.client->Send(call);
  away_ = !answer.ok();
  if (away_) {
    why_ = answer.status().detail();
    most_ = std::max<size_t>(1, count / 2);
    return Try::kAgain;
  }
  if (answer->Done()) return TakeAccepted(*answer, count, at, batch);
  if (!lanes_stay_ && IsAboutLanes(*answer)) {
    lanes_stay_ = true;
    say_("lanes keep their on_retry, which is block unless it was set: " + ProblemText(*answer));
    return Try::kOn;
  }
  return TakeRefused(*answer, count, at, batch);
}

ImportSubmitter::Try ImportSubmitter::TakeAccepted(const HttpAnswer& answer, size_t count, size_t* at, Batch* batch) {
  using Kind = ImportAnswer::Kind;
  std::vector<ImportAnswer> accepted;
  const Result<JsonTree> tree = JsonTree::Parse(answer.body);
  const std::optional<JsonTree::Value> items = tree.ok() ? tree->root().At("/items") : std::nullopt;
  if (items && items->kind() == JsonTree::Kind::kArray) {
    items->ForEach([&](JsonTree::Value, JsonTree::Value item) {
      std::string id = TextAt(item, "/id");
      if (!id.empty()) accepted.push_back({Cell(item.At("/duplicate")) == "true" ? Kind::kKnown : Kind::kNew, std::move(id), ""});
    });
  }
  if (accepted.size() != count) {
    why_ =
        "what answers is no notifyd: " + std::to_string(count) + " notifies were submitted, and " + std::to_string(accepted.size()) + " answered for";
    return Try::kRefused;
  }
  for (ImportAnswer& each : accepted) batch->answers[(*at)++] = std::move(each);
  most_ = std::min(2 * most_, kMostCalls);
  return Try::kOn;
}

ImportSubmitter::Try ImportSubmitter::TakeRefused(const HttpAnswer& answer, size_t count, size_t* at, Batch* batch) {
  const Result<JsonTree> problem = JsonTree::Parse(answer.body);
  const std::string pointer = problem.ok() ? TextAt(problem->root(), "/field") : "";
  const std::optional<BatchItem> item = BatchItemOf(pointer);
  why_ = ProblemText(answer);
  if (item && item->index > 0 && item->index < count) {
    // What stands before it would have been taken.
    most_ = item->index;
    return Try::kOn;
  }
  const bool first = item && item->index == 0;
  if (IsPassing(answer.status)) {
    // A broker in a hurry has time for a few, a disk may have room for a few, and never for as many as these. A rate takes any number, once it is
    // their turn.
    if (!first && answer.status != 429) most_ = std::max<size_t>(1, count / 2);
    wait_ms_ = answer.status == 429 ? answer.retry_after_ms : 0;
    return wait_ms_ > kTellsWhenMs ? Try::kLater : Try::kAgain;
  }
  if (!first && (!pointer.empty() || !MayBeOfOne(answer.status))) return Try::kRefused;
  if (!first && count > 1) {
    most_ = count / 2;
    return Try::kOn;
  }
  // Something in front of the broker knows nothing of calls: for what it says nothing may be taken away.
  if (!problem.ok() || problem->root().kind() != JsonTree::Kind::kObject) return Try::kRefused;
  const bool key_used = first && answer.status == 422 && item->field == "/idempotency_key";
  using Kind = ImportAnswer::Kind;
  batch->answers[(*at)++] =
      ImportAnswer{key_used ? Kind::kKeyUsed : Kind::kRefused, "", WhyOfItem(problem->root(), pointer, item ? item->field : "")};
  most_ = 1;
  return Try::kOn;
}

bool ImportSubmitter::Cancel(const std::string& id) {
  const Result<HttpAnswer> answer = context_.client->Call("DELETE", "/v1/notifies/" + HttpClient::Encode(id));
  return answer.ok() && answer->Done();
}

}  // namespace notifyd
