#include "broker/expectation.h"

#include <catch2/catch.hpp>

#include "base/random.h"

using namespace notifyd;
using namespace std::string_view_literals;

namespace {

AnswerPattern OfStatus(std::vector<uint16_t> status) {
  return {std::move(status), std::nullopt, {}};
}
AnswerPattern Contains(std::string text) {
  return {{}, std::move(text), {}};
}
AnswerPattern Json(std::string pointer, std::string value) {
  return {{}, std::nullopt, {{std::move(pointer), std::move(value)}}};
}

Match OfBody(const AnswerPattern& pattern, std::string_view body) {
  return MatchPattern(pattern, Answer{200, body, true});
}
Match OfCutBody(const AnswerPattern& pattern, std::string_view body) {
  return MatchPattern(pattern, Answer{200, body, false});
}

RetryPolicy Policy(const AnswerPattern* fatal_on, const AnswerPattern* later_on, const AnswerPattern* only_on = nullptr) {
  RetryPolicy policy;
  if (fatal_on) policy.fatal_on = *fatal_on;
  if (later_on) policy.later_on = *later_on;
  if (only_on) policy.only_on = *only_on;
  return policy;
}

AttemptResult Judged(const AnswerPattern& expect, const AnswerPattern* fatal_on, const Answer& answer, const AnswerPattern* later_on = nullptr,
                     const AnswerPattern* only_on = nullptr) {
  AttemptResult result;
  result.record.error = "from before";
  result.record.detail = "from before";
  result.record.number = 7;
  JudgeAnswer(expect, Policy(fatal_on, later_on, only_on), answer, &result);
  CHECK(result.record.number == 7);
  return result;
}

}  // namespace

TEST_CASE("pattern: a status matches its number or its class") {
  CHECK(MatchPattern(OfStatus({2}), {200, "", true}) == Match::kYes);
  CHECK(MatchPattern(OfStatus({2}), {299, "", true}) == Match::kYes);
  CHECK(MatchPattern(OfStatus({2}), {300, "", true}) == Match::kNo);
  CHECK(MatchPattern(OfStatus({2}), {199, "", true}) == Match::kNo);
  CHECK(MatchPattern(OfStatus({404, 2}), {404, "", true}) == Match::kYes);
  CHECK(MatchPattern(OfStatus({404, 2}), {405, "", true}) == Match::kNo);
  CHECK(MatchPattern(OfStatus({5}), {0, "", true}) == Match::kNo);
}

TEST_CASE("pattern: one without a status takes any") {
  CHECK(MatchPattern(Contains("x"), {500, "x", true}) == Match::kYes);
}

TEST_CASE("pattern: only contains and json look at the body") {
  CHECK_FALSE(NeedsBody(OfStatus({2})));
  CHECK(NeedsBody(Contains("")));
  CHECK(NeedsBody(Json("/a", "1")));
}

TEST_CASE("contains: letters whatever their case, by Unicode's simple folding") {
  CHECK(OfBody(Contains("all ok"), "<b>ALL OK</b>") == Match::kYes);
  CHECK(OfBody(Contains("ALL OK"), "all ok") == Match::kYes);
  CHECK(OfBody(Contains("ok"), "o k") == Match::kNo);
  CHECK(OfBody(Contains("É"), "caf\u00e9") == Match::kYes);
  CHECK(OfBody(Contains("готово"), "ГОТОВО") == Match::kYes);
  CHECK(OfBody(Contains("\u212A"), "all ok") == Match::kYes);  // the sign of Kelvin folds to k
  CHECK(OfBody(Contains("ss"), "ß") == Match::kNo);
  CHECK(OfBody(Contains("e"), "É") == Match::kNo);
  CHECK(OfBody(Contains("@[`{"), "`{@[") == Match::kNo);
  CHECK(OfBody(Contains("ok"), "\xFF\0ok"sv) == Match::kYes);
}

TEST_CASE("contains: of a body that is not UTF-8 only ASCII letters are folded") {
  CHECK(OfBody(Contains("é"), "É\xFF") == Match::kNo);
  CHECK(OfBody(Contains("é"), "é\xFF") == Match::kYes);
  CHECK(OfBody(Contains("ok \xC3\xA9"), "OK é\xFF") == Match::kYes);
  // Of a part it is not known whether the whole is UTF-8.
  CHECK(OfCutBody(Contains("é"), "É") == Match::kNeedsMore);
  CHECK(OfCutBody(Contains("é OK"), "é ok") == Match::kYes);
}

