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

}  // namespace

TEST_CASE("destinations: what is not a range is refused by its place in the settings") {
  for (const char* bad : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0/8", "010.0.0.0/8", " 10.0.0.0/8", "fe80::/129",
                          "fe80::%eth0/10", "host/8", "10.0.0.0/8/8", "::ffff:10.0.0.0/95", "10.0.0.0/99999999999"}) {
    CAPTURE(bad);
    CHECK(DestinationPolicy::CheckAllowed(bad).code() == Code::kUnacceptable);
    CHECK(DestinationPolicy::CheckDenied(bad).code() == Code::kUnacceptable);
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

TEST_CASE("destinations: metadata addresses of each cloud are refused by default, and their neighbours are not") {
  const DestinationPolicy policy;
  struct Row {
    const char *refused, *neighbour;
  };
  for (const Row& row : std::initializer_list<Row>{{"168.63.129.16", "168.63.129.17"},
                                                   {"100.100.100.200", "100.100.100.201"},
                                                   {"192.0.0.192", "192.0.0.193"},
                                                   {"fd00:ec2::23", "fd00:ec3::23"},
                                                   {"fd20:ce::254", "fd20:ce::253"},
                                                   {"fd00:c1::a9fe:a9fe", "fd00:c1::a9fe:a9ff"},
                                                   {"fd00:42::42", "fd00:42::43"},
                                                   {"fd00:a9fe:a9fe::1", "fd00:a9fe:a9fe::2"},
                                                   {"fd00:100::100:200", "fd00:100::100:201"}}) {
    CAPTURE(row.refused);
    CHECK_FALSE(Allowed(policy, row.refused));
    CHECK(Allowed(policy, row.neighbour));
  }
}

TEST_CASE("destinations: an IPv6 address is judged by the IPv4 address that it carries too") {
  const DestinationPolicy policy;
  for (const char* address : {
           "::ffff:169.254.169.254",      // mapped
           "::ffff:0:169.254.169.254",    // SIIT
           "64:ff9b::169.254.169.254",    // NAT64
           "64:ff9b:1::169.254.169.254",  // local NAT64: a prefix of 96 bits
           "64:ff9b:1:0:a9:fea9:fe00:0",  // of 64 bits
           "64:ff9b:1:a9:fe:a9fe::",      // of 56 bits
           "64:ff9b:1:a9fe:a9:fe00::",    // of 48 bits
           "64:ff9b:1:a9fe:ffa9:fe00::",  // which may have anything in its reserved byte
           "64:ff9b:1:7::169.254.169.254",
           "64:ff9b:1::",         // 0.0.0.0, however it is read
           "2002:a9fe:a9fe::1",   // 6to4
           "::169.254.169.254",   // compatible
           "2001:0:a9fe:a9fe::",  // Teredo server
           "2001::5601:5601",     // Teredo client, inverted
       }) {
    CAPTURE(address);
    CHECK_FALSE(Allowed(policy, address));
  }
  for (const char* address : {"64:ff9b::10.0.0.1", "64:ff9b:1::10.0.0.1", "64:ff9b:1:a00:0:100::", "::ffff:0:10.0.0.1", "2002:a00:1::1"}) {
    CAPTURE(address);
    CHECK(Allowed(policy, address));
  }
}

TEST_CASE("destinations: private closes what is not public, in each form, and nothing else") {
  const DestinationPolicy closed = Policy({}, {"private"});
  for (const char* address : {"10.1.2.3",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.168.1.1",
                              "100.64.0.1",
                              "100.127.255.255",
                              "198.18.0.1",
                              "198.19.255.255",
                              "127.0.0.1",
                              "127.255.255.255",
                              "240.0.0.1",
                              "255.255.255.254",
                              "::1",
                              "fc00::1",
                              "fdff::1",
                              "fec0::1",
                              "feff::1",
                              "::ffff:10.0.0.1",
                              "::ffff:0:10.0.0.1",
                              "64:ff9b::10.0.0.1",
                              "64:ff9b:1:a00:0:100::",
                              "2002:a00:1::1",
                              "169.254.169.254",
                              "0.0.0.1",
                              "224.0.0.1",
                              "fe80::1"}) {
    CAPTURE(address);
    CHECK_FALSE(Allowed(closed, address));
  }
  for (const char* address :
       {"9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0", "198.17.255.255", "198.20.0.0",
        "126.255.255.255", "128.0.0.0", "223.255.255.255", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2606:4700::1111", "fbff::1"}) {
    CAPTURE(address);
    CHECK(Allowed(closed, address));
    CHECK_FALSE(PrivateRangeOf(*IpAddress::Parse(address)).has_value());
  }
  CHECK(PrivateRangeOf(*IpAddress::Parse("100.64.0.1")) == "100.64.0.0/10");
  CHECK(PrivateRangeOf(*IpAddress::Parse("64:ff9b::10.0.0.1")) == "10.0.0.0/8");
  CHECK(*closed.Refusal(*IpAddress::Parse("100.64.0.1")) == "100.64.0.1 is in 100.64.0.0/10 (shared)");
  CHECK(Allowed(Policy({"10.1.0.0/16"}, {"private"}), "10.1.2.3"));
  // Opening all of it would open the metadata addresses that lie in it.
  CHECK_FALSE(DestinationPolicy::Create({"private"}, {}).ok());
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

TEST_CASE("destinations: the broker's own listeners are refused unless allowed by name") {
  struct Row {
    const char* listener;
    const char* address;
    uint16_t port;
    bool refused;
  };
  for (const Row& row : std::initializer_list<Row>{{"127.0.0.1", "127.0.0.1", 7300, true},
                                                   {"127.0.0.1", "127.0.0.1", 7301, false},
                                                   {"127.0.0.1", "127.0.0.2", 7300, false},
                                                   {"127.0.0.1", "::ffff:127.0.0.1", 7300, true},
                                                   {"127.0.0.1", "64:ff9b::127.0.0.1", 7300, true},
                                                   {"127.0.0.1", "::1", 7300, false},
                                                   {"::1", "::1", 7300, true},
                                                   {"::1", "127.0.0.1", 7300, false},
                                                   {"10.0.0.5", "10.0.0.5", 7300, true},
                                                   {"10.0.0.5", "127.0.0.1", 7300, false},
                                                   {"0.0.0.0", "127.0.0.1", 7300, true},
                                                   {"0.0.0.0", "127.9.9.9", 7300, true},
                                                   {"0.0.0.0", "10.0.0.5", 7300, true},
                                                   {"0.0.0.0", "::ffff:10.0.0.5", 7300, true},
                                                   {"0.0.0.0", "10.0.0.5", 80, false},
                                                   {"0.0.0.0", "10.0.0.6", 7300, false},
                                                   {"0.0.0.0", "2001:db8::5", 7300, false},
                                                   {"0.0.0.0", "::1", 7300, false},
                                                   {"::", "2001:db8::5", 7300, true},
                                                   {"::", "2001:db8::6", 7300, false},
                                                   {"::", "::1", 7300, true},
                                                   {"::", "127.0.0.1", 7300, true},
                                                   {"::", "10.0.0.5", 7300, true}}) {
    CAPTURE(row.listener, row.address, row.port);
    DestinationPolicy policy;
    policy.RefuseOwn({{*IpAddress::Parse("192.0.2.1"), 1}, {*IpAddress::Parse(row.listener), 7300}}, [] {
      return std::vector<IpAddress>{*IpAddress::Parse("127.0.0.1"), *IpAddress::Parse("10.0.0.5"), *IpAddress::Parse("2001:db8::5")};
    });
    CHECK(policy.Refusal(*IpAddress::Parse(row.address), row.port).has_value() == row.refused);
    CHECK(Allowed(policy, row.address));  // of no port
  }
  DestinationPolicy named = Policy({"127.0.0.1", "0.0.0.0"}, {});
  named.RefuseOwn({{*IpAddress::Parse("127.0.0.1"), 7300}});
  CHECK_FALSE(named.Refusal(*IpAddress::Parse("127.0.0.1"), 7300));
  // An unspecified address reaches the loopback one, whoever opened it.
  DestinationPolicy own = Policy({}, {"10.0.0.0/8"});
  own.RefuseOwn({{*IpAddress::Parse("127.0.0.1"), 7300}, {*IpAddress::Parse("::1"), 7300}});
  CHECK_THAT(*own.Refusal(*IpAddress::Parse("0.0.0.0"), 7300), Catch::Contains("0.0.0.0:7300 is where this broker listens itself"));
  CHECK_THAT(*own.Refusal(*IpAddress::Parse("::"), 7300), Catch::Contains("[::]:7300 is where this broker listens itself"));
}

TEST_CASE("destinations: the addresses of the machine's interfaces have its loopback among them") {
  const std::vector<IpAddress> here = InterfaceAddresses();
  CHECK(std::find(here.begin(), here.end(), *IpAddress::Parse("127.0.0.1")) != here.end());
}

TEST_CASE("destinations: a refusal names the address and the range") {
  const DestinationPolicy policy = Policy({}, {"10.0.0.0/8"});
  CHECK(*policy.Refusal(*IpAddress::Parse("10.1.2.3")) == "10.1.2.3 is in 10.0.0.0/8 (destinations.deny)");
  CHECK(*policy.Refusal(*IpAddress::Parse("169.254.169.254")) == "169.254.169.254 is in 169.254.169.254/32 (cloud metadata)");
  CHECK(policy.Refusal(*IpAddress::Parse("64:ff9b::a01:203"))->find("10.1.2.3 is in 10.0.0.0/8") != std::string::npos);
}

namespace {

/// Of the file, with a listener of the broker's own at 127.0.0.1:7300 and interfaces at loopback and 203.0.113.7.
DestinationPolicy FileOf(const std::vector<std::string>& allow, const std::vector<std::string>& deny) {
  DestinationPolicy policy = Policy(allow, deny);
  policy.RefuseOwn({{*IpAddress::Parse("127.0.0.1"), 7300}}, [] {
    return std::vector<IpAddress>{*IpAddress::Parse("127.0.0.1"), *IpAddress::Parse("203.0.113.7")};
  });
  return policy;
}

/// Each form in which the IPv4 address may be written, or reached.
std::vector<std::string> FormsOf(const std::string& four) {
  const IpAddress address = *IpAddress::Parse(four);
  char hex[10];
  std::snprintf(hex, sizeof hex, "%02x%02x:%02x%02x", address.bytes[0], address.bytes[1], address.bytes[2], address.bytes[3]);
  return {four, "::ffff:" + four, "64:ff9b::" + four, "64:ff9b:1::" + four, "::ffff:0:" + four, "2002:" + std::string(hex) + "::1", "::" + four};
}

}  // namespace

TEST_CASE("destinations: private ranges are open to default, and closed to another namespace but as far as it allows them, in each form") {
  const DestinationPolicy file = FileOf({}, {});
  const DestinationPolicy own = file.ForNamespace({}, true), other = file.ForNamespace({}, false);
  NamespaceDestinations some;
  some.allow = {"10.1.0.0/16", "fc00::/8", "203.0.113.7"};
  const DestinationPolicy allowing = file.ForNamespace(some, false);
  for (const char* four : {"10.1.2.3", "10.2.0.1", "172.16.0.1", "192.168.7.7", "100.64.0.1", "198.18.0.1", "127.0.0.1", "203.0.113.7"}) {
    for (const std::string& form : FormsOf(four)) {
      CAPTURE(form);
      CHECK(Allowed(own, form.c_str()));
      CHECK_FALSE(Allowed(other, form.c_str()));
      const bool named = std::string(four) == "10.1.2.3" || std::string(four) == "203.0.113.7";
      CHECK(Allowed(allowing, form.c_str()) == named);
    }
  }
  for (const char* six : {"::1", "fc00::1", "fec0::1"}) {
    CAPTURE(six);
    CHECK(Allowed(own, six));
    CHECK_FALSE(Allowed(other, six));
  }
  CHECK(Allowed(allowing, "fc00::1"));
  CHECK(Allowed(other, "8.8.8.8"));
  CHECK(own.closes_private() == false);
  CHECK(other.closes_private());
}

TEST_CASE("destinations: link-local and metadata addresses, own listeners and what the file denies are opened by the file alone") {
  NamespaceDestinations all;
  all.allow = {"0.0.0.0/0", "::/0"};
  for (const bool is_default : {true, false}) {
    const DestinationPolicy policy = FileOf({}, {"10.9.0.0/16"}).ForNamespace(all, is_default);
    for (const char* four : {"169.254.169.254", "169.254.1.1", "100.100.100.200", "10.9.0.1"}) {
      for (const std::string& form : FormsOf(four)) {
        CAPTURE(form, is_default);
        CHECK_FALSE(Allowed(policy, form.c_str()));
      }
    }
    for (const std::string& form : FormsOf("127.0.0.1")) {
      CAPTURE(form);
      CHECK(policy.Refusal(*IpAddress::Parse(form), 7300).has_value());
      CHECK_FALSE(policy.Refusal(*IpAddress::Parse(form), 7301).has_value());
    }
    CHECK_FALSE(Allowed(policy, "fe80::1"));
    CHECK_FALSE(Allowed(policy, "fd00:ec2::254"));
    CHECK(Allowed(policy, "10.8.0.1"));
    // Where the file opens them, who says what it allows must name them too; who says nothing has what the file has.
    const DestinationPolicy opened = FileOf({"169.254.169.254", "127.0.0.1"}, {});
    CHECK(Allowed(opened.ForNamespace(all, is_default), "169.254.169.254"));
    CHECK(Allowed(opened.ForNamespace({}, is_default), "169.254.169.254"));
    CHECK_FALSE(opened.ForNamespace({}, is_default).Refusal(*IpAddress::Parse("127.0.0.1"), 7300).has_value());
    NamespaceDestinations none;
    none.allow.emplace();
    CHECK_FALSE(Allowed(opened.ForNamespace(none, is_default), "169.254.169.254"));
  }
}

TEST_CASE("destinations: a namespace's own deny closes what the file leaves open or opens, and its allow wins over that") {
  NamespaceDestinations settings;
  settings.deny = {"10.0.0.0/8", "private"};
  const DestinationPolicy policy = FileOf({"10.1.0.0/16"}, {}).ForNamespace(settings, true);
  CHECK_FALSE(Allowed(policy, "10.1.2.3"));
  CHECK_FALSE(Allowed(policy, "192.168.0.1"));
  CHECK_FALSE(Allowed(policy, "203.0.113.7"));
  CHECK(Allowed(policy, "8.8.8.8"));
  settings.allow = {"10.2.0.0/16"};
  CHECK(Allowed(FileOf({}, {"private"}).ForNamespace(settings, true), "10.2.0.1"));
  CHECK_FALSE(Allowed(FileOf({}, {"private"}).ForNamespace(settings, true), "10.3.0.1"));
  // An empty list of a namespace takes nothing from the file's.
  NamespaceDestinations nothing;
  nothing.deny.emplace();
  CHECK_FALSE(Allowed(FileOf({}, {"9.9.9.9"}).ForNamespace(nothing, true), "9.9.9.9"));
}

TEST_CASE("destinations: scheme and port are judged before any address") {
  NamespaceDestinations settings;
  settings.https_only = true;
  settings.ports = {443, 8443};
  const DestinationPolicy policy = DestinationPolicy().ForNamespace(settings, true);
  CHECK_THAT(*policy.RefusalOfKind(false, 443), Catch::Contains("https only"));
  CHECK_THAT(*policy.RefusalOfKind(true, 444), Catch::Contains("port 444"));
  CHECK_FALSE(policy.RefusalOfKind(true, 8443).has_value());
  CHECK_FALSE(DestinationPolicy().RefusalOfKind(false, 1).has_value());
}

TEST_CASE("destinations: scheme and ports of the file hold where a namespace says nothing of the kind") {
  DestinationPolicy file;
  file.SetDefaults(true, DestinationPolicy::PortsOf({"443", "8443"}));
  const DestinationPolicy silent = file.ForNamespace({}, true);
  CHECK(silent.RefusalOfKind(false, 443).has_value());
  CHECK_THAT(*silent.RefusalOfKind(true, 80), Catch::Contains("port 80"));
  CHECK_FALSE(silent.RefusalOfKind(true, 8443).has_value());
  NamespaceDestinations says;
  says.https_only = false;
  says.ports = {80};
  CHECK_FALSE(file.ForNamespace(says, true).RefusalOfKind(false, 80).has_value());
  CHECK(file.ForNamespace(says, true).RefusalOfKind(true, 443).has_value());
  CHECK_FALSE(DestinationPolicy::PortsOf({}).has_value());
  for (const char* text : {"0", "65536", "", "80 ", "x", "-1"}) CHECK_FALSE(DestinationPolicy::CheckPort(text).ok());
}

TEST_CASE("destinations: what of a namespace's settings does not parse closes all to it") {
  NamespaceDestinations settings;
  settings.allow = {"10.0.0.0/8", "nonsense"};
  CHECK_FALSE(Allowed(DestinationPolicy().ForNamespace(settings, true), "10.0.0.1"));
  CHECK_FALSE(Allowed(DestinationPolicy().ForNamespace(settings, true), "8.8.8.8"));
}
