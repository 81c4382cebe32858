#include "net/sender/destinations.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

bool Allowed(const DestinationPolicy& policy, const char* address) {
  std::optional<IpAddress> ip = IpAddress::Parse(address);
  REQUIRE(ip.has_value());
  return !policy.Refusal(*ip).has_value();
}

DestinationPolicy Policy(std::vector<std::string> allow, std::vector<std::string> deny) {
  Result<DestinationPolicy> policy = DestinationPolicy::Create(allow, deny);
  REQUIRE(policy.ok());
  return *policy;
}

bool In(const char* cidr, const char* address) {
  std::optional<Cidr> range = Cidr::Parse(cidr);
  REQUIRE(range.has_value());
  return range->Contains(*IpAddress::Parse(address));
}

}  // namespace

TEST_CASE("destinations: ranges contain exactly what their prefix says") {
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

TEST_CASE("destinations: a family's ranges hold nothing of the other, and mapped addresses are IPv4") {
  CHECK_FALSE(In("::/0", "10.0.0.1"));
  CHECK_FALSE(In("0.0.0.0/0", "::1"));
  CHECK(In("10.0.0.0/8", "::ffff:10.1.2.3"));
  CHECK_FALSE(In("::/0", "::ffff:10.1.2.3"));
  CHECK(In("::ffff:10.0.0.0/104", "10.1.2.3"));
}

TEST_CASE("destinations: what is not a range is refused by its place in the settings") {
  for (const char* bad : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0/8", "010.0.0.0/8", " 10.0.0.0/8", "fe80::/129",
                          "fe80::%eth0/10", "host/8", "10.0.0.0/8/8", "::ffff:10.0.0.0/95", "10.0.0.0/99999999999"}) {
    CAPTURE(bad);
    CHECK_FALSE(Cidr::Parse(bad).has_value());
    Result<DestinationPolicy> policy = DestinationPolicy::Create({"10.0.0.0/8"}, {"::1", bad});
    REQUIRE_FALSE(policy.ok());
    CHECK(policy.status().code() == Code::kUnacceptable);
    CHECK(policy.status().field() == "/destinations/deny/1");
  }
}

TEST_CASE("destinations: loopback, private and public addresses may be called by default") {
  const DestinationPolicy policy;
  for (const char* address :
       {"127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "93.184.216.34", "100.64.0.1", "::1", "fd00::1", "2606:4700::1111"}) {
    CAPTURE(address);
    CHECK(Allowed(policy, address));
  }
}

TEST_CASE("destinations: link-local, multicast, unspecified, broadcast and metadata addresses are refused by default") {
  const DestinationPolicy policy;
  for (const char* address : {"169.254.169.254", "169.254.0.1", "169.254.170.2", "100.100.100.200", "224.0.0.1", "239.255.255.255", "0.0.0.0",
                              "0.1.2.3", "255.255.255.255", "::", "fe80::1", "febf::1", "ff02::1", "fd00:ec2::254"}) {
    CAPTURE(address);
    CHECK_FALSE(Allowed(policy, address));
  }
}

TEST_CASE("destinations: an IPv6 address is judged by the IPv4 address that it carries too") {
  const DestinationPolicy policy;
  CHECK_FALSE(Allowed(policy, "::ffff:169.254.169.254"));      // mapped
  CHECK_FALSE(Allowed(policy, "64:ff9b::169.254.169.254"));    // NAT64
  CHECK_FALSE(Allowed(policy, "64:ff9b:1::169.254.169.254"));  // local NAT64
  CHECK_FALSE(Allowed(policy, "2002:a9fe:a9fe::1"));           // 6to4
  CHECK_FALSE(Allowed(policy, "::169.254.169.254"));           // compatible
  CHECK_FALSE(Allowed(policy, "2001:0:a9fe:a9fe::"));          // Teredo server
  CHECK_FALSE(Allowed(policy, "2001::5601:5601"));             // Teredo client, inverted
  CHECK(Allowed(policy, "64:ff9b::10.0.0.1"));
  CHECK(Allowed(policy, "2002:a00:1::1"));
}

TEST_CASE("destinations: what is allowed wins over what is denied, and that over the built-in denials") {
  const DestinationPolicy policy = Policy({"169.254.169.254", "10.1.0.0/16"}, {"10.0.0.0/8", "127.0.0.0/8", "::1"});
  CHECK(Allowed(policy, "169.254.169.254"));
  CHECK_FALSE(Allowed(policy, "169.254.169.253"));
  CHECK(Allowed(policy, "10.1.2.3"));
  CHECK_FALSE(Allowed(policy, "10.2.0.0"));
  CHECK_FALSE(Allowed(policy, "127.0.0.1"));
  CHECK_FALSE(Allowed(policy, "::ffff:127.0.0.1"));
  CHECK_FALSE(Allowed(policy, "64:ff9b::127.0.0.1"));
  CHECK_FALSE(Allowed(policy, "::1"));
}

TEST_CASE("destinations: a refusal names the address and the range") {
  const DestinationPolicy policy = Policy({}, {"10.0.0.0/8"});
  CHECK(*policy.Refusal(*IpAddress::Parse("10.1.2.3")) == "10.1.2.3 is in 10.0.0.0/8 (destinations.deny)");
  CHECK(*policy.Refusal(*IpAddress::Parse("169.254.169.254")) == "169.254.169.254 is in 169.254.169.254/32 (cloud metadata)");
  CHECK(policy.Refusal(*IpAddress::Parse("64:ff9b::a01:203"))->find("10.1.2.3 is in 10.0.0.0/8") != std::string::npos);
}