TEST_CASE("contains: the body is trimmed, so white space at its ends is not there") {
  CHECK(OfBody(Contains("ok"), " \t\r\n\v\f ok \n") == Match::kYes);
  CHECK(OfBody(Contains(" ok"), " ok") == Match::kNo);
  CHECK(OfBody(Contains("ok\n"), "ok\n") == Match::kNo);
  CHECK(OfBody(Contains("a b"), " a b ") == Match::kYes);
  CHECK(OfBody(Contains(" "), "   ") == Match::kNo);
}

TEST_CASE("contains: the empty text is in every body") {
  CHECK(OfBody(Contains(""), "") == Match::kYes);
  CHECK(OfCutBody(Contains(""), "") == Match::kYes);
}

TEST_CASE("contains: a body made to be slow is not") {
  std::string body(1 << 20, 'a');
  CHECK(OfBody(Contains(std::string(1 << 19, 'a') + "b"), body) == Match::kNo);
  CHECK(OfBody(Contains("b" + std::string(1 << 19, 'a')), body) == Match::kNo);
}

TEST_CASE("contains: a cut body settles it where the text was read, else it is open") {
  CHECK(OfCutBody(Contains("ok"), "it is ok so") == Match::kYes);
  CHECK(OfCutBody(Contains("ok"), "it is o") == Match::kNeedsMore);
  // The blank might be the end of the body, and trimmed.
  CHECK(OfCutBody(Contains("ok "), "ok ") == Match::kNeedsMore);
  CHECK(OfCutBody(Contains("ok "), "ok s") == Match::kYes);
}

TEST_CASE("json: the value at the pointer must be equal by value") {
  CHECK(OfBody(Json("/ok", "true"), R"({"ok":true})") == Match::kYes);
  CHECK(OfBody(Json("/ok", "true"), R"({"ok":"true"})") == Match::kNo);
  CHECK(OfBody(Json("/ok", "true"), R"({"ok":1})") == Match::kNo);
  CHECK(OfBody(Json("/n", "1"), R"({"n":1.0})") == Match::kYes);
  CHECK(OfBody(Json("/n", "12345678901234567890123"), R"({"n":12345678901234567890123})") == Match::kYes);
  CHECK(OfBody(Json("/n", "12345678901234567890123"), R"({"n":12345678901234567890124})") == Match::kNo);
  CHECK(OfBody(Json("/a/1/b", "null"), R"({"a":[0,{"b":null}]})") == Match::kYes);
  CHECK(OfBody(Json("/a/1/b", "null"), R"({"a":[0,{}]})") == Match::kNo);
  CHECK(OfBody(Json("", R"({"b":[1],"a":"é"})"), R"( {"a":"\u00e9","b":[1.0]} )") == Match::kYes);
  CHECK(OfBody(Json("", "5"), "5\n") == Match::kYes);
}

TEST_CASE("json: of a repeated key the last counts, on the way too") {
  AnswerPattern pattern{{}, std::nullopt, {{"/a/b", "2"}, {"/a/b/c", "1"}}};
  CHECK(OfBody(Json("/a/b", "1"), R"({"a":{"b":1},"a":{}})") == Match::kNo);
  CHECK(OfBody(Json("/a/b", "2"), R"({"a":{"b":1},"a":{"b":1,"b":2}})") == Match::kYes);
  CHECK(OfBody(pattern, R"({"a":{"b":{"c":1},"b":2}})") == Match::kNo);
}

TEST_CASE("json: a pointer deeper than any text leads nowhere") {
  std::string deep;
  for (int i = 0; i < 1'000'000; ++i) deep += "/";
  CHECK(OfBody(Json(deep, "1"), R"({"":1})") == Match::kNo);
}

TEST_CASE("json: every pointer must hold") {
  AnswerPattern pattern{{}, std::nullopt, {{"/a", "1"}, {"/b", "2"}}};
  CHECK(OfBody(pattern, R"({"a":1,"b":2})") == Match::kYes);
  CHECK(OfBody(pattern, R"({"a":1,"b":3})") == Match::kNo);
  CHECK(OfBody(pattern, R"({"a":2,"b":2})") == Match::kNo);
}

