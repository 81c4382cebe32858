#include "cli/daemon/settings_listeners.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/ip_address.h"
#include "base/utf8.h"
#include "broker/grant.h"
#include "cli/daemon/settings.h"
#include "cli/daemon/settings_tables.h"
#include "net/unix_socket.h"

namespace notifyd {
namespace {

constexpr size_t kListenersMost = 64;
constexpr int64_t kConnectionsMost = 1'000'000;
constexpr size_t kCallerMostBytes = 100;
constexpr std::string_view kUnix = "unix:";

Result<ListenAddress> ParseUnix(std::string_view path) {
  // Lists of addresses go from process to process.
  const bool good = path.size() > 1 && path.front() == '/' && path.back() != '/' &&
                    std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c != ',' && c != ';' && c != '\x7f'; });
  if (!good) return Unacceptable("must be an absolute path behind unix:, without blanks, commas and semicolons");
  if (path.size() > kUnixPathMostBytes) return Unacceptable("the path must have " + std::to_string(kUnixPathMostBytes) + " bytes at most");
  ListenAddress result;
  result.path = std::string(path);
  return result;
}

Status ReadOnly(const toml::node& node, std::vector<std::string>* only) {
  Result<std::vector<std::string>> words = TextsOf(node);
  if (!words.ok()) return std::move(words).status();
  for (const std::string& word : *words)
    if (word != "health" && word != "metrics" && word != "admin" && word != "console")
      return Unacceptable("\"" + word + "\" must be health, metrics, admin or console");
  if (words->empty()) return Unacceptable("must name at least one of health, metrics, admin and console");
  *only = *std::move(words);
  return Status::Ok();
}

Status ReadTls(const std::string& key, const toml::node& node, ListenerOptions* listener) {
  std::string* place = key == "cert"        ? &listener->tls_certificate
                       : key == "key"       ? &listener->tls_key
                       : key == "client_ca" ? &listener->tls_client_ca
                                            : nullptr;
  if (place == nullptr) return Unacceptable("there is no such key, only tls.cert, tls.key and tls.client_ca");
  Result<std::string> text = TextOf(node);
  if (!text.ok()) return std::move(text).status();
  if (text->empty()) return Unacceptable("must name a file");
  *place = *std::move(text);
  return Status::Ok();
}

Status ReadProtocol(const toml::node& node, ListenerOptions* listener) {
  const auto* word = node.as_string();
  if (!word || (word->get() != "http" && word->get() != "beanstalkd")) return Unacceptable("must be \"http\" or \"beanstalkd\"");
  listener->beanstalkd = word->get() == "beanstalkd";
  return Status::Ok();
}

Status ReadCidrs(const toml::node& node, std::vector<std::string>* cidrs) {
  Result<std::vector<std::string>> texts = TextsOf(node);
  if (!texts.ok()) return std::move(texts).status();
  if (texts->empty()) return Unacceptable("must name at least one range");
  for (const std::string& text : *texts)
    if (!Cidr::Parse(text).ok()) return Unacceptable("\"" + text + "\" is no range of addresses, such as 10.0.0.0/8");
  *cidrs = *std::move(texts);
  return Status::Ok();
}

/// Who the clients of a listener of beanstalkd's are.
Status ReadAsker(const std::string& key, const toml::node& node, ListenerOptions* listener) {
  if (key == "cidrs") return ReadCidrs(node, &listener->cidrs);
  Result<std::string> text = TextOf(node);
  if (!text.ok()) return std::move(text).status();
  if (key == "namespace" && (!IsNamespaceName(*text) || *text == kSystemNamespace))
    return Unacceptable("must be the name of a namespace that takes submits");
  if (key == "caller" && (text->empty() || text->size() > kCallerMostBytes || HasControl(*text) || !IsValidUtf8(*text)))
    return Unacceptable("must have 1 to " + std::to_string(kCallerMostBytes) + " bytes, without control characters");
  (key == "caller" ? listener->caller : listener->space) = *std::move(text);
  return Status::Ok();
}

Status ReadKey(const std::string& key, const toml::node& node, ListenerOptions* listener) {
  if (key == "address") {
    Result<std::string> text = TextOf(node);
    if (!text.ok()) return std::move(text).status();
    if (Result<ListenAddress> parsed = ParseListen(*text); !parsed.ok()) return std::move(parsed).status();
    listener->address = *std::move(text);
    return Status::Ok();
  }
  if (key == "only") return ReadOnly(node, &listener->only);
  if (key == "protocol") return ReadProtocol(node, listener);
  if (key == "namespace" || key == "caller" || key == "cidrs") return ReadAsker(key, node, listener);
  if (key == "max_connections") {
    const auto* value = node.as_integer();
    if (!value || value->get() < 1 || value->get() > kConnectionsMost)
      return Unacceptable("must be a whole number, 1 to " + std::to_string(kConnectionsMost));
    listener->max_connections = static_cast<size_t>(value->get());
    return Status::Ok();
  }
  return Unacceptable(
      "there is no such key, only address, protocol, namespace, caller, cidrs, only, max_connections, tls.cert, tls.key and tls.client_ca");
}

