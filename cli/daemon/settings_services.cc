#include "cli/daemon/settings_services.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <utility>

#include "base/json_reader.h"
#include "cli/daemon/settings_tables.h"
#include "net/api/service_json.h"
#include "net/sender/name_watch.h"

namespace notifyd {
namespace {

constexpr size_t kServicesMost = 1000, kInstancesMost = 1000;

/// The table without some of its keys, as a document of the API.
std::string AsJson(const toml::table& table, const std::set<std::string_view>& without) {
  toml::table copy = table;
  for (std::string_view key : without) copy.erase(key);
  std::stringstream json;
  json << toml::json_formatter(copy);
  return json.str();
}

/// What the API says of the table, at the key that it names.
Status BlameField(const TablePlace& place, const toml::table& table, const std::string& before, const Status& status) {
  std::string key = status.field().empty() ? std::string() : status.field().substr(1, status.field().find('/', 1) - 1);
  const toml::node* node = table.get(key);
  return place.Blame(before + key, node != nullptr ? *node : table, status.detail());
}

Status ReadInstance(const TablePlace& place, const toml::table& table, const std::string& before, FileService* service) {
  const toml::node* id = table.get("id");
  const std::string text = id != nullptr ? id->value_or(std::string()) : std::string();
  if (!IsInstanceId(text)) return place.Blame(before + "id", id != nullptr ? *id : table, "must be 1 to 100 of A-Z, a-z, 0-9, '.', '_', ':', '-'");
  for (const auto& [other, settings] : service->instances)
    if (other == text) return place.Blame(before + "id", *id, "is said twice");
  if (const toml::node* ttl = table.get("ttl_ms")) return place.Blame(before + "ttl_ms", *ttl, "nobody renews what stands in the file");
  JsonReader reader;
  std::string json = AsJson(table, {"id"});
  Result<InstanceSettings> settings = ParseInstance(&reader, json);
  if (!settings.ok()) return BlameField(place, table, before, settings.status());
  service->instances.emplace_back(text, *std::move(settings));
  return Status::Ok();
}

Result<FileService> ReadService(const toml::table& table, const TablePlace& place) {
  FileService service;
  const toml::node* name = table.get("name");
  service.name = name != nullptr ? name->value_or(std::string()) : std::string();
  if (!IsServiceName(service.name))
    return place.Blame("name", name != nullptr ? *name : table, "must be 1 to 100 of a-z, 0-9, '.' and '-', and begin with a letter or digit");
  if (const toml::node* namespaces = table.get("namespaces")) {
    const toml::array* names = namespaces->as_array();
    if (!names || names->empty()) return place.Blame("namespaces", *namespaces, "must be a list of names, or [\"*\"]");
    service.namespaces.clear();
    for (const toml::node& each : *names) {
      if (!each.is_string()) return place.Blame("namespaces", each, "must be a list of names, or [\"*\"]");
      std::string space = each.value_or(std::string());
      if (Status fault = CheckNamespaceName(space); space != "*" && !fault.ok()) return place.Blame("namespaces", each, fault.detail());
      service.namespaces.push_back(std::move(space));
    }
  }
  JsonReader reader;
  std::string json = AsJson(table, {"name", "namespaces", "instances", "dns"});
  Result<ServiceSettings> settings = ParseService(&reader, json);
  if (!settings.ok()) return BlameField(place, table, "", settings.status());
  service.settings = *std::move(settings);
  const toml::node* instances = table.get("instances");
  if (const toml::node* dns = table.get("dns")) {
    if (instances != nullptr) return place.Blame("dns", *dns, "a service has instances, or a name that leads to them");
    service.dns = dns->value_or(std::string());
    if (Result<WatchedName> watched = ParseWatchedName(service.dns); !watched.ok()) return place.Blame("dns", *dns, watched.status().detail());
  }
  if (instances == nullptr) return service;
  const toml::array* tables = instances->as_array();
  if (!tables || (!tables->empty() && !tables->is_array_of_tables()) || tables->size() > kInstancesMost)
    return place.Blame("instances", *instances, "must be at most 1000 tables, such as { id = \"a\", url = \"http://10.0.0.5:8080\" }");
  for (const toml::node& each : *tables) {
    const std::string before = "instances/" + std::to_string(service.instances.size()) + "/";
    if (Status fault = ReadInstance(place, *each.as_table(), before, &service); !fault.ok()) return fault;
    if (service.settings.https && !service.instances.back().second.url.starts_with("https://"))
      return place.Blame(before + "url", each, "the service's instances are of https alone");
  }
  return service;
}

}  // namespace

Result<std::vector<FileService>> ReadFileServices(const toml::node& node, const std::string& file) {
  const toml::array* tables = node.as_array();
  if (!tables || (!tables->empty() && !tables->is_array_of_tables()) || tables->size() > kServicesMost)
    return Status(Code::kUnacceptable, "service (" + PlaceOf(file, node) + "): must be at most 1000 tables, each under a line [[service]]", "/service");
  std::vector<FileService> services;
  std::set<std::string> names;
  for (const toml::node& table : *tables) {
    const TablePlace place{"service", services.size() + 1, file};
    Result<FileService> service = ReadService(*table.as_table(), place);
    if (!service.ok()) return std::move(service).status();
    for (const std::string& space : service->namespaces)
      if (!names.insert(space + "\n" + service->name).second) return place.Blame("name", table, "is said twice for the namespace " + space);
    services.push_back(*std::move(service));
  }
  return services;
}

Result<BreakerSettings> ReadFileBreaker(const toml::node& node) {
  if (const auto* flag = node.as_boolean(); flag && !flag->get()) return BreakerSettings{.enabled = false};
  if (!node.is_table())
    return Status(Code::kUnacceptable,
                  "must be false, or a table of enabled, failures, ratio, window, open_ms, max_wait_ms, disable_after_ms and on_open");
  JsonReader reader;
  toml::table service;
  service.insert("breaker", *node.as_table());
  std::string json = AsJson(service, {});
  Result<ServiceSettings> settings = ParseService(&reader, json);
  if (!settings.ok()) return std::move(settings).status();
  return *settings->breaker;
}

std::string FileServicesAsToml() {
  return R"(

# Services, none by default: names in place of addresses (docs/flows-services.md). What is said here cannot be changed by the API. In this file
# only. Reloadable.
#
#   name          what stands behind service:// in a URL
#   namespaces    in which it is; by default in default alone; ["*"]: in all
#   instances     tables of id, url, weight and pools; others may register beside them
#   dns           in place of instances: "name:port", whose addresses they are, or "_service._proto.name", whose SRV records say names, ports and
#                 weights. Looked up again when its TTL is over; what was found stays where a lookup fails
#   balance       least_active, round_robin, random or hash; hash_by: a JSON Pointer into data, or lane
#   pool          whose instances take calls that name no other; pool_fallback: where that has none
#   https         true: instances of https alone
#   host_header   in place of the instances' own, for TLS too
#   failover_max  so many others are tried at once where no connection came about
#   breaker       a table of enabled, failures, ratio, window, open_ms, max_wait_ms, disable_after_ms and on_open, in place of [breaker]: what it does
#                 not say is at its default
#   probe         a path, or a table of path and timeout_ms: a GET of it tells whether an instance whose breaker is open is back
#
# [[service]]
# name = "billing"
# balance = "round_robin"
# instances = [
#   { id = "a", url = "http://10.0.0.5:8080", weight = 2 },
#   { id = "b", url = "http://10.0.0.6:8080" },
# ]
#
# [[service]]
# name = "shipping"
# dns = "shipping.internal:8080"
)";
}

}  // namespace notifyd
