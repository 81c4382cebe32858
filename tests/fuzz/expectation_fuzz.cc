// Any answer is judged, and more of a body never turns over what a part of it had settled. JSON is what simdjson's own strict parser takes, but for
// numbers that it cannot hold.
// Input: status (2 bytes), size of the needle (1), size of the pointer (1), needle, pointer, body.
#include <simdjson.h>

#include "base/bytes.h"
#include "base/check.h"
#include "broker/expectation.h"
#include "base/json_tree.h"

using namespace notifyd;

namespace {

void CheckAgainstDom(std::string_view body, const Result<JsonTree>& tree) {
  simdjson::dom::parser parser;
  // A level fewer than the parser's own count, which takes the top for one.
  if (parser.allocate(body.size() + 1, JsonTree::kMaxDepth)) return;
  simdjson::error_code error = parser.parse(body.data(), body.size(), true).error();
  if (!error) CHECK(tree.ok());
  else if (error != simdjson::NUMBER_ERROR && error != simdjson::DEPTH_ERROR) CHECK(!tree.ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Decoder input(std::string_view(reinterpret_cast<const char*>(data), size));
  uint16_t status = static_cast<uint16_t>(input.U8() << 8 | input.U8());
  size_t needle_size = input.U8(), pointer_size = input.U8();
  std::string_view needle = input.Raw(needle_size), pointer = input.Raw(pointer_size);
  if (!input.ok()) return 0;
  std::string body(input.rest());

  Result<JsonTree> tree = JsonTree::Parse(body);
  CheckAgainstDom(body, tree);
  AnswerPattern pattern{{2, 404}, std::string(needle), {}};
  if (tree.ok()) {
    CHECK(JsonEqual(tree->root(), tree->root()));
    if (std::optional<JsonTree::Value> found = tree->root().At(pointer)) {
      // What is found under a pointer is JSON by itself, and equal to itself there.
      pattern.json.emplace_back(std::string(pointer), std::string(found->raw()));
      CHECK(MatchPattern({{}, std::nullopt, pattern.json}, {status, body, true}) == Match::kYes);
    }
  } else {
    CHECK(body.starts_with("\xEF\xBB\xBF") || MatchPattern({{}, std::nullopt, {{"", "1"}}}, {status, body, true}) == Match::kNo);
  }

  Match whole = MatchPattern(pattern, {status, body, true});
  CHECK(whole != Match::kNeedsMore);
  for (size_t part : {body.size() / 2, body.size()}) {
    Match cut = MatchPattern(pattern, {status, std::string_view(body).substr(0, part), false});
    CHECK(cut == Match::kNeedsMore || cut == whole);
  }
  AttemptResult result;
  RetryPolicy later, fatal, only;
  later.later_on = fatal.later_on = fatal.fatal_on = only.only_on = pattern;
  JudgeAnswer(pattern, {}, {status, body, true}, &result);
  CHECK((result.verdict == Verdict::kSuccess) == (whole == Match::kYes));
  JudgeAnswer({}, later, {status, body, true}, &result);
  CHECK(result.verdict == (whole == Match::kYes ? Verdict::kLater : Verdict::kSuccess));
  JudgeAnswer({}, fatal, {status, body, true}, &result);
  CHECK(result.verdict == (whole == Match::kYes ? Verdict::kFatal : Verdict::kSuccess));
  JudgeAnswer({{999}, std::nullopt, {}}, only, {status, body, true}, &result);
  CHECK(status == 999 || result.verdict == (whole == Match::kYes ? Verdict::kFailure : Verdict::kFatal));
  return 0;
}
