// What tests/net/destinations_test.cc does not look at.
#include "base/ip_address.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

bool Covers(const char* outer, const char* inner) {
  return Cidr::Parse(outer)->Contains(*Cidr::Parse(inner));
}

TEST_CASE("address ranges: one contains another where each of its addresses is in it") {
  CHECK(Covers("10.0.0.0/8", "10.0.0.0/8"));
  CHECK(Covers("10.0.0.0/8", "10.1.0.0/16"));
  CHECK(Covers("0.0.0.0/0", "10.0.0.0/8"));
  CHECK(Covers("::/0", "fd00::1"));
  CHECK_FALSE(Covers("10.0.0.0/16", "10.0.0.0/8"));
  CHECK_FALSE(Covers("10.0.0.0/8", "11.0.0.0/16"));
  CHECK_FALSE(Covers("0.0.0.0/0", "::/0"));
  CHECK_FALSE(Covers("::/0", "10.0.0.0/8"));
  CHECK(Covers("::ffff:10.0.0.0/104", "10.1.1.1"));
}

TEST_CASE("address ranges: as text, without the bits that do not count") {
  CHECK(Cidr::Parse("10.1.2.3/12")->ToString() == "10.0.0.0/12");
  CHECK(Cidr::Parse("10.1.2.3")->ToString() == "10.1.2.3/32");
  CHECK(Cidr::Parse("fd00:1:2:3::9/33")->ToString() == "fd00:1::/33");
  CHECK(Cidr::Parse("255.255.255.255/0")->ToString() == "0.0.0.0/0");
  CHECK(Cidr::Parse("::ffff:10.1.2.3/100")->ToString() == "0.0.0.0/4");
}

}  // namespace
}  // namespace notifyd
