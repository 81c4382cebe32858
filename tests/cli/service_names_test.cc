// What name servers say of the services of the file.
#include "cli/daemon/service_names.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;

TEST_CASE("service names: what one leads to, as instances of the file") {
  const std::vector<FoundInstance> found{{"10.0.0.5:8080", "10.0.0.5", 8080, 1}, {"fd00::1:8080", "[fd00::1]", 8080, 1}};
  FileService service;
  service.name = "a";
  service.dns = "a.internal:8080";
  const FileService plain = WithInstances(service, found);
  REQUIRE(plain.instances.size() == 2);
  CHECK(plain.instances[0] == std::pair<std::string, InstanceSettings>("10.0.0.5:8080", {"http://10.0.0.5:8080", 1, {}, 0}));
  CHECK(plain.instances[1].second.url == "http://[fd00::1]:8080");
  CHECK(plain.settings.host_header == "a.internal:8080");
  CHECK(WithInstances(service, {}).instances.empty());

  service.dns = "a.internal:443";
  service.settings.https = true;
  const FileService secure = WithInstances(service, {{"10.0.0.5:443", "10.0.0.5", 443, 1}});
  CHECK(secure.instances[0].second.url == "https://10.0.0.5:443");
  CHECK(secure.settings.host_header == "a.internal");
  service.settings.host_header = "own.test";
  CHECK(WithInstances(service, found).settings.host_header == "own.test");

  service.settings.host_header.clear();
  service.dns = "_http._tcp.a.internal";
  const FileService srv = WithInstances(service, {{"b.internal:80", "b.internal", 80, 7}});
  CHECK(srv.instances[0].second == InstanceSettings{"https://b.internal:80", 7, {}, 0});
  CHECK(srv.settings.host_header.empty());
}
