// Matching of answer patterns. Pure, any thread. What a receiver sends is arbitrary bytes: no cost here is more than linear in them, but for
// sorting the keys of an object that is compared.
#include "broker/expectation.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "base/case_fold.h"
#include "base/json_tree.h"
#include "base/utf8.h"

namespace notifyd {
namespace {

constexpr std::string_view kSpace(" \t\n\v\f\r", 6);
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view TrimSpace(std::string_view text) {
  size_t begin = std::min(text.find_first_not_of(kSpace), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

bool StatusMatches(const std::vector<uint16_t>& wanted, uint16_t status) {
  if (wanted.empty()) return true;
  for (uint16_t each : wanted)
    if (each == status || (each < 10 && each == status / 100)) return true;
  return false;
}

/// A match and, where it is not kYes, what it failed at, for people.
struct Finding {
  Match match = Match::kYes;
  std::string why;
};

/// An answer under several patterns: what is made of its body is made once, when the first of them asks.
class Subject {
 public:
  /// `patterns`: all that may be looked for; borrowed, as `answer` is.
  Subject(const Answer& answer, std::vector<const AnswerPattern*> patterns, JudgeWork* work, PartLooks* looks)
      : answer_(answer), patterns_(std::move(patterns)), work_(work), looks_(answer.body_complete ? nullptr : looks) {
    if (looks_) looks_->Take(answer.body);
  }

  const Answer& answer() const { return answer_; }

  /// Trimmed, the part that was read lies within the whole one, trimmed: what is found in it is found. But whether the whole is UTF-8 is not known of
  /// a part, so what only folding beyond ASCII finds there is still open.
  Match Contains(const std::string& needle) {
    if (looks_) return looks_->Holds(answer_.body, needle) ? Match::kYes : Match::kNeedsMore;
    if (needle.size() <= 3 * answer_.body.size()) {  // no folding makes of three bytes more than nine
      if (!ascii_) ascii_ = Folded(&FoldAscii);
      if (Holds(*ascii_, FoldAscii(needle))) return Match::kYes;
      if (answer_.body_complete && IsUtf8()) {
        if (!utf8_) utf8_ = Folded(&FoldUtf8);
        if (Holds(*utf8_, FoldUtf8(needle))) return Match::kYes;
      }
    } else if (needle.empty()) {
      return Match::kYes;
    }
    return answer_.body_complete ? Match::kNo : Match::kNeedsMore;
  }

  Match Is(std::string_view text) const {
    if (!answer_.body_complete) return Match::kNeedsMore;
    return TrimSpace(answer_.body) == text ? Match::kYes : Match::kNo;
  }

  Finding Json(const AnswerPattern& pattern) {
    if (!answer_.body_complete) {
      // An error page shows what it is in its first character.
      const std::optional<char> first = FirstOfValue();
      // The mark itself may have come in part.
      const bool open =
          !first || kByteOrderMark.starts_with(answer_.body) || std::string_view("{[\"tfn-0123456789").find(*first) != std::string_view::npos;
      if (!open) return {Match::kNo, "the body is not JSON"};
      return {Match::kNeedsMore, "a JSON value is expected"};
    }
    if (!tree_) Parse();
    if (!tree_->ok()) return {Match::kNo, "the body is not JSON"};
    const size_t first = first_value_.at(&pattern);
    for (size_t i = 0; i < pattern.json.size(); ++i) {
      const auto& [pointer, text] = pattern.json[i];
      const std::optional<JsonTree::Value>& found = values_[first + i];
      if (!found) return {Match::kNo, "the body has nothing at \"" + pointer + "\""};
      Result<JsonTree> wanted = JsonTree::Parse(text);
      if (!wanted.ok() || !JsonEqual(*found, wanted->root())) return {Match::kNo, "the body has another value at \"" + pointer + "\""};
    }
    return {};
  }

 private:
  std::string Folded(std::string (*fold)(std::string_view)) {
    ++work_->folds;
    return fold(TrimSpace(answer_.body));
  }
  bool IsUtf8() {
    if (!is_utf8_) is_utf8_ = IsValidUtf8(answer_.body);
    return *is_utf8_;
  }
  static bool Holds(const std::string& haystack, const std::string& wanted) {
    // Not find(): it is quadratic over a body made for that, memmem is linear.
    return memmem(haystack.data(), haystack.size(), wanted.data(), wanted.size()) != nullptr;
  }
  std::string_view WithoutMark() const {
    std::string_view body = answer_.body;
    if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
    return body;
  }
  std::optional<char> FirstOfValue() const {
    if (looks_) return looks_->value_at() == std::string_view::npos ? std::nullopt : std::optional(answer_.body[looks_->value_at()]);
    const std::string_view trimmed = TrimSpace(WithoutMark());
    return trimmed.empty() ? std::nullopt : std::optional(trimmed[0]);
  }
  void Parse() {
    ++work_->parses;
    tree_ = JsonTree::Parse(WithoutMark());
    if (!tree_->ok()) return;
    std::vector<std::string_view> pointers;
    for (const AnswerPattern* pattern : patterns_) {
      if (!first_value_.emplace(pattern, pointers.size()).second) continue;
      for (const auto& [pointer, text] : pattern->json) pointers.push_back(pointer);
    }
    values_ = (**tree_).root().AtAll(pointers, &work_->visited);
  }

  const Answer& answer_;
  const std::vector<const AnswerPattern*> patterns_;
  JudgeWork* const work_;
  PartLooks* const looks_;                   // of a body that is not complete
  std::optional<std::string> ascii_, utf8_;  // the body, trimmed and folded
  std::optional<bool> is_utf8_;
  std::optional<Result<JsonTree>> tree_;
  std::map<const AnswerPattern*, size_t> first_value_;  // where a pattern's values begin
  std::vector<std::optional<JsonTree::Value>> values_;
};

Finding Find(const AnswerPattern& pattern, Subject* subject) {
  const uint16_t status = subject->answer().status;
  if (!StatusMatches(pattern.status, status)) return {Match::kNo, "status " + std::to_string(status) + " is not an expected one"};
  Finding open;
  if (pattern.contains) {
    Match match = pattern.whole ? subject->Is(*pattern.contains) : subject->Contains(*pattern.contains);
    if (match == Match::kNo) return {match, pattern.whole ? "the body is not the expected text" : "the body does not contain the expected text"};
    if (match == Match::kNeedsMore) open = {match, "a text is expected"};
  }
  if (!pattern.json.empty()) {
    Finding json = subject->Json(pattern);
    if (json.match == Match::kNo) return json;
    if (json.match == Match::kNeedsMore) open = std::move(json);
  }
  return open;
}

size_t PatternBytes(const AnswerPattern& pattern) {
  size_t bytes = pattern.contains ? pattern.contains->size() : 0;
  for (const auto& [pointer, text] : pattern.json) bytes += pointer.size() + text.size();
  return bytes;
}

void Set(AttemptResult* result, Verdict verdict, std::string error, std::string detail) {
  result->verdict = verdict;
  result->record.error = std::move(error);
  result->record.detail = std::move(detail);
}

/// For what a pattern of the retry policy matches.
void SetNamed(AttemptResult* result, Verdict verdict, const char* error, const char* pattern, const Answer& answer) {
  Set(result, verdict, error, "status " + std::to_string(answer.status) + ", an answer that " + pattern + " names");
}

void SetOpen(AttemptResult* result, const std::string& why, const Answer& answer) {
  Set(result, Verdict::kFailure, "response_too_large", why + ", and " + std::to_string(answer.body.size()) + " bytes of the body did not settle it");
}

}  // namespace

void PartLooks::Take(std::string_view body) {
  if (begin_ == body.npos) begin_ = body.find_first_not_of(kSpace, seen_);
  if (const size_t last = body.substr(seen_).find_last_not_of(kSpace); last != body.npos) end_ = seen_ + last + 1;
  seen_ = body.size();
  // As long as that may become a byte order mark nobody can say.
  if (value_at_ != body.npos || kByteOrderMark.starts_with(body)) return;
  value_at_ = body.find_first_not_of(kSpace, std::max(value_seen_, body.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0));
  value_seen_ = body.size();
}

PartLooks::Search* PartLooks::Of(const std::string& text) {
  for (Search& each : searches_)
    if (each.text == &text) return &each;
  Search& search = searches_.emplace_back(Search{&text, FoldAscii(text), std::vector<uint32_t>(text.size()), begin_});
  for (uint32_t i = 1, agree = 0; i < text.size(); ++i) {
    while (agree > 0 && search.folded[i] != search.folded[agree]) agree = search.back[agree - 1];
    if (search.folded[i] == search.folded[agree]) ++agree;
    search.back[i] = agree;
  }
  return &search;
}

bool PartLooks::Holds(std::string_view body, const std::string& text) {
  if (text.empty()) return true;
  if (begin_ == body.npos || end_ - begin_ < text.size()) return false;
  Search& search = *Of(text);
  if (search.found) return true;
  compared_ += end_ - search.from;
  size_t agree = search.agree;
  for (size_t at = search.from; at < end_; ++at) {
    const char c = LowerAscii(body[at]);
    while (agree > 0 && c != search.folded[agree]) agree = search.back[agree - 1];
    if (c == search.folded[agree] && ++agree == text.size()) return search.found = true;
  }
  search.from = end_;
  search.agree = agree;
  return false;
}

bool NeedsBody(const AnswerPattern& pattern) {
  return pattern.contains.has_value() || !pattern.json.empty();
}

std::array<const std::optional<AnswerPattern>*, 3> PatternsOf(const RetryPolicy& retry) {
  return {&retry.fatal_on, &retry.later_on, &retry.only_on};
}

size_t JudgeBytes(const AnswerPattern& expect, const RetryPolicy& retry, const Answer& answer) {
  bool looks = NeedsBody(expect);
  size_t bytes = answer.body.size() + PatternBytes(expect);
  for (const auto* pattern : PatternsOf(retry)) {
    if (!*pattern) continue;
    looks |= NeedsBody(**pattern);
    bytes += PatternBytes(**pattern);
  }
  return looks ? bytes : 0;
}

Match MatchPattern(const AnswerPattern& pattern, const Answer& answer) {
  JudgeWork work;
  Subject subject(answer, {&pattern}, &work, nullptr);
  return Find(pattern, &subject).match;
}

void JudgeAnswer(const AnswerPattern& expect, const RetryPolicy& retry, const Answer& answer, AttemptResult* result, JudgeWork* work,
                 PartLooks* looks) {
  JudgeWork unasked;
  std::vector<const AnswerPattern*> patterns{&expect};
  for (const auto* pattern : PatternsOf(retry)) {
    if (*pattern) patterns.push_back(&**pattern);
  }
  Subject subject(answer, std::move(patterns), work ? work : &unasked, looks);
  if (retry.fatal_on) {
    Finding fatal = Find(*retry.fatal_on, &subject);
    if (fatal.match == Match::kYes) return SetNamed(result, Verdict::kFatal, "unexpected_answer", "fatal_on", answer);
    if (fatal.match == Match::kNeedsMore) return SetOpen(result, "in fatal_on " + fatal.why, answer);
  }
  if (retry.later_on) {
    Finding later = Find(*retry.later_on, &subject);
    if (later.match == Match::kYes) return SetNamed(result, Verdict::kLater, "not_ready", "later_on", answer);
    if (later.match == Match::kNeedsMore) return SetOpen(result, "in later_on " + later.why, answer);
  }
  Finding found = Find(expect, &subject);
  if (found.match == Match::kYes) return Set(result, Verdict::kSuccess, "", "");
  if (found.match == Match::kNeedsMore) return SetOpen(result, found.why, answer);
  if (retry.only_on) {
    Finding again = Find(*retry.only_on, &subject);
    if (again.match == Match::kNo) return Set(result, Verdict::kFatal, "unexpected_answer", found.why + "; only_on does not name it");
    if (again.match == Match::kNeedsMore) return SetOpen(result, "in only_on " + again.why, answer);
  }
  Set(result, Verdict::kFailure, "unexpected_answer", std::move(found.why));
}

}  // namespace notifyd
