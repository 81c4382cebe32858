// conf/compose.yaml and conf/kubernetes-cluster.yaml: what they say of brokers is held to the binary, and each to itself.
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/authority.h"
#include "cli/daemon/settings.h"
#include "packaging/project.h"
#include "support/process.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

namespace notifyd::test {
namespace {

namespace fs = std::filesystem;

/// A mapping with what it takes over by "<<", its own first.
YAML::Node Merged(const YAML::Node& node) {
  YAML::Node out;
  for (const auto& pair : node)
    if (pair.first.as<std::string>() == "<<")
      for (const auto& taken : Merged(pair.second)) out[taken.first.as<std::string>()] = taken.second;
  for (const auto& pair : node)
    if (pair.first.as<std::string>() != "<<") out[pair.first.as<std::string>()] = pair.second;
  return out;
}

std::set<std::string> KeysOf(const YAML::Node& mapping) {
  std::set<std::string> keys;
  for (const auto& pair : mapping) keys.insert(pair.first.as<std::string>());
  return keys;
}

std::string Replaced(std::string text, const std::string& what, const std::string& with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) text.replace(at, what.size(), with);
  return text;
}

/// The variables of settings, NOTIFYD_A_B.
std::set<std::string> VariablesOfSettings() {
  std::set<std::string> names;
  for (const Setting& setting : AllSettings()) {
    std::string name = "NOTIFYD_" + setting.name;
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return c == '.' ? '_' : static_cast<char>(toupper(c)); });
    names.insert(name);
  }
  return names;
}

using Variables = std::map<std::string, std::string>;

/// Those of a broker: each is a setting, or libpq's.
void CheckAreSettings(const Variables& variables, const std::set<std::string>& others) {
  const std::set<std::string> known = VariablesOfSettings();
  for (const auto& [name, value] : variables) {
    INFO(name << "=" << value);
    CHECK(known.count(name) + others.count(name) == 1);
  }
}

std::string CheckConfig(const Variables& variables, const std::vector<std::string>& arguments) {
  std::vector<std::string> environment, all = arguments;
  for (const auto& [name, value] : variables) environment.push_back(name + "=" + value);
  all.emplace_back("--check-config");
  return OutputOf(NOTIFYD_BINARY, all, environment);
}

/// Made by the project's script, as it is meant to be called.
void MakeCertificates(const std::string& directory, const std::vector<std::string>& names) {
  std::vector<std::string> arguments = {NOTIFYD_SOURCE_DIR "/conf/cluster-certificates", directory};
  arguments.insert(arguments.end(), names.begin(), names.end());
  Process made("/bin/sh", {arguments, {}});
  INFO(made.error());
  REQUIRE(made.Wait() == 0);
}

std::string HostOf(const std::string& address) {
  const Result<Authority> parsed = ParseAuthority(address, 0);
  REQUIRE(parsed.ok());
  return parsed->host;
}

uint16_t PortOf(const std::string& address) {
  const Result<ListenAddress> parsed = ParseListen(address);
  REQUIRE(parsed.ok());
  return parsed->port;
}

std::vector<std::string> Split(const std::string& text, char at) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == at) parts.emplace_back();
    else parts.back().push_back(c);
  }
  return parts;
}

// ---- Kubernetes

YAML::Node Manifest(const std::string& kind, const std::string& name) {
  for (const YAML::Node& document : YAML::LoadAll(ProjectFile("conf/kubernetes-cluster.yaml")))
    if (document["kind"].as<std::string>() == kind && document["metadata"]["name"].as<std::string>() == name) return document;
  throw std::runtime_error("no " + kind + " " + name);
}

YAML::Node PodOf(const std::string& set) {
  return Manifest("StatefulSet", set)["spec"]["template"]["spec"];
}

YAML::Node ContainerOf(const std::string& set) {
  return PodOf(set)["containers"][0];
}

/// Of the pod with that number; what is a Secret's is "secret".
Variables VariablesOfPod(const std::string& set, int number) {
  const std::string pod = set + "-" + std::to_string(number);
  Variables variables;
  for (const YAML::Node& each : ContainerOf(set)["env"])
    variables[each["name"].as<std::string>()] = each["value"].IsDefined() ? Replaced(each["value"].as<std::string>(), "$(POD_NAME)", pod)
                                                : each["name"].as<std::string>() == "POD_NAME" ? pod
                                                                                               : "secret";
  return variables;
}

