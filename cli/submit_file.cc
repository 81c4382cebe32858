#include "cli/submit_file.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "broker/json_tree.h"
#include "cli/context.h"

namespace notifyd {
namespace {

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kAnswerLineMost = 1 << 20;  // a broker's line is a few hundred bytes

class Submission : public HttpExchange {
 public:
  Submission(int input, const FileHooks& hooks, FileOutcome* outcome) : input_(input), hooks_(hooks), outcome_(outcome) {}

  size_t Produce(char* to, size_t size) override {
    while (sent_ == ready_.size()) {
      if (ended_) return 0;
      pollfd entry{input_, POLLIN, 0};
      if (poll(&entry, 1, 0) == 0) return kNothingYet;
      Read();
    }
    size_t count = std::min(size, ready_.size() - sent_);
    std::memcpy(to, ready_.data() + sent_, count);
    sent_ += count;
    return count;
  }

  int input() const override { return input_; }

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

  void OnRound() override {
    if (hooks_.progress) hooks_.progress(outcome_->counts);
  }

  /// The answer is over.
  bool Finish() { return line_.empty() || TakeLine(); }
  bool ended() const { return ended_; }

 private:
  void Read() {
    char buffer[kReadBytes];
    ssize_t size = read(input_, buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) return;
    if (size <= 0) {
      ended_ = true;
      if (size < 0) outcome_->fault = Status(Code::kIo, std::string("reading the file failed: ") + std::strerror(errno));
      return;
    }
    ready_.clear();
    sent_ = 0;
    filter_.Add({buffer, static_cast<size_t>(size)}, &ready_);
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
    Result<JsonTree> tree = JsonTree::Parse(line_);
    if (!tree.ok() || tree->root().kind() != JsonTree::Kind::kObject) return Malformed("a line of the answer is not a JSON object");
    JsonTree::Value answer = tree->root();
    FileCounts& counts = outcome_->counts;
    if (NumberAt(answer, "/index", UINT64_MAX) != counts.answered() || counts.answered() >= counts.sent)
      return Malformed("a line of the answer is not the next one");
    uint64_t number = filter_.NumberOf(counts.answered());
    std::optional<JsonTree::Value> error = answer.At("/error");
    std::string id = TextAt(answer, "/id");
    if (!error && id.empty()) return Malformed("a line of the answer has neither id nor error");
    if (hooks_.answered) hooks_.answered(line_);
    outcome_->answered_line = number;
    if (error) {
      ++counts.refused;
      std::string why = ProblemText(*error);
      if (hooks_.refused) hooks_.refused(number, why.empty() ? std::string(error->raw()) : why);
      return true;
    }
    ++counts.accepted;
    counts.duplicates += Cell(answer.At("/duplicate")) == "true";
    counts.kept += Cell(answer.At("/kept")) == "true";
    if (outcome_->first_id.empty()) outcome_->first_id = id;
    outcome_->last_id = std::move(id);
    return true;
  }

  int input_;
  const FileHooks& hooks_;
  FileOutcome* outcome_;
  LineFilter filter_;
  std::string ready_;  // to be sent, from sent_ on
  size_t sent_ = 0;
  std::string line_;  // the beginning of a line of the answer
  bool ended_ = false;
};

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

FileOutcome SubmitFile(int input, HttpClient* client, const FileHooks& hooks) {
  FileOutcome outcome;
  Submission submission(input, hooks, &outcome);
  StreamOutcome stream = client->Stream("/v1/notifies", "application/x-ndjson", &submission);
  if (stream.answer.status != 0 && !stream.answer.Done()) {
    // However the connection ended: the broker may close it before all has been sent.
    outcome.refused_whole = true;
    outcome.fault = Status(Code::kUnacceptable, ProblemText(stream.answer));
    return outcome;
  }
  if (outcome.fault.code() == Code::kMalformed) return outcome;
  bool whole = stream.fault.ok() && submission.Finish();
  if (outcome.fault.code() == Code::kMalformed) return outcome;
  if (whole && outcome.counts.answered() == outcome.counts.sent) return outcome;
  outcome.unreachable = true;
  outcome.fault = stream.fault.ok() ? Status(Code::kUnavailable, client->server() + ": the answer ended before the last line's") : stream.fault;
  return outcome;
}

}  // namespace notifyd