TEST_CASE("json: a body that is not JSON does not match") {
  for (std::string_view body :
       {""sv, "ok"sv, "<html>"sv, "{\"ok\":true"sv, "{\"ok\":true}x"sv, "{ok:true}"sv, "{\"ok\":true,\"x\":\"\xFF\"}"sv, "{\"ok\":true}\0"sv})
    CHECK(OfBody(Json("/ok", "true"), body) == Match::kNo);
}

TEST_CASE("json: a byte order mark before it is passed over") {
  CHECK(OfBody(Json("/ok", "true"), "\xEF\xBB\xBF{\"ok\":true}") == Match::kYes);
}

TEST_CASE("json: a cut body leaves it open, unless it begins like no JSON") {
  CHECK(OfCutBody(Json("/ok", "true"), R"({"ok":true})") == Match::kNeedsMore);
  CHECK(OfCutBody(Json("/ok", "true"), "") == Match::kNeedsMore);
  for (std::string_view part : {"\xEF", "\xEF\xBB", "\xEF\xBB\xBF"}) CHECK(OfCutBody(Json("/ok", "true"), part) == Match::kNeedsMore);
  CHECK(OfCutBody(Json("/ok", "true"), "\xEF\xBB\xBE") == Match::kNo);
  CHECK(OfCutBody(Json("/ok", "true"), " \n [1") == Match::kNeedsMore);
  CHECK(OfCutBody(Json("/ok", "true"), " <html>") == Match::kNo);
}

TEST_CASE("pattern: all that are given must hold, and one that fails settles it") {
  AnswerPattern pattern{{2}, "done", {{"/ok", "true"}}};
  CHECK(MatchPattern(pattern, {200, R"({"ok":true,"text":"Done"})", true}) == Match::kYes);
  CHECK(MatchPattern(pattern, {500, R"({"ok":true,"text":"Done"})", true}) == Match::kNo);
  CHECK(MatchPattern(pattern, {200, R"({"ok":true})", true}) == Match::kNo);
  CHECK(MatchPattern(pattern, {200, R"({"text":"done"})", true}) == Match::kNo);
  CHECK(MatchPattern(pattern, {500, "{", false}) == Match::kNo);
  CHECK(MatchPattern(pattern, {200, "{\"text\":\"done\"", false}) == Match::kNeedsMore);
  CHECK(MatchPattern(pattern, {200, "<html>", false}) == Match::kNo);
}

TEST_CASE("judge: an answer that is expected is a success without an error") {
  AttemptResult result = Judged(OfStatus({2}), nullptr, {204, "", true});
  CHECK(result.verdict == Verdict::kSuccess);
  CHECK(result.record.error.empty());
  CHECK(result.record.detail.empty());
}

TEST_CASE("judge: another answer fails and says what was wrong with it") {
  AttemptResult result = Judged(OfStatus({2}), nullptr, {503, "", true});
  CHECK(result.verdict == Verdict::kFailure);
  CHECK(result.record.error == "unexpected_answer");
  CHECK(result.record.detail.find("503") != std::string::npos);
  CHECK(Judged(Contains("x"), nullptr, {200, "y", true}).record.detail.find("contain") != std::string::npos);
  CHECK(Judged(Json("/a", "1"), nullptr, {200, "{\"a\":2}", true}).record.detail.find("/a") != std::string::npos);
}

TEST_CASE("judge: fatal_on is looked at first") {
  AnswerPattern fatal_on = OfStatus({2});
  AttemptResult result = Judged(OfStatus({2}), &fatal_on, {200, "", true});
  CHECK(result.verdict == Verdict::kFatal);
  CHECK(result.record.error == "unexpected_answer");
  CHECK(Judged(OfStatus({2}), &fatal_on, {404, "", true}).verdict == Verdict::kFailure);
  fatal_on = OfStatus({410});
  CHECK(Judged(OfStatus({2}), &fatal_on, {200, "", true}).verdict == Verdict::kSuccess);
}

