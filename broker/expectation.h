// What an answer means: the matching of answer patterns. Pure functions, any thread. Contract section 3, "An answer pattern".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "broker/notify.h"

namespace notifyd {

/// What a receiver answered. `body`: what was read of it; `body_complete`: nothing more would have followed.
struct Answer {
  uint16_t status = 0;
  std::string_view body;
  bool body_complete = true;
};

/// What a judgement took, for whoever bounds it: texts that were parsed as JSON or folded (of the answer), and nodes of it that were looked at.
struct JudgeWork {
  size_t parses = 0, folds = 0, visited = 0;
};

/// What was seen of a body that comes in parts, so that each of its bytes is gone through once for each text, however often a part is judged. For
/// one body, which only grows, and for patterns that stay where they are.
class PartLooks {
 public:
  void Clear() { *this = {}; }
  /// So many bytes of the body were there when it was judged last.
  size_t seen() const { return seen_; }
  /// So many bytes were compared, for all texts together.
  uint64_t compared() const { return compared_; }

  // ---- for the judgement
  void Take(std::string_view body);
  /// Does what was taken, trimmed, hold the text, ASCII letters whatever their case?
  bool Holds(std::string_view body, const std::string& text);
  /// Where a JSON value begins, if that is one; npos: not yet.
  size_t value_at() const { return value_at_; }

 private:
  /// A search by Knuth, Morris and Pratt: it need not see again what it has seen.
  struct Search {
    const std::string* text;
    std::string folded;
    std::vector<uint32_t> back;  // of so many bytes that agree, where the next one does not, so many do
    size_t from = 0, agree = 0;
    bool found = false;
  };
  Search* Of(const std::string& text);

  size_t seen_ = 0, value_seen_ = 0;
  size_t begin_ = std::string_view::npos, end_ = 0;  // without white space around it
  size_t value_at_ = std::string_view::npos;
  uint64_t compared_ = 0;
  std::vector<Search> searches_;
};

/// How many bytes a judgement of the answer may have to look at: of its body, and of the patterns themselves.
size_t JudgeBytes(const AnswerPattern& expect, const RetryPolicy& retry, const Answer& answer);

/// Does the pattern look at the body at all: how much of a response must be read follows from this.
bool NeedsBody(const AnswerPattern& pattern);

enum class Match { kYes, kNo, kNeedsMore };  // kNeedsMore: the body was cut before that could be decided
Match MatchPattern(const AnswerPattern& pattern, const Answer& answer);

/// The policy's patterns that judge an answer, beside what is expected.
std::array<const std::optional<AnswerPattern>*, 3> PatternsOf(const RetryPolicy& retry);

/// fatal_on first, then later_on, then expect; where that does not match, only_on. On failure `error` is "unexpected_answer", or "response_too_large"
/// where the cut body left it open; for what later_on matches it is "not_ready". Sets verdict, record.error and record.detail; leaves the rest of
/// `result` alone. The body is parsed once and folded twice at most, and looked up in one pass, for all of them. A body that is not complete is never
/// parsed; with `looks` only what came since it was judged last is gone through.
void JudgeAnswer(const AnswerPattern& expect, const RetryPolicy& retry, const Answer& answer, AttemptResult* result, JudgeWork* work = nullptr,
                 PartLooks* looks = nullptr);

}  // namespace notifyd
