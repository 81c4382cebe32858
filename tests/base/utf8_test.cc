#include "base/utf8.h"

#include <catch2/catch.hpp>

#include "base/random.h"

using namespace notifyd;

namespace {

constexpr size_t kAll = std::string::npos;
const std::string kBad = "\xEF\xBF\xBD";

}  // namespace

TEST_CASE("utf8: valid text is told from bytes that are none") {
  for (std::string_view text : {"", "plain", "é", "€", "😀", "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF", "\xEE\x80\x80"}) CHECK(IsValidUtf8(text));
  for (std::string_view text : {"\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
                                "\xF5\x80\x80\x80", "\xFF", "\xE2\x82", "a\xF0\x9F\x98"})
    CHECK_FALSE(IsValidUtf8(text));
}

TEST_CASE("repair: valid text that fits stays as it is") {
  CHECK(RepairUtf8("", 0) == "");
  CHECK(RepairUtf8("aé€😀", kAll) == "aé€😀");
  CHECK(RepairUtf8("aé€😀", 10) == "aé€😀");
}

TEST_CASE("repair: the cut falls between code points") {
  CHECK(RepairUtf8("aé€😀", 9) == "aé€");
  CHECK(RepairUtf8("aé€😀", 5) == "aé");
  CHECK(RepairUtf8("aé€😀", 2) == "a");
  CHECK(RepairUtf8("é", 1) == "");
  CHECK(RepairUtf8("abc", 0) == "");
}

TEST_CASE("repair: each maximal part of a sequence becomes one U+FFFD") {
  CHECK(RepairUtf8("a\xFFz", kAll) == "a" + kBad + "z");
  CHECK(RepairUtf8("\xE2\x82", kAll) == kBad);
  CHECK(RepairUtf8("\xF0\x9F\x98z", kAll) == kBad + "z");
  // The example of Unicode 15, table 3-11.
  CHECK(RepairUtf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", kAll) == kBad + kBad + kBad + kBad + "A");
  // Tables 3-8 and 3-9: overlong forms and surrogates, one for each byte.
  CHECK(RepairUtf8("\xC0\xAF", kAll) == kBad + kBad);
  CHECK(RepairUtf8("\xED\xA0\x80", kAll) == kBad + kBad + kBad);
}

TEST_CASE("repair: a U+FFFD that does not fit is left out") {
  CHECK(RepairUtf8("ab\xFF", 4) == "ab");
}

TEST_CASE("repair: whatever goes in, what comes out is UTF-8 within the limit, and stays as it is from then on") {
  Random random(11);
  const std::string_view pieces[] = {"a", "é", "€", "😀", "\x80", "\xC3", "\xE2\x82", "\xF0\x9F", "\xED\xA0", "\xFF", "\xF4\x90"};
  for (int i = 0; i < 5000; ++i) {
    std::string text;
    for (uint64_t k = random.Below(12); k > 0; --k) text += pieces[random.Below(std::size(pieces))];
    size_t limit = random.Below(24);
    std::string repaired = RepairUtf8(text, limit);
    REQUIRE(repaired.size() <= limit);
    REQUIRE(IsValidUtf8(repaired));
    REQUIRE(RepairUtf8(repaired, limit) == repaired);
    if (IsValidUtf8(text)) REQUIRE(text.substr(0, repaired.size()) == repaired);
  }
}