TEST_CASE("judge: what a cut body leaves open is a failure of its own kind") {
  AttemptResult result = Judged(Contains("ok"), nullptr, {200, "no", false});
  CHECK(result.verdict == Verdict::kFailure);
  CHECK(result.record.error == "response_too_large");
  AnswerPattern fatal_on = Contains("gone");
  CHECK(Judged(OfStatus({2}), &fatal_on, {200, "go", false}).record.error == "response_too_large");
  CHECK(Judged(OfStatus({2}), &fatal_on, {200, "go", false}).verdict == Verdict::kFailure);
  CHECK(Judged(OfStatus({2}), &fatal_on, {200, "it is gone now", false}).verdict == Verdict::kFatal);
  CHECK(Judged(OfStatus({2}), nullptr, {200, "cut", false}).verdict == Verdict::kSuccess);
}

TEST_CASE("judge: what later_on matches is not ready yet") {
  AnswerPattern later_on = OfStatus({202});
  AttemptResult result = Judged(OfStatus({2}), nullptr, {202, "", true}, &later_on);
  CHECK(result.verdict == Verdict::kLater);
  CHECK(result.record.error == "not_ready");
  CHECK(result.record.detail.find("202") != std::string::npos);
  CHECK(Judged(OfStatus({2}), nullptr, {200, "", true}, &later_on).verdict == Verdict::kSuccess);
  CHECK(Judged(OfStatus({2}), nullptr, {500, "", true}, &later_on).record.error == "unexpected_answer");
}

TEST_CASE("judge: fatal_on goes before later_on, and later_on before expect") {
  AnswerPattern all = OfStatus({2}), none = OfStatus({404});
  Answer answer{200, "", true};
  CHECK(Judged(all, &all, answer, &all).verdict == Verdict::kFatal);
  CHECK(Judged(all, &none, answer, &all).verdict == Verdict::kLater);
  CHECK(Judged(none, &none, answer, &all).verdict == Verdict::kLater);
  CHECK(Judged(all, &none, answer, &none).verdict == Verdict::kSuccess);
  CHECK(Judged(none, &none, answer, &none).verdict == Verdict::kFailure);
}

TEST_CASE("judge: a pattern that the cut body leaves open leaves those after it open too") {
  AnswerPattern open = Contains("end"), found = Contains("be"), missed = OfStatus({404});
  Answer cut{200, "begin", false};
  AttemptResult later_open = Judged(OfStatus({2}), &missed, cut, &open);
  CHECK(later_open.verdict == Verdict::kFailure);
  CHECK(later_open.record.error == "response_too_large");
  CHECK(later_open.record.detail.find("later_on") != std::string::npos);
  AttemptResult fatal_open = Judged(OfStatus({2}), &open, cut, &found);
  CHECK(fatal_open.record.error == "response_too_large");
  CHECK(fatal_open.record.detail.find("fatal_on") != std::string::npos);
  // One that is settled before it is not.
  CHECK(Judged(open, &missed, cut, &found).verdict == Verdict::kLater);
  CHECK(Judged(open, &found, cut, &open).verdict == Verdict::kFatal);
}

TEST_CASE("judge: what only_on does not name fails at once, what it names is tried again") {
  AnswerPattern busy = OfStatus({503}), text = Contains("later");
  CHECK(Judged(OfStatus({2}), nullptr, {503, "", true}, nullptr, &busy).verdict == Verdict::kFailure);
  AttemptResult other = Judged(OfStatus({2}), nullptr, {500, "", true}, nullptr, &busy);
  CHECK(other.verdict == Verdict::kFatal);
  CHECK(other.record.error == "unexpected_answer");
  CHECK(other.record.detail == "status 500 is not an expected one; only_on does not name it");
  // What is expected, not ready or fatal is that all the same.
  CHECK(Judged(OfStatus({2}), nullptr, {200, "", true}, nullptr, &busy).verdict == Verdict::kSuccess);
  AnswerPattern ready = OfStatus({202});
  CHECK(Judged(OfStatus({200}), nullptr, {202, "", true}, &ready, &busy).verdict == Verdict::kLater);
  CHECK(Judged(OfStatus({2}), &busy, {503, "", true}, nullptr, &busy).verdict == Verdict::kFatal);
  // Where the cut body leaves it open, it may have been one of those.
  AttemptResult open = Judged(OfStatus({2}), nullptr, {500, "try lat", false}, nullptr, &text);
  CHECK(open.verdict == Verdict::kFailure);
  CHECK(open.record.error == "response_too_large");
  CHECK(open.record.detail.find("only_on") != std::string::npos);
}

