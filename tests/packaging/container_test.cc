// conf/Dockerfile and conf/kubernetes.yaml beside the binary that they run.
#include <signal.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>

#include "cli/e2e_broker.h"
#include "support/process.h"
#include "cli/daemon/settings.h"
#include "packaging/project.h"

#include <catch2/catch.hpp>

namespace notifyd::test {
namespace {

YAML::Node Manifest(const std::string& kind) {
  for (const YAML::Node& document : YAML::LoadAll(ProjectFile("conf/kubernetes.yaml")))
    if (document["kind"].as<std::string>() == kind) return document;
  throw std::runtime_error("no " + kind + " in conf/kubernetes.yaml");
}

YAML::Node PodSpec() {
  return Manifest("StatefulSet")["spec"]["template"]["spec"];
}

YAML::Node Container() {
  return PodSpec()["containers"][0];
}

std::string ConfigText() {
  return Manifest("ConfigMap")["data"]["notifyd.toml"].as<std::string>();
}

/// The settings that the ConfigMap comes to.
Options ConfigOptions() {
  TempDir dir;
  Invocation read = ReadCommandLine({"--config", dir.Write("notifyd.toml", ConfigText())}, {});
  INFO(read.error);
  REQUIRE(read.action == Invocation::Action::kRun);
  return read.options;
}

uint16_t PublishedPort(const std::string& listen) {
  Result<ListenAddress> parsed = ParseListen(listen);
  REQUIRE(parsed.ok());
  return parsed->port;
}

std::string Joined(const YAML::Node& words) {
  std::string out;
  for (const YAML::Node& word : words) out += word.as<std::string>() + " ";
  return out;
}

/// Debian packages whose libraries `binary` is linked with.
std::set<std::string> LibraryPackages(const std::string& binary) {
  std::set<std::string> packages;
  for (const std::string& library : AllMatches(OutputOf("/usr/bin/readelf", {"-d", binary}), R"(\(NEEDED\)[^\[]*\[([^\]]*)\])")) {
    if (library.find("san.so") != std::string::npos) continue;  // a sanitizer's
    packages.insert(OneMatch(OutputOf("/usr/bin/dpkg-query", {"--search", "*/" + library}), "(?:^|\n)([^:,\n]*)[:,][^\n]*-linux-gnu/"));
  }
  return packages;
}

}  // namespace

TEST_CASE("kubernetes: the configuration of the ConfigMap passes --check-config") {
  TempDir dir;
  CHECK(OutputOf(NOTIFYD_BINARY, {"--config", dir.Write("notifyd.toml", ConfigText()), "--data-dir", dir.path() + "/data", "--check-config"}) == "ok\n");
}

TEST_CASE("kubernetes: ports agree from the setting to the Service") {
  YAML::Node port = Container()["ports"][0], service = Manifest("Service")["spec"]["ports"][0];
  CHECK(PublishedPort(ConfigOptions().listen) == port["containerPort"].as<uint16_t>());
  CHECK(service["targetPort"].as<std::string>() == port["name"].as<std::string>());
  CHECK(service["port"].as<uint16_t>() == PublishedPort(Options().listen));
  YAML::Node annotations = Manifest("StatefulSet")["spec"]["template"]["metadata"]["annotations"];
  CHECK(annotations["prometheus.io/port"].as<uint16_t>() == port["containerPort"].as<uint16_t>());
}

TEST_CASE("kubernetes: the store lies on the volume, and the configuration where the command looks for it") {
  std::set<std::string> mounts;
  for (const YAML::Node& mount : Container()["volumeMounts"]) mounts.insert(mount["mountPath"].as<std::string>());
  bool on_volume =
      std::any_of(mounts.begin(), mounts.end(), [](const std::string& mount) { return ConfigOptions().data_dir.rfind(mount + "/", 0) == 0; });
  CHECK(on_volume);
  std::string config = OneMatch(Joined(Container()["args"]), R"(--config (\S*))");
  CHECK(mounts.count(config.substr(0, config.rfind('/'))) == 1);
  CHECK(Manifest("ConfigMap")["data"][config.substr(config.rfind('/') + 1)].IsDefined());
}

TEST_CASE("kubernetes: the flags of its command are flags of notifyd") {
  CHECK(Missing(FlagsIn(Joined(Container()["args"])), FlagsOfNotifyd()) == "");
}

TEST_CASE("kubernetes: a pod is given longer to stop than calls in flight may take") {
  CHECK(PodSpec()["terminationGracePeriodSeconds"].as<int64_t>() * 1000 > ConfigOptions().shutdown_grace_ms);
}

TEST_CASE("kubernetes: no variables of its own that would be taken for settings") {
  CHECK(PodSpec()["enableServiceLinks"].as<bool>() == false);
}

TEST_CASE("kubernetes: one replica on a volume of its own, without rights") {
  CHECK(Manifest("StatefulSet")["spec"]["replicas"].as<int>() == 1);
  CHECK(PodSpec()["securityContext"]["runAsNonRoot"].as<bool>());
  CHECK(Container()["securityContext"]["readOnlyRootFilesystem"].as<bool>());
  CHECK_FALSE(Container()["securityContext"]["allowPrivilegeEscalation"].as<bool>());
}

TEST_CASE("kubernetes: each probe asks for what a running broker answers with 200") {
  TempDir dir;
  Broker broker(dir.path());
  for (const char* probe : {"startupProbe", "livenessProbe", "readinessProbe"}) {
    std::string path = Container()[probe]["httpGet"]["path"].as<std::string>();
    INFO(probe << " " << path);
    CHECK(broker.Call("GET", path).status == 200);
  }
}

TEST_CASE("Dockerfile: the runtime stage has the package of each library, and nothing that is not needed") {
  std::string file = ProjectFile("conf/Dockerfile");
  std::string runtime = file.substr(file.find("\nFROM debian:bookworm-slim"));
  std::string listed = OneMatch(runtime, R"(--no-install-recommends \\\n([^&]*)&&)");
  listed.erase(std::remove(listed.begin(), listed.end(), '\\'), listed.end());
  std::set<std::string> have;
  std::istringstream words(listed);
  for (std::string word; words >> word;) have.insert(word);
  std::set<std::string> need = LibraryPackages(NOTIFYD_BINARY);
  need.merge(LibraryPackages(NOTIFYCTL_BINARY));
  REQUIRE(need.count("libcurl4") == 1);
  for (const char* in_base : {"libc6", "libgcc-s1", "libstdc++6"}) need.erase(in_base);
  CHECK(Missing(need, have) == "");
  have.erase("ca-certificates");  // for https destinations
  have.erase("tzdata");           // for the zones of schedules
  CHECK(Missing(have, need) == "");
}

TEST_CASE("Dockerfile: port, directory and flags are those of the broker") {
  std::string file = ProjectFile("conf/Dockerfile");
  std::string listen = OneMatch(file, "listen = \"([^\"]*)\"/' /staged");
  CHECK(OneMatch(file, "\nEXPOSE ([0-9]+)\n") == std::to_string(PublishedPort(listen)));
  CHECK(OneMatch(file, "HEALTHCHECK .*\"http://127\\.0\\.0\\.1:([0-9]+)\"") == std::to_string(PublishedPort(listen)));
  CHECK(OneMatch(file, "\nVOLUME ([^\n]*)\n") == OneMatch(ProjectFile("cmake/install.cmake"), R"(set\(NOTIFYD_STATE_DIR ([^)]*)\))"));
  CHECK(Missing(FlagsIn(OneMatch(file, "\nCMD (.*)")), FlagsOfNotifyd()) == "");
}

TEST_CASE("Dockerfile: its check of health succeeds beside a broker, and fails without one") {
  std::string check = OneMatch(ProjectFile("conf/Dockerfile"), "HEALTHCHECK .*CMD \\[\"notifyctl\", ([^\\]]*)\\]");
  std::string command;
  for (const std::string& word : AllMatches(check, "\"([^\"]*)\"")) command += word + " ";
  REQUIRE(command.find("ready") != std::string::npos);
  TempDir dir;
  Broker broker(dir.path());
  Process healthy(NOTIFYCTL_BINARY, {{"--server", broker.url(), "ready"}, {}});
  CHECK(healthy.Wait() == 0);
  broker.process().Signal(SIGKILL);
  broker.process().Wait();
  Process gone(NOTIFYCTL_BINARY, {{"--server", broker.url(), "ready"}, {}});
  CHECK(gone.Wait() != 0);
}

}  // namespace notifyd::test
