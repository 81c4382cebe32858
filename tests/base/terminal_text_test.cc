#include "base/terminal_text.h"

#include <catch2/catch.hpp>
#include <string>

using namespace notifyd;

TEST_CASE("terminal text: controls are escaped, those above ASCII too") {
  CHECK(EscapeForTerminal("a\x1b[2Jb\nc\r\td") == "a\\u001b[2Jb\\nc\\r\\td");
  CHECK(EscapeForTerminal(std::string_view("\0\x7f", 2)) == "\\u0000\\u007f");
  CHECK(EscapeForTerminal("\xc2\x9b"
                          "2J") == "\\u009b2J");
  CHECK(EscapeForTerminal("\xc2\x80\xc2\x9f\xc2\xa0") == "\\u0080\\u009f\xc2\xa0");
}

TEST_CASE("terminal text: what reorders or hides text is escaped") {
  CHECK(EscapeForTerminal("gpj\xe2\x80\xae.exe") == "gpj\\u202e.exe");                   // override
  CHECK(EscapeForTerminal("\xe2\x81\xa6x\xe2\x81\xa9") == "\\u2066x\\u2069");            // isolates
  CHECK(EscapeForTerminal("\xd8\x9c\xe2\x80\x8f") == "\\u061c\\u200f");                  // marks
  CHECK(EscapeForTerminal("pay\xe2\x80\x8b\xe2\x80\x8dpal") == "pay\\u200b\\u200dpal");  // zero width
  CHECK(EscapeForTerminal("\xef\xbb\xbf\xc2\xad") == "\\ufeff\\u00ad");                  // byte order mark, soft hyphen
  CHECK(EscapeForTerminal("\xe2\x80\xa8\xe2\x80\xa9") == "\\u2028\\u2029");              // line and paragraph separator
  CHECK(EscapeForTerminal("\xf3\xa0\x81\x81") == "\\udb40\\udc41");                      // a tag, above U+FFFF
}

TEST_CASE("terminal text: all else stands as it is, and what is not UTF-8 is replaced") {
  const std::string plain = "caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80 \\u001b";
  CHECK(EscapeForTerminal(plain) == plain);
  CHECK(EscapeForTerminal("") == "");
  CHECK(EscapeForTerminal("a\x9b"
                          "2J") ==
        "a\xef\xbf\xbd"
        "2J");
}

TEST_CASE("terminal text: lines keep their breaks and tabs, nothing else that steers") {
  CHECK(EscapeLinesForTerminal("a\tb\n\x1b\r\n") == "a\tb\n\\u001b\\r\n");
}

TEST_CASE("terminal text: the tail of a text alone is escaped") {
  std::string text = "\x1b|\xc2\x9b!";
  EscapeForTerminal(&text, 2);
  CHECK(text == "\x1b|\\u009b!");
}
