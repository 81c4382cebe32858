#include "base/case_fold.h"

#include <catch2/catch.hpp>

#include "base/utf8.h"

using namespace notifyd;

TEST_CASE("case folding: ASCII alone leaves every other byte") {
  CHECK(FoldAscii("AZaz@[`{ \xC3\x89\xFF") == "azaz@[`{ \xC3\x89\xFF");
}

TEST_CASE("case folding: texts that differ in case are the same one, and no others") {
  for (auto [upper, lower] : {std::pair{"AZ", "az"},
                              {"É", "é"},
                              {"ΣΑΣ", "σας"},
                              {"ПРИВЕТ", "привет"},
                              {"ǅ", "ǆ"},
                              {"\xE2\x84\xAA", "k"},
                              {"ſ", "S"},
                              {"ẞ", "ß"},
                              {"Ꭰ", "ꭰ"},
                              {"µ", "μ"},
                              {"𐐀", "𐐨"},
                              {"ϴ", "θ"},
                              {"Ⅷ", "ⅷ"},
                              {"ᾈ", "ᾀ"}}) {
    CAPTURE(upper, lower);
    CHECK(FoldUtf8(upper) == FoldUtf8(lower));
  }
  for (auto [one, other] : {std::pair{"ß", "ss"}, {"İ", "i"}, {"ı", "i"}, {"É", "e"}, {"ﬁ", "fi"}, {"ŉ", "n"}, {"日", "曰"}}) {
    CAPTURE(one, other);
    CHECK(FoldUtf8(one) != FoldUtf8(other));
  }
}

TEST_CASE("case folding: whatever is folded stays so, and stays UTF-8; as many code points fold as Unicode says") {
  size_t changed = 0;
  for (uint32_t c = 0x80; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text;
    if (c >= 0x10000) text.push_back(static_cast<char>(0xF0 | c >> 18));
    if (c >= 0x800) text.push_back(static_cast<char>(c >= 0x10000 ? 0x80 | (c >> 12 & 0x3F) : 0xE0 | c >> 12));
    text.push_back(static_cast<char>(c >= 0x800 ? 0x80 | (c >> 6 & 0x3F) : 0xC0 | c >> 6));
    text.push_back(static_cast<char>(0x80 | (c & 0x3F)));
    const std::string folded = FoldUtf8(text);
    changed += folded != text;
    if (FoldUtf8(folded) != folded || !IsValidUtf8(folded)) FAIL(c);
  }
  CHECK(changed == 1428);
}