int Replicas(const std::string& set) {
  return Manifest("StatefulSet", set)["spec"]["replicas"].as<int>();
}

std::string Toml() {
  return Manifest("ConfigMap", "notifyd")["data"]["notifyd.toml"].as<std::string>();
}

std::map<std::string, uint16_t> PortsOf(const std::string& set) {
  std::map<std::string, uint16_t> ports;
  for (const YAML::Node& port : ContainerOf(set)["ports"]) ports[port["name"].as<std::string>()] = port["containerPort"].as<uint16_t>();
  return ports;
}

// ---- compose

YAML::Node Compose() {
  return YAML::Load(ProjectFile("conf/compose.yaml"));
}

/// Those with an address for other members.
std::vector<std::string> BrokersOfCompose() {
  std::vector<std::string> brokers;
  for (const std::string& name : KeysOf(Compose()["services"]))
    if (Merged(Merged(Compose()["services"][name])["environment"])["NOTIFYD_CLUSTER_ADVERTISE"].IsDefined()) brokers.push_back(name);
  return brokers;
}

YAML::Node Service(const std::string& name) {
  return Merged(Compose()["services"][name]);
}

Variables VariablesOf(const std::string& service) {
  Variables variables;
  for (const auto& pair : Merged(Service(service)["environment"])) variables[pair.first.as<std::string>()] = pair.second.as<std::string>();
  return variables;
}

}  // namespace

TEST_CASE("kubernetes-cluster: each broker's configuration, variables and certificate pass --check-config") {
  TempDir dir;
  std::vector<std::string> names;
  for (int i = 0; i < Replicas("notifyd"); ++i) names.push_back(HostOf(VariablesOfPod("notifyd", i)["NOTIFYD_CLUSTER_ADVERTISE"]));
  MakeCertificates(dir.path() + "/members", names);
  const std::string mount = "/etc/notifyd-members";
  const std::string file = dir.Write("notifyd.toml", Replaced(Toml(), mount, dir.path() + "/members"));
  for (int i = 0; i < Replicas("notifyd"); ++i) {
    Variables variables = VariablesOfPod("notifyd", i);
    CheckAreSettings(variables, {"POD_NAME", "PGPASSWORD"});
    for (auto& [name, value] : variables) value = Replaced(value, mount, dir.path() + "/members");
    CHECK(CheckConfig(variables, {"--config", file, "--data-dir", dir.path() + "/data"}) == "ok\n");
  }
  // The command at its top makes these certificates.
  const std::string text = ProjectFile("conf/kubernetes-cluster.yaml");
  const std::string command = OneMatch(text, "conf/cluster-certificates certificates ([^\n]*)\n");
  CHECK(Split(command, ' ') == names);
}

TEST_CASE("kubernetes-cluster: ports and names agree from the setting to the Service") {
  std::map<std::string, uint16_t> ports = PortsOf("notifyd");
  const YAML::Node http = Manifest("Service", "notifyd")["spec"]["ports"][0], members = Manifest("Service", "notifyd-members")["spec"]["ports"][0];
  CHECK(PortOf(OneMatch("\n" + Toml(), "\nlisten = \"([^\"]*)\"")) == ports["http"]);
  CHECK(PortOf(OneMatch(Toml(), "\\[cluster\\]\nlisten = \"([^\"]*)\"")) == ports["members"]);
  CHECK(http["targetPort"].as<std::string>() == "http");
  CHECK(members["targetPort"].as<std::string>() == "members");
  CHECK(PortsOf("notifyd-db")["postgres"] == Manifest("Service", "notifyd-db")["spec"]["ports"][0]["port"].as<uint16_t>());
  CHECK(Manifest("StatefulSet", "notifyd")["spec"]["serviceName"].as<std::string>() == "notifyd-members");
  for (int i = 0; i < Replicas("notifyd"); ++i) {
    const std::string advertise = VariablesOfPod("notifyd", i)["NOTIFYD_CLUSTER_ADVERTISE"];
    CHECK(advertise == "notifyd-" + std::to_string(i) + ".notifyd-members:" + std::to_string(ports["members"]));
    CHECK(Toml().find("\"" + HostOf(advertise) + "\"") != std::string::npos);  // http.hosts
  }
  CHECK(PodOf("notifyd")["enableServiceLinks"].as<bool>() == false);
  CHECK(PodOf("notifyd")["terminationGracePeriodSeconds"].as<int64_t>() * 1000 > std::stoll(OneMatch(Toml(), "shutdown_grace_ms = ([0-9]+)")));
}