/// What goes with the listener's protocol.
Status CheckProtocol(const ListenerOptions& listener, const toml::table& table, const TablePlace& place) {
  if (!listener.beanstalkd) {
    for (const char* key : {"namespace", "caller", "cidrs"})
      if (const toml::node* node = table.get(key))
        return place.Blame(key, *node, "goes with protocol \"beanstalkd\" only: over HTTP clients say who they are");
    return Status::Ok();
  }
  if (const toml::node* node = table.get("only")) return place.Blame("only", *node, "says nothing for protocol \"beanstalkd\"");
  const ListenAddress address = *ParseListen(listener.address);
  const toml::node* cidrs = table.get("cidrs");
  if (!address.path.empty() && cidrs) return place.Blame("cidrs", *cidrs, "says nothing for a Unix socket");
  if (!address.local() && !cidrs)
    return place.Blame("cidrs", table, "is missing: beanstalkd's clients have no credentials, so it must be said from where they may come");
  return Status::Ok();
}

Result<ListenerOptions> ReadListener(const toml::table& table, const TablePlace& place) {
  ListenerOptions listener;
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    const toml::table* tls = name == "tls" ? node.as_table() : nullptr;
    if (tls == nullptr) {
      if (Status fault = ReadKey(name, node, &listener); !fault.ok()) return place.Blame(name, node, fault.detail());
      continue;
    }
    for (const auto& [inner, value] : *tls)
      if (Status fault = ReadTls(std::string(inner.str()), value, &listener); !fault.ok())
        return place.Blame("tls." + std::string(inner.str()), value, fault.detail());
  }
  if (listener.address.empty()) return place.Blame("address", table, "is missing");
  if (listener.tls_certificate.empty() != listener.tls_key.empty())
    return place.Blame(listener.tls_key.empty() ? "tls.key" : "tls.cert", table, "is missing: a certificate and its key go together");
  if (!listener.tls_client_ca.empty() && listener.tls_key.empty())
    return place.Blame("tls.client_ca", table, "says nothing without tls.cert and tls.key");
  if (!listener.tls_key.empty() && !ParseListen(listener.address)->path.empty())
    return place.Blame("tls.cert", table, "says nothing for a Unix socket: the kernel says who connects");
  if (Status fault = CheckProtocol(listener, table, place); !fault.ok()) return fault;
  return listener;
}

}  // namespace

std::string ListenAddress::ToString(uint16_t bound_port) const {
  if (!path.empty()) return std::string(kUnix) + path;
  std::string host = address.find(':') == std::string::npos ? address : "[" + address + "]";
  return host + ":" + std::to_string(bound_port);
}

bool ListenAddress::local() const {
  static const Cidr kLoopback4 = *Cidr::Parse("127.0.0.0/8"), kLoopback6 = *Cidr::Parse("::1/128");
  if (!path.empty()) return true;
  const std::optional<IpAddress> parsed = IpAddress::Parse(address);
  return parsed && (kLoopback4.Contains(*parsed) || kLoopback6.Contains(*parsed));
}

Result<ListenAddress> ParseListen(std::string_view text) {
  if (text.starts_with(kUnix)) return ParseUnix(text.substr(kUnix.size()));
  Status fault = Unacceptable("must be ADDR:PORT with an IP address, such as 127.0.0.1:7300 or [::1]:7300, or unix:PATH");
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return fault;
  ListenAddress result;
  std::string_view host = text.substr(0, colon), port = text.substr(colon + 1);
  bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  result.address = std::string(bracketed ? host.substr(1, host.size() - 2) : host);
  if (result.address == "localhost" && !bracketed) result.address = "127.0.0.1";
  if (!IpAddress::Parse(result.address) || (result.address.find(':') != std::string::npos) != bracketed) return fault;
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), result.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) return fault;
  return result;
}

ServedParts ListenerOptions::serves() const {
  if (members) return ServedParts::Members();
  if (only.empty()) return {.console = console};
  auto says = [this](const char* word) { return std::find(only.begin(), only.end(), word) != only.end(); };
  // Its pages look by the routes of admin.
  return {says("health"), says("metrics"), says("admin") || says("console"), false, false, says("console")};
}

std::vector<ListenerOptions> AllListeners(const Options& options) {
  std::vector<ListenerOptions> all;
  auto console = [&](const std::string& address) {
    return options.console == "everywhere" || (options.console == "loopback" && ParseListen(address)->local());
  };
  if (!options.listen.empty()) all.push_back({options.listen, {}, {}, {}, {}, options.http.max_connections, console(options.listen)});
  for (ListenerOptions each : options.listeners) {
    if (each.max_connections == 0) each.max_connections = each.only.empty() ? options.http.max_connections : ListenerOptions::kOnlyConnections;
    each.console = each.only.empty() && !each.beanstalkd && console(each.address);
    all.push_back(std::move(each));
  }
  if (options.cluster.on() && ParseListen(options.cluster.listen_on()).ok()) {
    ListenerOptions members{options.cluster.listen_on(), {}, {}, {}, {}, options.cluster.max_connections};
    members.members = true;
    if (!options.cluster.insecure) {
      members.tls_certificate = options.cluster.cert_file;
      members.tls_key = options.cluster.key_file;
      members.tls_client_ca = options.cluster.ca_file;
    }
    all.push_back(std::move(members));
  }
  return all;
}

