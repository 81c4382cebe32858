// Letters, digits and tokens, byte by byte.
#include "base/ascii.h"
#include <catch2/catch.hpp>

namespace notifyd {
namespace {

TEST_CASE("ascii: each byte is a letter, a digit or a token's as RFC 9110 says, whatever the locale") {
  for (int byte = 0; byte < 256; ++byte) {
    CAPTURE(byte);
    char c = static_cast<char>(byte);
    bool upper = byte >= 'A' && byte <= 'Z', lower = byte >= 'a' && byte <= 'z', digit = byte >= '0' && byte <= '9';
    CHECK(IsDigit(c) == digit);
    CHECK(LowerAscii(c) == (upper ? static_cast<char>(byte + 32) : c));
    CHECK(UpperAscii(c) == (lower ? static_cast<char>(byte - 32) : c));
    bool mark = byte > 0 && byte < 128 && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    CHECK(IsTokenChar(c) == (upper || lower || digit || mark));
    bool hex = digit || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
    CHECK((HexDigit(c) >= 0) == hex);
  }
  CHECK(HexDigit('0') == 0);
  CHECK(HexDigit('f') == 15);
  CHECK(HexDigit('A') == 10);
}

TEST_CASE("ascii: texts are compared without case, and trimmed of blanks and tabs alone") {
  CHECK(EqualsIgnoringCase("Content-Type", "content-TYPE"));
  CHECK_FALSE(EqualsIgnoringCase("a", "ab"));
  CHECK_FALSE(EqualsIgnoringCase("[", "{"));
  CHECK(EqualsIgnoringCase("", ""));
  CHECK(TrimBlanks(" \t a b\t ") == "a b");
  CHECK(TrimBlanks(" \t ") == "");
  CHECK(TrimBlanks("") == "");
  CHECK(TrimBlanks("\na\n") == "\na\n");
  CHECK(LowerAscii("AbZ1\xC4") == "abz1\xC4");
  CHECK_FALSE(IsToken(""));
  CHECK(IsToken("X-1"));
  CHECK_FALSE(IsToken("a b"));
}

}  // namespace
}  // namespace notifyd
