#include "cli/client/submit_file.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/json.h"
#include "base/json_tree.h"
#include "base/system_error.h"
#include "cli/client/context.h"

namespace notifyd {
namespace {

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kAnswerLineMost = 1 << 20;  // a broker's line is a few hundred bytes

constexpr char kRestarting[] = "urn:notifyd:problem:restarting";

/// The file on its way, over one request or several.
class Submission : public HttpExchange {
 public:
  Submission(int input, const FileHooks& hooks, FileOutcome* outcome) : input_(input), hooks_(hooks), outcome_(outcome) {}

  /// A request begins, with the first line that is not answered.
  void Begin() {
    first_ = outcome_->counts.answered();
    produced_ = false;
    stop_.clear();
    stop_type_.clear();
    line_.clear();
    unanswered_.Rewind();
  }

  size_t Produce(char* to, size_t size) override {
    if (cut_short()) return 0;
    while (unanswered_.to_send().empty()) {
      if (ended_) return 0;
      pollfd entry{input_, POLLIN, 0};
      if (poll(&entry, 1, 0) == 0) return kNothingYet;
      Read();
    }
    produced_ = true;
    std::string_view next = unanswered_.to_send();
    size_t count = std::min(size, next.size());
    std::memcpy(to, next.data(), count);
    unanswered_.Sent(count);
    return count;
  }

  int input() const override { return input_; }
  bool cut_short() const override { return !stop_type_.empty(); }

  bool Consume(std::string_view piece) override {
    while (!piece.empty()) {
      size_t end = piece.find('\n');
      if (end == std::string_view::npos) {
        line_ += piece;
        if (line_.size() <= kAnswerLineMost) return true;
        return Malformed("a line of the answer is too long");
      }
      line_ += piece.substr(0, end);
      piece.remove_prefix(end + 1);
      if (!TakeLine()) return false;
      line_.clear();
    }
    return true;
  }

  bool OnRound() override {
    if (hooks_.progress) hooks_.progress(outcome_->counts);
    return !stopped();
  }

  /// The answer is over.
  bool Finish() { return line_.empty() || TakeLine(); }
  /// All of the file was answered.
  bool done() const { return ended_ && outcome_->counts.answered() == outcome_->counts.sent; }
  /// Some of the body was given to the connection.
  bool produced() const { return produced_; }
  bool wanted() const { return wanted_; }
  /// The broker said why it took no more; empty: it did not.
  const std::string& stop() const { return stop_; }
  /// The broker said why it does not know what became of those that it did not answer; empty: it did not.
  const std::string& doubt() const { return doubt_; }
  bool restarting() const { return stop_type_ == kRestarting; }
  bool stopped() const { return hooks_.stopped && hooks_.stopped(); }
  /// What was not answered is still here.
  bool complete() const { return unanswered_.complete(); }

 private:
  void Read() {
    char buffer[kReadBytes];
    ssize_t size = read(input_, buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) return;
    if (size <= 0) {
      ended_ = true;
      if (size < 0) outcome_->fault = SystemError("reading the file failed");
      return;
    }
    std::string lines;
    filter_.Add({buffer, static_cast<size_t>(size)}, &lines);
    unanswered_.Add(lines);
    outcome_->counts.bytes += static_cast<uint64_t>(size);
    outcome_->counts.sent = filter_.lines();
  }

  bool Malformed(const std::string& what) {
    outcome_->fault = Status(Code::kMalformed, what + " (behind line " + std::to_string(outcome_->answered_line) + ")");
    return false;
  }