/// Is it said how members know each other, and nothing that would go unheard?
static Status CheckCluster(const ClusterOptions& cluster) {
  const auto refuse = [](const std::string& name, const std::string& detail) {
    return Status(Code::kUnacceptable, "cluster." + name + ": " + detail, "/cluster/" + name);
  };
  const std::pair<const char*, const std::string*> files[] = {
      {"cert_file", &cluster.cert_file}, {"key_file", &cluster.key_file}, {"ca_file", &cluster.ca_file}};
  if (!cluster.on()) {
    constexpr const char* kUnheard = "says nothing without cluster.advertise, which makes this broker a member";
    if (!cluster.name.empty()) return refuse("name", kUnheard);
    if (!cluster.listen.empty()) return refuse("listen", kUnheard);
    for (const auto& [name, file] : files)
      if (!file->empty()) return refuse(name, kUnheard);
    return cluster.insecure ? refuse("insecure", kUnheard) : Status::Ok();
  }
  if (!ParseListen(cluster.listen_on()).ok()) return refuse("listen", "must say an address where cluster.advertise says a name");
  if (ParseListen(cluster.listen_on())->port == 0) return refuse("listen", "must have a port of 1 to 65535, since the other members connect there");
  for (const auto& [name, file] : files) {
    if (cluster.insecure && !file->empty())
      return refuse("insecure", std::string("contradicts cluster.") + name + ": members know each other by certificates, or they do not");
    if (!cluster.insecure && file->empty())
      return refuse(name,
                    "must be said: members know each other by cluster.cert_file, cluster.key_file and cluster.ca_file (or not: cluster.insecure)");
  }
  return Status::Ok();
}

Status CheckListeners(const Options& options) {
  const std::vector<ListenerOptions> all = AllListeners(options);
  if (Status status = CheckCluster(options.cluster); !status.ok()) return status;
  if (all.empty()) return Status(Code::kUnacceptable, "listen: must say something where no [[listener]] does", "/listen");
  std::set<std::string> seen;
  for (const ListenerOptions& each : all) {
    const ListenAddress address = *ParseListen(each.address);
    const std::string name = address.ToString(address.port);
    if ((address.port != 0 || !address.path.empty()) && !seen.insert(name).second)
      return Status(Code::kUnacceptable, "two listeners have the address " + name, "/listener");
    if (options.auth.mode != "unset" || address.local() || each.members) continue;
    return Status(Code::kUnacceptable,
                  "auth.mode: must be said where other machines can connect (" + name +
                      "): \"token\" asks for a token (notifyd token create makes the first one), \"none\" lets everybody do everything",
                  "/auth/mode");
  }
  return Status::Ok();
}

Result<std::vector<ListenerOptions>> ReadListeners(const toml::node& node, const std::string& file) {
  Result<std::vector<const toml::table*>> tables = TablesOf(node, "listener", kListenersMost, file);
  if (!tables.ok()) return std::move(tables).status();
  std::vector<ListenerOptions> listeners;
  for (const toml::table* table : *tables) {
    Result<ListenerOptions> listener = ReadListener(*table, {"listener", listeners.size() + 1, file});
    if (!listener.ok()) return std::move(listener).status();
    listeners.push_back(*std::move(listener));
  }
  return listeners;
}

std::string ListenersAsToml() {
  return R"(

# Where it listens beside `listen`. In this file only. What changes holds after a restart (in place will do); the certificates' files are read again
# on SIGHUP and when they change.
#
#   address          as `listen`; or unix:PATH, a socket file of mode 0660 whose clients auth.peers knows by their uid
#   tls.cert         PEM file: the certificate, then those that lead to its authority. With it TLS 1.2 and 1.3 are spoken there, and nothing else
#   tls.key          PEM file: its key, not encrypted
#   protocol         http, or beanstalkd: the commands of its producers, for programs that put jobs (docs/doors.md)
#   namespace        beanstalkd: the namespace that its clients are of; by default default
#   caller           beanstalkd: the caller of all that is put; by default what NotifyAgent's jobs say
#   cidrs            beanstalkd: from where its clients may come, such as ["10.0.0.0/8"]; must be said where other machines can connect
#   tls.client_ca    PEM file: clients must show a certificate of one of these authorities; auth.certificates says what each may do
#   only             some of health, metrics, admin (what looks and steers) and console (the web console, with admin): nothing else is served there
#   max_connections  1 to 1000000, counted apart from all other listeners'; by default limits.connections, with `only` 64
#
# [[listener]]
# address = "0.0.0.0:7443"
# tls.cert = "/etc/notifyd/tls/cert.pem"
# tls.key = "/etc/notifyd/tls/key.pem"
#
# [[listener]]
# address = "127.0.0.1:7301"
# only = ["health", "metrics", "console"]
#
# [[listener]]
# address = "127.0.0.1:11300"
# protocol = "beanstalkd"
# namespace = "default"
)";
}

}  // namespace notifyd