TEST_CASE("judge: a large answer is parsed once and looked up in one pass, however many pointers its patterns have") {
  std::string body = "{";
  for (int i = 0; i < 60'000; ++i) body += "\"member" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  body += R"("array":[0,1,2,3],"deep":{"a":{"b":"Text"}}})";
  AnswerPattern patterns[4];
  for (int p = 0; p < 4; ++p) {
    patterns[p].contains = "TEXT";
    for (int i = 0; i < 98; ++i) patterns[p].json.emplace_back("/member" + std::to_string(600 * i + p), std::to_string(600 * i + p));
    patterns[p].json.emplace_back("/array/3", "3");
    // Only the last one matches, and only the last pointer shows it.
    patterns[p].json.emplace_back("/deep/a/b", p == 3 ? "\"Text\"" : "\"other\"");
  }
  JudgeWork work;
  AttemptResult result;
  const RetryPolicy policy = Policy(&patterns[1], &patterns[2], &patterns[3]);
  JudgeAnswer(patterns[0], policy, {200, body, true}, &result, &work);
  CHECK(result.verdict == Verdict::kFailure);
  CHECK(work.parses == 1);
  CHECK(work.folds <= 2);
  CHECK(work.visited <= 60'010);
  work = {};
  JudgeAnswer(patterns[0], policy, {200, body, false}, &result, &work);
  CHECK(result.record.error == "response_too_large");
  CHECK(work.parses == 0);
}

TEST_CASE("judge: how much must be looked at is the body and the patterns, and nothing where none of them looks at it") {
  AnswerPattern status = OfStatus({2}), text = Contains("12345"), json = Json("/a", "123");
  Answer answer{200, "0123456789", true};
  CHECK(JudgeBytes(status, Policy(&status, nullptr), answer) == 0);
  CHECK(JudgeBytes(text, Policy(&status, nullptr), answer) == 15);
  CHECK(JudgeBytes(status, Policy(&json, &text), answer) == 20);
}

TEST_CASE("judge: a body that grows is gone through once for each text, however often its parts are judged, and says what it would at once") {
  Random random(GENERATE(1, 2, 3));
  for (int round = 0; round < 300; ++round) {
    const auto text = [&](size_t most, std::string_view letters) {
      std::string made;
      for (size_t left = 1 + random.Below(most); left > 0; --left) made += letters[random.Below(letters.size())];
      return made;
    };
    AnswerPattern expect;
    expect.contains = text(5, "aB ");
    if (random.Below(2)) expect.json = {{"/a", "1"}};
    RetryPolicy retry;
    retry.fatal_on = Contains(text(6, "ab"));
    retry.only_on = Contains(text(3, "Ab "));
    const std::string body = (random.Below(4) ? "" : "\xEF\xBB\xBF") + text(60, random.Below(2) ? "ab \n" : " {Ab");
    PartLooks looks;
    for (size_t size = 0; size <= body.size(); size += random.Below(4)) {
      const Answer part{200, std::string_view(body).substr(0, size), false};
      AttemptResult at_once, in_parts;
      JudgeAnswer(expect, retry, part, &at_once);
      JudgeAnswer(expect, retry, part, &in_parts, nullptr, &looks);
      INFO(body << " up to " << size);
      REQUIRE(in_parts.verdict == at_once.verdict);
      REQUIRE(in_parts.record.error == at_once.record.error);
      REQUIRE(in_parts.record.detail == at_once.record.detail);
    }
    REQUIRE(looks.compared() <= 3 * body.size());
  }
}

TEST_CASE("judge: nor is a large one gone through more often, whatever it and the text are") {
  const std::string body(200'000, 'a');
  const AnswerPattern expect = Contains(std::string(4'000, 'a') + "b");
  PartLooks looks;
  for (size_t size = 0; size <= body.size(); size += 20) {
    AttemptResult result;
    JudgeAnswer(expect, {}, {200, std::string_view(body).substr(0, size), false}, &result, nullptr, &looks);
    REQUIRE(result.record.error == "response_too_large");
  }
  CHECK(looks.seen() == body.size());
  CHECK(looks.compared() == body.size());
}
