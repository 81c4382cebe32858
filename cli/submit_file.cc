#include "cli/submit_file.h"

#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "broker/json_tree.h"

namespace notifyd {
namespace {

constexpr size_t kBatchItems = 1000, kBatchBytes = 4 << 20;

struct Line {
  uint64_t number = 0;  // 1, 2, ...
  std::string json;
};

std::string TextAt(const JsonTree& tree, std::string_view pointer) {
  std::optional<JsonTree::Value> value = tree.root().At(pointer);
  return value && value->kind() == JsonTree::Kind::kString ? std::string(value->text()) : "";
}

/// "/3/url" is index 3 and field "/url".
std::optional<size_t> SplitIndex(const std::string& field, std::string* rest) {
  if (field.size() < 2 || field[0] != '/') return std::nullopt;
  size_t index = 0;
  auto [end, error] = std::from_chars(field.data() + 1, field.data() + field.size(), index);
  if (error != std::errc() || (end != field.data() + field.size() && *end != '/')) return std::nullopt;
  rest->assign(end, field.data() + field.size());
  return index;
}

std::string WithField(const std::string& detail, const std::string& field) {
  return field.empty() ? detail : detail + " (" + field + ")";
}

class Submitter {
 public:
  Submitter(HttpClient* client, const FileHooks& hooks, FileOutcome* outcome) : client_(client), hooks_(hooks), outcome_(outcome) {}

  /// False: outcome->fault says why.
  bool Send(const Line* from, const Line* to) {
    if (from == to) return true;
    std::string body = "[";
    for (const Line* line = from; line != to; ++line) body += (line == from ? "" : ",") + line->json;
    body += "]";
    Result<HttpAnswer> answer = client_->Call("POST", "/v1/notifies", &body);
    if (!answer.ok()) {
      outcome_->unreachable = true;
      outcome_->fault = answer.status();
      return false;
    }
    // The broker's limits may be below ours: halves may fit.
    if (answer->status == 413 && to - from > 1) {
      const Line* middle = from + (to - from) / 2;
      return Send(from, middle) && Send(middle, to);
    }
    if (!answer->Done()) return Refused(*answer, from, to);
    return Accepted(*answer, to - 1);
  }

  bool Refused(const HttpAnswer& answer, const Line* from, const Line* to) {
    std::string rest, detail = ProblemText(answer);
    std::string place = from->number == (to - 1)->number ? "line " + std::to_string(from->number)
                                                         : "lines " + std::to_string(from->number) + " to " + std::to_string((to - 1)->number);
    if (Result<JsonTree> problem = JsonTree::Parse(answer.body); problem.ok()) {
      std::optional<size_t> index = SplitIndex(TextAt(*problem, "/field"), &rest);
      if (index && *index < static_cast<size_t>(to - from)) {
        place = "line " + std::to_string(from[*index].number);
        detail = WithField(TextAt(*problem, "/detail"), rest);
      }
    }
    outcome_->fault = Status(Code::kUnacceptable, place + ": " + detail);
    return false;
  }

  bool Accepted(const HttpAnswer& answer, const Line* last) {
    Result<JsonTree> tree = JsonTree::Parse(answer.body);
    std::optional<JsonTree::Value> items = tree.ok() ? tree->root().At("/items") : std::nullopt;
    if (!items || items->kind() != JsonTree::Kind::kArray) {
      outcome_->fault = Status(Code::kMalformed, "the answer to a batch has no items");
      return false;
    }
    items->ForEach([&](JsonTree::Value, JsonTree::Value item) {
      ++outcome_->accepted;
      std::optional<JsonTree::Value> id = item.At("/id");
      if (id) outcome_->last_id = std::string(id->text());
      if (outcome_->first_id.empty()) outcome_->first_id = outcome_->last_id;
      if (hooks_.accepted) hooks_.accepted(item.raw());
    });
    outcome_->lines_done = last->number;
    return true;
  }

 private:
  HttpClient* client_;
  const FileHooks& hooks_;
  FileOutcome* outcome_;
};

/// Each line must be an object by itself: one that is not would make a batch malformed, and nobody could say which line it was.
Status CheckLine(const Line& line) {
  Result<JsonTree> tree = JsonTree::Parse(line.json);
  std::string place = "line " + std::to_string(line.number) + ": ";
  if (!tree.ok()) return Status(Code::kMalformed, place + "not JSON: " + tree.status().detail());
  if (tree->root().kind() != JsonTree::Kind::kObject) return Status(Code::kMalformed, place + "not an object");
  return Status::Ok();
}

}  // namespace

FileOutcome SubmitFile(std::istream& in, HttpClient* client, const FileHooks& hooks) {
  FileOutcome outcome;
  Submitter submitter(client, hooks, &outcome);
  std::vector<Line> batch;
  size_t batch_bytes = 0;
  uint64_t number = 0, bytes = 0;
  auto send = [&] {
    bool sent = submitter.Send(batch.data(), batch.data() + batch.size());
    batch.clear();
    batch_bytes = 0;
    if (hooks.progress) hooks.progress(bytes, outcome.accepted);
    return sent;
  };
  for (std::string text; std::getline(in, text);) {
    bytes += text.size() + 1;
    ++number;
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (batch.size() == kBatchItems || (!batch.empty() && batch_bytes + text.size() > kBatchBytes)) {
      if (!send()) return outcome;
    }
    Line line{number, std::move(text)};
    if (Status fault = CheckLine(line); !fault.ok()) {
      if (send()) outcome.fault = std::move(fault);
      return outcome;
    }
    batch_bytes += line.json.size();
    batch.push_back(std::move(line));
  }
  if (in.bad()) outcome.fault = Status(Code::kIo, "reading failed behind line " + std::to_string(number));
  if (send() && outcome.fault.ok()) outcome.lines_done = number;
  return outcome;
}

std::string ProblemText(const HttpAnswer& answer) {
  if (Result<JsonTree> problem = JsonTree::Parse(answer.body); problem.ok()) {
    std::string detail = TextAt(*problem, "/detail");
    if (detail.empty()) detail = TextAt(*problem, "/title");
    std::string holder = TextAt(*problem, "/id");
    if (!holder.empty() && detail.find(holder) == std::string::npos) detail += " [" + holder + "]";
    if (!detail.empty()) return WithField(detail, TextAt(*problem, "/field"));
  }
  return "the broker answered " + std::to_string(answer.status);
}

}  // namespace notifyd