TEST_CASE("kubernetes-cluster: the brokers look for the database where it is, and its scripts are those of conf") {
  std::string hosts;
  const std::string domain = "." + Manifest("StatefulSet", "notifyd-db")["spec"]["serviceName"].as<std::string>();
  for (int i = 0; i < Replicas("notifyd-db"); ++i) hosts += (i ? ",notifyd-db-" : "notifyd-db-") + std::to_string(i) + domain;
  CHECK(OneMatch(Toml(), "host=([^ ]*) ") == hosts);
  CHECK(VariablesOfPod("notifyd-db", 0)["DB_DOMAIN"] == domain);
  CHECK(hosts.find(VariablesOfPod("notifyd-db", 0)["DB_PRIMARY"] + domain) != std::string::npos);
  const YAML::Node scripts = Manifest("ConfigMap", "notifyd-db")["data"];
  CHECK(scripts["db-start"].as<std::string>() == ProjectFile("conf/cluster-db-start"));
  CHECK(scripts["db-init.sh"].as<std::string>() == ProjectFile("conf/cluster-db-init"));
  for (const char* script : {"cluster-db-start", "cluster-db-init", "cluster-certificates"}) {
    Process check("/bin/bash", {{"-n", std::string(NOTIFYD_SOURCE_DIR "/conf/") + script}, {}});
    CHECK(check.Wait() == 0);
  }
}

TEST_CASE("kubernetes-cluster: what a pod mounts is there, and it runs without rights") {
  for (const char* set : {"notifyd", "notifyd-db"}) {
    std::set<std::string> volumes;
    for (const YAML::Node& volume : PodOf(set)["volumes"]) volumes.insert(volume["name"].as<std::string>());
    for (const YAML::Node& claim : Manifest("StatefulSet", set)["spec"]["volumeClaimTemplates"])
      volumes.insert(claim["metadata"]["name"].as<std::string>());
    for (const YAML::Node& mount : ContainerOf(set)["volumeMounts"]) CHECK(volumes.count(mount["name"].as<std::string>()) == 1);
    CHECK(PodOf(set)["securityContext"]["runAsNonRoot"].as<bool>());
    CHECK_FALSE(ContainerOf(set)["securityContext"]["allowPrivilegeEscalation"].as<bool>());
    CHECK(Manifest("PodDisruptionBudget", set)["spec"]["maxUnavailable"].as<int>() == 1);
  }
  const YAML::Node policy = Manifest("NetworkPolicy", "notifyd")["spec"]["ingress"];
  std::set<std::string> from_members;
  for (const YAML::Node& rule : policy)
    if (rule["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/name"].IsDefined())
      from_members.insert(rule["ports"][0]["port"].as<std::string>());
  CHECK(from_members == std::set<std::string>{"members"});
}

