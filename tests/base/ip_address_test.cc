// Addresses and ranges of them. What a policy makes of them: tests/net/destinations_test.cc.
#include "base/ip_address.h"

#include <catch2/catch.hpp>

namespace notifyd {
namespace {

bool Covers(const char* outer, const char* inner) {
  return Cidr::Parse(outer)->Contains(*Cidr::Parse(inner));
}

bool In(const char* cidr, const char* address) {
  Result<Cidr> range = Cidr::Parse(cidr);
  REQUIRE(range.ok());
  return range->Contains(*IpAddress::Parse(address));
}

TEST_CASE("address ranges: ranges contain exactly what their prefix says") {
  CHECK(In("10.0.0.0/8", "10.255.0.1"));
  CHECK_FALSE(In("10.0.0.0/8", "11.0.0.0"));
  CHECK(In("172.16.0.0/12", "172.31.255.255"));
  CHECK_FALSE(In("172.16.0.0/12", "172.32.0.0"));
  CHECK(In("192.168.1.7", "192.168.1.7"));
  CHECK_FALSE(In("192.168.1.7", "192.168.1.6"));
  CHECK(In("0.0.0.0/0", "255.255.255.255"));
  CHECK(In("fe80::/10", "febf::1"));
  CHECK_FALSE(In("fe80::/10", "fec0::1"));
  CHECK(In("2001:db8::/33", "2001:db8:7fff::"));
  CHECK_FALSE(In("2001:db8::/33", "2001:db8:8000::"));
  CHECK(In("::1", "::1"));
}

TEST_CASE("address ranges: a family's ranges hold nothing of the other, and mapped addresses are IPv4") {
  CHECK_FALSE(In("::/0", "10.0.0.1"));
  CHECK_FALSE(In("0.0.0.0/0", "::1"));
  CHECK(In("10.0.0.0/8", "::ffff:10.1.2.3"));
  CHECK_FALSE(In("::/0", "::ffff:10.1.2.3"));
  CHECK(In("::ffff:10.0.0.0/104", "10.1.2.3"));
}

TEST_CASE("address ranges: what is not one is refused") {
  for (const char* bad : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0/8", "010.0.0.0/8", " 10.0.0.0/8", "fe80::/129",
                          "fe80::%eth0/10", "host/8", "10.0.0.0/8/8", "::ffff:10.0.0.0/95", "10.0.0.0/99999999999"}) {
    CAPTURE(bad);
    CHECK_FALSE(Cidr::Parse(bad).ok());
  }
}

TEST_CASE("address ranges: a mapped range with the bits of its IPv4 form is refused with what to write") {
  Result<Cidr> cidr = Cidr::Parse("::ffff:10.0.0.0/8");
  REQUIRE_FALSE(cidr.ok());
  CHECK_THAT(cidr.status().detail(), Catch::Contains("write 10.0.0.0/8"));
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
