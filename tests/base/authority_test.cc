// Hosts as the URL standard reads them.
#include "base/authority.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

std::string ReadOf(std::string_view text, uint16_t default_port = 80) {
  Result<Authority> read = ParseAuthority(text, default_port);
  if (!read.ok()) return "refused";
  CHECK(read->port >= 1);
  return read->host + " " + std::to_string(read->port);
}

struct Row {
  const char *text, *read;
};

TEST_CASE("authority: names are in lower case, and keep the dot at their end") {
  auto row = GENERATE(values<Row>({{"h", "h 80"},
                                   {"ExAmple.COM", "example.com 80"},
                                   {"h.", "h. 80"},
                                   {"xn--bcher-kva.example", "xn--bcher-kva.example 80"},
                                   {"a_b-c.d9", "a_b-c.d9 80"},
                                   {"1.2.3.4x", "1.2.3.4x 80"},
                                   {"0x7f.1.x", "0x7f.1.x 80"},
                                   {"0xg", "0xg 80"},
                                   {"a.0xg", "a.0xg 80"}}));
  CHECK(ReadOf(row.text) == row.read);
}

TEST_CASE("authority: an IPv4 address in any of its spellings is one address") {
  auto row = GENERATE(values<Row>({{"127.0.0.1", "127.0.0.1 80"},
                                   {"127.0.0.1.", "127.0.0.1 80"},
                                   {"127.1", "127.0.0.1 80"},
                                   {"127.1.", "127.0.0.1 80"},
                                   {"127.0.1", "127.0.0.1 80"},
                                   {"2130706433", "127.0.0.1 80"},
                                   {"2130706433.", "127.0.0.1 80"},
                                   {"0x7f.1", "127.0.0.1 80"},
                                   {"0X7F000001", "127.0.0.1 80"},
                                   {"0177.0.0.01", "127.0.0.1 80"},
                                   {"017700000001", "127.0.0.1 80"},
                                   {"0x", "0.0.0.0 80"},
                                   {"0", "0.0.0.0 80"},
                                   {"1.0x", "1.0.0.0 80"},
                                   {"1.16777215", "1.255.255.255 80"},
                                   {"1.2.65535", "1.2.255.255 80"},
                                   {"4294967295", "255.255.255.255 80"},
                                   {"0x00000000000000000007f.1", "127.0.0.1 80"},
                                   {"169.254.43518", "169.254.169.254 80"}}));
  CHECK(ReadOf(row.text) == row.read);
}

TEST_CASE("authority: what ends in a number and is no IPv4 address is refused") {
  CHECK(ReadOf(GENERATE(as<std::string>(), "1.2.3.4.5", "1.2.3.4.5.", "256.1.1.1", "1.2.3.256", "1.2.65536", "1.16777216", "4294967296", "08",
                        "1.2.3.08", "0xffffffffffffffffffff", "99999999999999999999999", "example.1", "a.0x", "a.0x7f", "1..2", "h.1.")) ==
        "refused");
}

TEST_CASE("authority: IPv6 addresses are in their shortest form") {
  auto row = GENERATE(values<Row>({{"[::1]", "[::1] 80"},
                                   {"[::]", "[::] 80"},
                                   {"[0:0:0:0:0:0:0:1]:81", "[::1] 81"},
                                   {"[2001:DB8:0::1]", "[2001:db8::1] 80"},
                                   {"[2001:db8:0:1:1:1:1:1]", "[2001:db8:0:1:1:1:1:1] 80"},
                                   {"[1:0:0:2:0:0:0:3]", "[1:0:0:2::3] 80"},
                                   {"[1:0:0:2:3:0:0:4]", "[1::2:3:0:0:4] 80"},
                                   {"[1::]", "[1::] 80"},
                                   {"[::ffff:127.0.0.1]", "[::ffff:7f00:1] 80"},
                                   {"[::127.0.0.1]:", "[::7f00:1] 80"}}));
  CHECK(ReadOf(row.text) == row.read);
  CHECK(ReadOf(ReadOf(row.text).substr(0, ReadOf(row.text).find(' '))).ends_with(" 80"));
}

TEST_CASE("authority: an empty port is the default one, and zeros in front of one do not count") {
  CHECK(ReadOf("h:") == "h 80");
  CHECK(ReadOf("h:", 443) == "h 443");
  CHECK(ReadOf("[::1]:") == "[::1] 80");
  CHECK(ReadOf("h:0080") == "h 80");
  CHECK(ReadOf("h:00000000000000065535") == "h 65535");
}

TEST_CASE("authority: all else is refused") {
  CHECK(ReadOf(GENERATE(as<std::string>(), "", ":", ":80", "h:0", "h:65536", "h:99999999999999999999", "h:-1", "h:+80", "h:8a", "h:80:81", "u@h",
                        "u:p@h", "@h", "%68", "h%2e", "h%00", "a..b", ".a", "a..", ".", "a!b", "a,b", "a'b", "a b", "h\\x", "h/", "\xc3\xbc", "[::1",
                        "[::1]x", "[]", "[::g]", "[fe80::1%25eth0]", "[fe80::1%eth0]", "[fe80::1%]", "[v1.x]", "::1", "[1.2.3.4]", "[::1]]",
                        "[[::1]]")) == "refused");
  CHECK(ReadOf(std::string("h\0", 2)) == "refused");
  CHECK(ReadOf(std::string("[::1\0]", 6)) == "refused");
  CHECK(ReadOf(std::string(63, 'a')) != "refused");
  CHECK(ReadOf(std::string(64, 'a')) == "refused");
  CHECK(ReadOf(std::string(300, 'a') + ".b") == "refused");
}

}  // namespace
}  // namespace notifyd