  bool TakeLine() {
    if (!line_.empty() && line_.back() == '\r') line_.pop_back();
    if (line_.empty()) return true;
    if (cut_short()) return Malformed("a line of the answer stands behind its last one");
    Result<JsonTree> tree = JsonTree::Parse(line_);
    if (!tree.ok() || tree->root().kind() != JsonTree::Kind::kObject) return Malformed("a line of the answer is not a JSON object");
    JsonTree::Value answer = tree->root();
    FileCounts& counts = outcome_->counts;
    uint64_t next = counts.answered() - first_;
    if (answer.At("/next_index")) return TakeStop(answer, next);
    // Without next_index: it is the last line all the same.
    if (!answer.At("/index") && answer.At("/type")) {
      doubt_ = ProblemText(answer);
      return true;
    }
    if (NumberAt(answer, "/index", UINT64_MAX) != next || counts.answered() >= counts.sent)
      return Malformed("a line of the answer is not the next one");
    uint64_t number = filter_.NumberOf(counts.answered());
    std::optional<JsonTree::Value> error = answer.At("/error");
    std::string id = TextAt(answer, "/id");
    if (!error && id.empty()) return Malformed("a line of the answer has neither id nor error");
    unanswered_.Answered();
    wanted_ = !hooks_.answered || hooks_.answered(first_ == 0 ? line_ : WithIndex(answer, counts.answered()));
    outcome_->answered_line = number;
    if (error) {
      ++counts.refused;
      counts.for_now += NumberAt(*error, "/status", 0) == 429;
      std::string why = ProblemText(*error);
      if (hooks_.refused) hooks_.refused(number, why.empty() ? std::string(error->raw()) : why);
      return wanted_;
    }
    ++counts.accepted;
    counts.duplicates += Cell(answer.At("/duplicate")) == "true";
    counts.kept += Cell(answer.At("/kept")) == "true";
    if (outcome_->first_id.empty()) outcome_->first_id = id;
    outcome_->last_id = std::move(id);
    return wanted_;
  }

  bool TakeStop(JsonTree::Value problem, uint64_t next) {
    stop_type_ = TextAt(problem, "/type");
    if (stop_type_.empty() || NumberAt(problem, "/next_index", UINT64_MAX) != next)
      return Malformed("the last line of the answer is not the next one");
    stop_ = ProblemText(problem);
    return true;
  }

  /// The index counts over all requests for whoever reads it.
  static std::string WithIndex(JsonTree::Value answer, uint64_t index) {
    std::string out;
    JsonWriter writer(&out);
    writer.BeginObject();
    answer.ForEach([&](JsonTree::Value key, JsonTree::Value value) {
      writer.Key(key.text());
      if (key.text() == "index") writer.Uint(index);
      else writer.Raw(value.raw());
    });
    writer.EndObject();
    return out;
  }

  int input_;
  const FileHooks& hooks_;
  FileOutcome* outcome_;
  LineFilter filter_;
  UnansweredLines unanswered_;
  std::string line_;              // the beginning of a line of the answer
  uint64_t first_ = 0;            // of all lines sent, the first of this request
  std::string stop_type_, stop_;  // of the problem that ended this request
  std::string doubt_;             // why it is not known what became of the rest
  bool produced_ = false;
  bool wanted_ = true;  // more answers
  bool ended_ = false;  // the input
};

std::string TypeOf(const HttpAnswer& answer) {
  Result<JsonTree> problem = JsonTree::Parse(answer.body);
  return problem.ok() ? TextAt(problem->root(), "/type") : "";
}

}  // namespace

void LineFilter::Add(std::string_view piece, std::string* out) {
  for (size_t at = 0; at < piece.size();) {
    if (!at_start_) {
      size_t end = std::min(piece.find('\n', at), piece.size());
      bool whole = end < piece.size();
      out->append(piece, at, end - at + (whole ? 1 : 0));
      at = end + 1;
      if (!whole) return;
      ++number_;
      at_start_ = true;
      continue;
    }
    char c = piece[at];
    if (c == '\n') ++number_;
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      ++at;
      continue;
    }
    at_start_ = false;
    if (runs_.empty() || number_ - runs_.back().number != lines_ - runs_.back().index) runs_.push_back({lines_, number_});
    ++lines_;
  }
}

uint64_t LineFilter::NumberOf(uint64_t index) {
  while (runs_.size() > 1 && runs_[1].index <= index) runs_.pop_front();
  CHECK(!runs_.empty() && index < lines_ && index >= runs_.front().index);
  return runs_.front().number + (index - runs_.front().index);
}

void UnansweredLines::Add(std::string_view lines) {
  if (skipping_) {
    size_t end = lines.find('\n');
    skipping_ = end == std::string_view::npos;
    lines.remove_prefix(skipping_ ? lines.size() : end + 1);
  }
  size_t from = text_.size();
  text_ += lines;
  if (complete_) {
    for (size_t end; (end = text_.find('\n', from)) != std::string::npos; from = end + 1) EndLine(end + 1);
    if (text_.size() - std::min(answered_, sent_) > kMostBytes) {
      complete_ = false;
      ends_.clear();
    }
  }
  Trim();
}

