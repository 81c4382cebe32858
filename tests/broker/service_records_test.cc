// What services and instances are on disk: golden bytes, and what is no record of them.
#include "broker/service_records.h"

#include <catch2/catch.hpp>
#include <string>

using namespace notifyd;

namespace {

std::string Hex(const std::string& bytes) {
  std::string out;
  for (unsigned char c : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    out.append({kDigits[c >> 4], kDigits[c & 15]});
  }
  return out;
}

ServiceSettings Full() {
  ServiceSettings settings;
  settings.balance = Balance::kHash;
  settings.hash_by = "/id";
  settings.pool = "eu";
  settings.pool_fallback = "us";
  settings.https = true;
  settings.host_header = "api.example";
  settings.failover_max = 2;
  settings.breaker = BreakerSettings{true, 7, 25, 40, 5'000, 60'000, 0, true};
  return settings;
}

}  // namespace

TEST_CASE("service records: golden bytes, both ways") {
  const InstanceSettings instance{"http://h:8080/base", 300, {"eu", "x"}, 5'000};
  CHECK(Hex(EncodeService({})) == "01000003");
  CHECK(Hex(EncodeService(Full())) ==
        "013f0302032f696402657502757"
        "30b6170692e6578616d706c650307403900000000000028904ec0a90700");
  ServiceSettings probed;
  probed.probe = ServiceProbe{"/healthz", 700};
  CHECK(Hex(EncodeService(probed)) == "01400003082f6865616c74687af80a");
  CHECK(*DecodeService(EncodeService(probed)) == probed);
  CHECK(Hex(EncodeInstance(instance)) ==
        "0112687474703a2f2f683a383038302f62617365ac02904e0202657501"
        "78");
  CHECK(*DecodeService(EncodeService(Full())) == Full());
  CHECK(*DecodeService(EncodeService({})) == ServiceSettings());
  CHECK(*DecodeInstance(EncodeInstance(instance)) == instance);
}

TEST_CASE("service records: what is cut off, longer or of another version is refused") {
  ServiceSettings all = Full();
  all.probe = ServiceProbe{"/healthz", 700};
  const std::string service = EncodeService(all), instance = EncodeInstance({"http://h", 1, {"eu"}, 0});
  for (size_t size = 0; size < service.size(); ++size) CHECK_FALSE(DecodeService(service.substr(0, size)).ok());
  for (size_t size = 0; size < instance.size(); ++size) CHECK_FALSE(DecodeInstance(instance.substr(0, size)).ok());
  CHECK_FALSE(DecodeService(service + "x").ok());
  CHECK_FALSE(DecodeInstance(instance + "x").ok());
  CHECK_FALSE(DecodeService("\x02" + service.substr(1)).ok());
  CHECK_FALSE(DecodeInstance("\x02" + instance.substr(1)).ok());
}

TEST_CASE("service records: the key of an instance") {
  const std::string key = InstanceKey("billing", "a:1");
  CHECK(key == std::string("billing\0a:1", 11));
  CHECK(SplitInstanceKey(key) == std::pair<std::string_view, std::string_view>("billing", "a:1"));
}
