// Matching of answer patterns. Pure, any thread. What a receiver sends is arbitrary bytes: no cost here is more than linear in them, but for
// sorting the keys of an object that is compared.
#include "broker/expectation.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "broker/json_tree.h"

namespace notifyd {
namespace {

constexpr std::string_view kSpace(" \t\n\v\f\r", 6);
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view Trim(std::string_view text) {
  size_t begin = std::min(text.find_first_not_of(kSpace), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

std::string LowerAscii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

bool ContainsIgnoringCase(std::string_view body, std::string_view needle) {
  if (needle.size() > body.size()) return false;
  std::string haystack = LowerAscii(body), wanted = LowerAscii(needle);
  // Not find(): it is quadratic over a body made for that, memmem is linear.
  return memmem(haystack.data(), haystack.size(), wanted.data(), wanted.size()) != nullptr;
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

/// Trimmed, the part that was read lies within the whole one, trimmed: what is found in it is found.
Match MatchContains(const std::string& needle, const Answer& answer) {
  if (ContainsIgnoringCase(Trim(answer.body), needle)) return Match::kYes;
  return answer.body_complete ? Match::kNo : Match::kNeedsMore;
}

Finding MatchJson(const AnswerPattern& pattern, const Answer& answer) {
  std::string_view body = answer.body;
  if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
  if (!answer.body_complete) {
    // An error page shows what it is in its first character.
    std::string_view trimmed = Trim(body);
    bool open = trimmed.empty() || std::string_view("{[\"tfn-0123456789").find(trimmed[0]) != std::string_view::npos;
    if (!open) return {Match::kNo, "the body is not JSON"};
    return {Match::kNeedsMore, "a JSON value is expected"};
  }
  Result<JsonTree> tree = JsonTree::Parse(body);
  if (!tree.ok()) return {Match::kNo, "the body is not JSON"};
  for (const auto& [pointer, text] : pattern.json) {
    std::optional<JsonTree::Value> found = tree->root().At(pointer);
    if (!found) return {Match::kNo, "the body has nothing at \"" + pointer + "\""};
    Result<JsonTree> wanted = JsonTree::Parse(text);
    if (!wanted.ok() || !JsonEqual(*found, wanted->root())) return {Match::kNo, "the body has another value at \"" + pointer + "\""};
  }
  return {};
}

Finding Find(const AnswerPattern& pattern, const Answer& answer) {
  if (!StatusMatches(pattern.status, answer.status)) return {Match::kNo, "status " + std::to_string(answer.status) + " is not an expected one"};
  Finding open;
  if (pattern.contains) {
    Match match = MatchContains(*pattern.contains, answer);
    if (match == Match::kNo) return {match, "the body does not contain the expected text"};
    if (match == Match::kNeedsMore) open = {match, "a text is expected"};
  }
  if (!pattern.json.empty()) {
    Finding json = MatchJson(pattern, answer);
    if (json.match == Match::kNo) return json;
    if (json.match == Match::kNeedsMore) open = std::move(json);
  }
  return open;
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

bool NeedsBody(const AnswerPattern& pattern) {
  return pattern.contains.has_value() || !pattern.json.empty();
}

Match MatchPattern(const AnswerPattern& pattern, const Answer& answer) {
  return Find(pattern, answer).match;
}

void JudgeAnswer(const AnswerPattern& expect, const AnswerPattern* fatal_on, const AnswerPattern* later_on, const Answer& answer,
                 AttemptResult* result) {
  if (fatal_on) {
    Finding fatal = Find(*fatal_on, answer);
    if (fatal.match == Match::kYes) return SetNamed(result, Verdict::kFatal, "unexpected_answer", "fatal_on", answer);
    if (fatal.match == Match::kNeedsMore) return SetOpen(result, "in fatal_on " + fatal.why, answer);
  }
  if (later_on) {
    Finding later = Find(*later_on, answer);
    if (later.match == Match::kYes) return SetNamed(result, Verdict::kLater, "not_ready", "later_on", answer);
    if (later.match == Match::kNeedsMore) return SetOpen(result, "in later_on " + later.why, answer);
  }
  Finding found = Find(expect, answer);
  switch (found.match) {
    case Match::kYes:
      return Set(result, Verdict::kSuccess, "", "");
    case Match::kNo:
      return Set(result, Verdict::kFailure, "unexpected_answer", std::move(found.why));
    case Match::kNeedsMore:
      return SetOpen(result, found.why, answer);
  }
}

}  // namespace notifyd
