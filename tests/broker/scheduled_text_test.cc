// What becomes of the templates of schedules, and what that costs.
#include "broker/scheduled_text.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

const WallTime kAt = *ParseRfc3339("2026-03-01T00:10:00Z");
const std::string kText = "2026-03-01T00:10:00.000Z";

/// Bytes that were searched, of a text of so many pieces.
size_t Looked(const std::string& piece, size_t count) {
  std::string json = "[";
  for (size_t i = 0; i < count; ++i) json += (i > 0 ? "," : "") + piece;
  size_t looked = 0;
  AtTime(json + "]", kAt, &looked);
  return looked;
}

}  // namespace

TEST_CASE("scheduled text: the time stands in strings that are values, as often as they say so, and in no key") {
  CHECK(AtTime(R"({"a":"{{scheduled_at}}"})", kAt) == R"({"a":")" + kText + R"("})");
  CHECK(AtTime(R"(["x{{scheduled_at}}{{scheduled_at}}y", "\"{{scheduled_at}}"])", kAt) == "[\"x" + kText + kText + "y\", \"\\\"" + kText + "\"]");
  for (const char* same : {R"({"{{scheduled_at}}":1})", R"({"{{scheduled_at}}" : "a"})", R"("{{scheduled_at}")", R"("{{scheduled_ at}}")", "17", "[]",
                           R"(["\\","{{","scheduled_at}}"])"}) {
    INFO(same);
    CHECK(AtTime(same, kAt) == same);
  }
  CHECK(AtTime(R"("{{{scheduled_at}}}")", kAt) == "\"{" + kText + "}\"");
}

TEST_CASE("scheduled text: four times the text is searched for four times as long, whatever it holds") {
  for (const char* piece : {R"("a")", R"("{{scheduled_at}}")", R"("{{{{{{")", R"({"k":"v"})", R"({"{{scheduled_at}}":"{{"})", R"("\"\\")"}) {
    INFO(piece);
    const size_t once = Looked(piece, 1'000), four = Looked(piece, 4'000);
    CHECK(once > 1'000);
    CHECK(four < 5 * once);
  }
  // White space behind a string is looked through once.
  CHECK(Looked("\"a\"" + std::string(1'000, ' '), 400) < 5 * Looked("\"a\"" + std::string(1'000, ' '), 100));
}