void UnansweredLines::EndLine(size_t end) {
  if (open_answered_) answered_ = end;
  else ends_.push_back(dropped_ + end);
  open_answered_ = false;
}

void UnansweredLines::Sent(size_t bytes) {
  sent_ += bytes;
  Trim();
}

void UnansweredLines::Answered() {
  if (!complete_) return;
  if (ends_.empty()) {
    // A line that is refused before its end has come, or the last one, which has none.
    open_answered_ = true;
    return;
  }
  answered_ = static_cast<size_t>(ends_.front() - dropped_);
  ends_.pop_front();
  Trim();
}

void UnansweredLines::Rewind() {
  if (!complete_) return;
  if (open_answered_) {
    // Of a line that was answered nothing is sent any more, whatever comes of it.
    answered_ = text_.size();
    skipping_ = true;
    open_answered_ = false;
  }
  sent_ = answered_;
  Trim();
}

void UnansweredLines::Trim() {
  size_t gone = complete_ ? std::min(answered_, sent_) : sent_;
  if (gone < text_.size() && (gone < kTrimBytes || gone < text_.size() / 2)) return;
  text_.erase(0, gone);
  dropped_ += gone;
  sent_ -= gone;
  answered_ -= std::min(answered_, gone);
}

std::string SubmitPath(int64_t window_ms) {
  return window_ms > 0 ? "/v1/notifies?idempotency_window_ms=" + std::to_string(window_ms) : "/v1/notifies";
}

FileOutcome SubmitFile(int input, HttpClient* client, const FileHooks& hooks, int64_t reconnect_ms, const std::string& path) {
  FileOutcome outcome;
  Submission submission(input, hooks, &outcome);
  Patience patience(reconnect_ms);
  for (bool resumed = false;;) {
    submission.Begin();
    StreamOutcome stream = client->Stream(path, "application/x-ndjson", &submission);
    const bool stopped = submission.stopped();
    bool refused = stream.answer.status != 0 && !stream.answer.Done();
    bool whole = !refused && stream.fault.ok() && submission.Finish();
    if (outcome.fault.code() == Code::kMalformed) return outcome;
    if (!submission.wanted() && !stopped) {
      outcome.fault = Status(Code::kIo, "ended, since the answers cannot be written");
      return outcome;
    }
    // However the connection ended: nothing is left that it could say.
    if (!refused && stream.answer.status != 0 && submission.done()) return outcome;
    if (submission.cut_short()) {
      resumed = submission.restarting() && submission.complete() && !stopped;
      if (resumed) {
        patience.Reset();
        continue;
      }
      outcome.rest_not_taken = true;
      outcome.fault = Status(Code::kUnavailable, submission.stop());
      return outcome;
    }
    if (refused) {
      // However the connection ended: the broker may close it before all has been sent.
      bool away = stream.answer.status == 503 && (resumed || TypeOf(stream.answer) == kRestarting);
      if (away && submission.complete() && !stopped && patience.Wait()) continue;
      outcome.refused_whole = !resumed;
      outcome.rest_not_taken = true;
      outcome.fault = Status(Code::kUnacceptable, ProblemText(stream.answer));
      return outcome;
    }
    if (whole && outcome.counts.answered() == outcome.counts.sent) return outcome;
    bool nothing_sent = !submission.produced();
    if (resumed && nothing_sent && !stopped && patience.Wait()) continue;
    outcome.unreachable = true;
    outcome.rest_not_taken = nothing_sent || (stopped && outcome.counts.answered() == outcome.counts.sent);
    if (stopped) {
      outcome.fault = Status(Code::kUnavailable, "interrupted");
      return outcome;
    }
    const std::string& doubt = submission.doubt();
    const std::string ended = doubt.empty() ? client->server() + ": the answer ended before the last line's" : doubt;
    outcome.fault = stream.fault.ok() ? Status(Code::kUnavailable, ended) : stream.fault;
    return outcome;
  }
}

}  // namespace notifyd