TEST_CASE("compose: each broker's variables are settings, and pass --check-config with the certificate that its job makes") {
  const std::vector<std::string> brokers = BrokersOfCompose();
  REQUIRE(brokers.size() == 3);
  TempDir dir;
  MakeCertificates(dir.path() + "/authority", brokers);
  const std::string job = Service("certificates")["command"][0].as<std::string>();
  std::string all;
  for (const std::string& name : brokers) all += (all.empty() ? "" : " ") + name;
  CHECK(job.find("cluster-certificates /authority " + all + " ") != std::string::npos);
  CHECK(job.find("for name in " + all + ";") != std::string::npos);
  std::set<std::string> published;
  for (const std::string& name : brokers) {
    INFO(name);
    // As the job lays them out.
    const std::string place = dir.path() + "/" + name;
    fs::create_directory(place);
    fs::copy_file(dir.path() + "/authority/ca.pem", place + "/ca.pem");
    fs::copy_file(dir.path() + "/authority/" + name + ".pem", place + "/cert.pem");
    fs::copy_file(dir.path() + "/authority/" + name + "-key.pem", place + "/key.pem");
    Variables variables = VariablesOf(name);
    CheckAreSettings(variables, {"PGPASSWORD"});
    CHECK(HostOf(variables["NOTIFYD_CLUSTER_ADVERTISE"]) == name);
    CHECK(PortOf(variables["NOTIFYD_CLUSTER_LISTEN"]) == std::stoi(Split(variables["NOTIFYD_CLUSTER_ADVERTISE"], ':')[1]));
    CHECK(variables.count("NOTIFYD_CLUSTER_INSECURE") == 0);
    for (const std::string& part : {std::string("notifyd"), name}) {
      const std::vector<std::string> hosts = Split(variables["NOTIFYD_HTTP_HOSTS"], ',');
      CHECK(std::count(hosts.begin(), hosts.end(), part) == 1);
    }
    for (auto& [variable, value] : variables) value = Replaced(value, "/etc/notifyd/cluster", place);
    CHECK(CheckConfig(variables, {"--data-dir", dir.path() + "/data"}) == "ok\n");
    const std::vector<std::string> port = Split(Service(name)["ports"][0].as<std::string>(), ':');
    CHECK(port[0] == "127.0.0.1");
    CHECK(published.insert(port[1]).second);
    CHECK(port[2] == OneMatch(ProjectFile("conf/Dockerfile"), "\nEXPOSE ([0-9]+)\n"));
  }
}

TEST_CASE("compose: what its services name is in it") {
  const YAML::Node compose = Compose();
  const std::set<std::string> services = KeysOf(compose["services"]), volumes = KeysOf(compose["volumes"]), configs = KeysOf(compose["configs"]),
                              networks = KeysOf(compose["networks"]);
  for (const std::string& name : services) {
    INFO(name);
    const YAML::Node service = Service(name);
    for (const std::string& needed : KeysOf(service["depends_on"])) CHECK(services.count(needed) == 1);
    for (const YAML::Node& volume : service["volumes"]) CHECK(volumes.count(Split(volume.as<std::string>(), ':')[0]) == 1);
    for (const YAML::Node& config : service["configs"]) CHECK(configs.count(config["source"].as<std::string>()) == 1);
    const YAML::Node joined = service["networks"];
    if (!joined.IsDefined()) continue;
    if (joined.IsMap()) CHECK(Missing(KeysOf(joined), networks) == "");
    if (!joined.IsSequence()) continue;
    for (const YAML::Node& network : joined) CHECK(networks.count(network.as<std::string>()) == 1);
  }
  for (const std::string& config : configs) {
    const std::string file = compose["configs"][config]["file"].as<std::string>();
    CHECK(fs::is_regular_file(fs::path(NOTIFYD_SOURCE_DIR "/conf") / file));
  }
  const std::string dsn = VariablesOf("broker-1")["NOTIFYD_STORE_POSTGRES_DSN"];
  for (const std::string& host : Split(OneMatch(dsn, "host=([^ ]*)"), ',')) {
    CHECK(services.count(host) == 1);
    CHECK(Service(host)["hostname"].as<std::string>() == host);
  }
  CHECK(services.count(OneMatch(VariablesOf("db-1")["DB_PRIMARY"], ":-([^}]*)")) == 1);
}

TEST_CASE("cluster-certificates: what is there is kept, and a member added") {
  TempDir dir;
  MakeCertificates(dir.path(), {"a", "10.0.0.1"});
  const auto text = [&](const std::string& name) { return OutputOf("/bin/cat", {dir.path() + "/" + name}); };
  const std::string ca = text("ca.pem"), first = text("a.pem");
  MakeCertificates(dir.path(), {"a", "10.0.0.1", "b"});
  CHECK(text("ca.pem") == ca);
  CHECK(text("a.pem") == first);
  for (const char* name : {"a", "10.0.0.1", "b"})
    CHECK(OutputOf("/usr/bin/openssl", {"verify", "-CAfile", dir.path() + "/ca.pem", dir.path() + "/" + name + ".pem"}).ends_with(": OK\n"));
  CHECK(OutputOf("/usr/bin/openssl", {"x509", "-in", dir.path() + "/10.0.0.1.pem", "-noout", "-ext", "subjectAltName"}).find("IP Address:10.0.0.1") !=
        std::string::npos);
  CHECK((fs::status(dir.path() + "/a-key.pem").permissions() & fs::perms(0077)) == fs::perms::none);
}

}  // namespace notifyd::test
