#include "cli/daemon/settings_destinations.h"

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/bytes.h"
#include "base/files.h"
#include "base/header_names.h"
#include "broker/lane_limits.h"
#include "cli/daemon/settings_services.h"
#include "cli/daemon/settings_tables.h"

namespace notifyd {
namespace {

// Looking for the rule of a call costs a look at each.
constexpr size_t kRulesMost = 1000, kMatchMostBytes = 1024, kRuleListMost = 1000;
constexpr size_t kHeadersMost = 100, kSecretMostBytes = 16 << 10, kPemMostBytes = 16 << 20;
constexpr int64_t kHostConnectionsMost = 100'000;
constexpr std::string_view kFromFile = "file:";

/// One rule while it is read: what its files hold is put together once all of them are known.
struct Reading {
  DestinationRule rule;
  HostRule host;
  bool matches = false;
  std::string certificate, key, authorities;  // PEM
  std::string print;                          // of all that it says, and of the files
};

Result<std::string> Text(const toml::node& node) {
  const auto* text = node.as_string();
  if (!text || text->get().empty() || text->get().size() > kMatchMostBytes)
    return Unacceptable("must be a string of 1 to " + std::to_string(kMatchMostBytes) + " bytes");
  return text->get();
}

Status ReadList(const toml::node& node, std::vector<std::string>* out) {
  const toml::array* items = node.as_array();
  if (!items || items->empty() || items->size() > kRuleListMost)
    return Unacceptable("must be a list of 1 to " + std::to_string(kRuleListMost) + " strings");
  for (const toml::node& item : *items) {
    Result<std::string> text = Text(item);
    if (!text.ok()) return Unacceptable("each item " + text.status().detail());
    out->push_back(*std::move(text));
  }
  return Status::Ok();
}

Status ReadNamespacesOfRule(const toml::node& node, std::vector<std::string>* out) {
  NOTIFYD_TRY(ReadList(node, out));
  return CheckNamespaceNames(*out);
}

Status ReadFlag(const toml::node& node, bool* out) {
  const auto* flag = node.as_boolean();
  if (!flag) return Unacceptable("must be true or false");
  *out = flag->get();
  return Status::Ok();
}

/// The whole of a file that a rule names by its path.
Status ReadPem(const toml::node& node, std::string* out) {
  Result<std::string> path = Text(node);
  if (!path.ok()) return std::move(path).status();
  Result<std::string> text = ReadFile(*path, kPemMostBytes);
  if (!text.ok()) return Unacceptable(*path + " " + text.status().detail());
  if (text->empty()) return Unacceptable(*path + " is empty");
  *out = *std::move(text);
  return Status::Ok();
}

/// The line that a file holds, which is named behind "file:". The line's end is not a part of it.
Result<std::string> LineOf(const std::string& said) {
  const std::string path = said.substr(kFromFile.size());
  Result<std::string> text = ReadFile(path, kSecretMostBytes);
  if (!text.ok()) return Unacceptable(path + " " + text.status().detail());
  std::string value = *std::move(text);
  if (value.ends_with('\n')) value.pop_back();
  if (value.ends_with('\r')) value.pop_back();
  return value;
}

/// A header's value: from a file, without the line's end behind it, or as it is written.
Result<std::string> HeaderValue(const toml::node& node) {
  const auto* said = node.as_string();
  if (!said) return Unacceptable("each value must be a string: \"file:\" and a path, or the value itself");
  std::string value = said->get();
  if (value.starts_with(kFromFile)) {
    Result<std::string> line = LineOf(value);
    if (!line.ok()) return std::move(line).status();
    value = *std::move(line);
  }
  const std::string_view trimmed = TrimBlanks(value);
  const auto control = [](char c) { return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7f; };
  if (trimmed.empty() || std::any_of(trimmed.begin(), trimmed.end(), control))
    return Unacceptable("a value must be one line, without control characters, and not empty");
  return std::string(trimmed);
}

Status ReadHeaders(const toml::node& node, DestinationRule* rule) {
  const toml::table* table = node.as_table();
  if (!table || table->empty() || table->size() > kHeadersMost)
    return Unacceptable("must be a table of 1 to " + std::to_string(kHeadersMost) +
                        " headers, such as { Authorization = \"file:/run/secrets/billing\" }");
  for (const auto& [key, value] : *table) {
    const std::string name(key.str());
    if (!IsToken(name)) return Unacceptable("\"" + name + "\" is not the name of a header");
    if (const char* why = WhyReserved(name)) return Unacceptable(name + " " + why);
    for (const auto& [other, unused] : rule->headers)
      if (EqualsIgnoringCase(name, other)) return Unacceptable(name + " is given twice");
    Result<std::string> read = HeaderValue(value);
    if (!read.ok()) return Unacceptable(name + ": " + read.status().detail());
    rule->headers.emplace_back(name, *std::move(read));
  }
  return Status::Ok();
}

Status ReadMatch(const toml::node& node, Reading* reading) {
  Result<std::string> text = Text(node);
  if (!text.ok()) return std::move(text).status();
  Result<UrlPattern> pattern = UrlPattern::Parse(*text);
  if (!pattern.ok()) return std::move(pattern).status();
  reading->rule.match = *std::move(pattern);
  reading->matches = true;
  return Status::Ok();
}

Status ReadProxy(const toml::node& node, DestinationRule* rule) {
  Result<std::string> text = Text(node);
  if (!text.ok()) return std::move(text).status();
  Result<ProxyAddress> proxy = ProxyAddress::Parse(*text);
  if (!proxy.ok()) return std::move(proxy).status();
  rule->proxy = *std::move(proxy);
  return Status::Ok();
}

Status ReadProxyCredentials(const toml::node& node, DestinationRule* rule) {
  const auto* said = node.as_string();
  if (!said || !said->get().starts_with(kFromFile)) return Unacceptable("must be \"file:\" and the path of a file that holds user:password");
  Result<std::string> line = LineOf(said->get());
  if (!line.ok()) return std::move(line).status();
  const bool plain = std::none_of(line->begin(), line->end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
  if (!plain || line->find(':') == line->npos) return Unacceptable("the file must hold user:password, one line without control characters");
  rule->proxy_credentials = *std::move(line);
  return Status::Ok();
}

Status ReadConnections(const toml::node& node, DestinationRule* rule) {
  const auto* value = node.as_integer();
  if (!value || value->get() < 1 || value->get() > kHostConnectionsMost)
    return Unacceptable("must be a whole number, 1 to " + std::to_string(kHostConnectionsMost));
  rule->connections = static_cast<size_t>(value->get());
  return Status::Ok();
}

Status ReadConcurrency(const toml::node& node, HostRule* rule) {
  const auto* value = node.as_integer();
  if (!value || value->get() < 1 || value->get() > kMaxLaneConcurrency)
    return Unacceptable("must be a whole number, 1 to " + std::to_string(kMaxLaneConcurrency));
  rule->concurrency = static_cast<uint32_t>(value->get());
  return Status::Ok();
}

Status ReadRate(const toml::node& node, HostRule* rule) {
  const std::optional<double> value = node.is_number() ? node.value<double>() : std::nullopt;
  if (!value || !(*value >= kMinLaneRate && *value <= kMaxLaneRate)) return Unacceptable("must be a number, 0.001 to 1000000");
  rule->rate_per_s = *value;
  return Status::Ok();
}

Status ReadBreaker(const toml::node& node, HostRule* rule) {
  Result<BreakerSettings> breaker = ReadFileBreaker(node);
  if (!breaker.ok()) return std::move(breaker).status();
  rule->breaker = *breaker;
  return Status::Ok();
}

Status ReadSign(const toml::node& node, DestinationRule* rule) {
  if (const auto* flag = node.as_boolean(); flag && !flag->get()) {
    rule->signs = false;
    return Status::Ok();
  }
  Result<std::string> name = Text(node);
  if (!name.ok()) return Unacceptable("must be the name of a key, or false");
  rule->sign = *std::move(name);
  return Status::Ok();
}

Status ReadFollow(const toml::node& node, DestinationRule* rule) {
  bool follow = false;
  if (Status status = ReadFlag(node, &follow); !status.ok()) return status;
  rule->follow_redirects = follow;
  return Status::Ok();
}

Status ReadKey(const std::string& key, const toml::node& node, Reading* reading) {
  DestinationRule& rule = reading->rule;
  if (key == "match") return ReadMatch(node, reading);
  if (key == "namespaces") return ReadNamespacesOfRule(node, &rule.namespaces);
  if (key == "callers") return ReadList(node, &rule.callers);
  if (key == "headers") return ReadHeaders(node, &rule);
  if (key == "client_cert") return ReadPem(node, &reading->certificate);
  if (key == "client_key") return ReadPem(node, &reading->key);
  if (key == "ca_file") return ReadPem(node, &reading->authorities);
  if (key == "proxy") return ReadProxy(node, &rule);
  if (key == "proxy_credentials") return ReadProxyCredentials(node, &rule);
  if (key == "unchecked") return ReadFlag(node, &rule.unchecked);
  if (key == "http2") return ReadFlag(node, &rule.http2);
  if (key == "connections") return ReadConnections(node, &rule);
  if (key == "follow_redirects") return ReadFollow(node, &rule);
  if (key == "sign") return ReadSign(node, &rule);
  if (key == "concurrency") return ReadConcurrency(node, &reading->host);
  if (key == "rate_per_s") return ReadRate(node, &reading->host);
  if (key == "shared") return ReadFlag(node, &reading->host.shared);
  if (key == "breaker") return ReadBreaker(node, &reading->host);
  return Unacceptable(
      "there is no such key, only match, namespaces, callers, headers, client_cert, client_key, ca_file, proxy, proxy_credentials, unchecked, http2, "
      "connections, "
      "concurrency, rate_per_s, shared, breaker, follow_redirects and sign");
}

/// The rule's contexts, of what its files hold. `key`: which of them is at fault.
Status MakeTls(Reading* reading, std::string* key) {
  if (!reading->authorities.empty()) {
    Result<std::shared_ptr<const TlsContext>> without = TlsContext::ForClient({.ca = reading->authorities, .certificate = {}, .key = {}});
    *key = "ca_file";
    if (!without.ok()) return Unacceptable(without.status().detail());
    reading->rule.tls = reading->rule.tls_without = *std::move(without);
  }
  if (reading->certificate.empty()) return Status::Ok();
  Result<std::shared_ptr<const TlsContext>> with =
      TlsContext::ForClient({.ca = reading->authorities, .certificate = reading->certificate, .key = reading->key});
  *key = with.ok() || with.status().field() != "/key" ? "client_cert" : "client_key";
  if (!with.ok()) return Unacceptable(with.status().detail());
  // destinations.ca_file may stand behind the rule, or on the command line: it is the sender's to put the two together.
  if (reading->authorities.empty())
    reading->rule.shown = std::make_shared<const CertificatePair>(CertificatePair{reading->certificate, reading->key});
  else reading->rule.tls = *std::move(with);
  reading->rule.has_certificate = true;
  return Status::Ok();
}

Result<Reading> ReadRule(const toml::table& table, const TablePlace& place) {
  Reading reading;
  for (const auto& [key, node] : table) {
    if (Status fault = ReadKey(std::string(key.str()), node, &reading); !fault.ok())
      return place.Blame(std::string(key.str()), node, fault.detail());
  }
  const auto blame = [&](const std::string& key, const std::string& what) {
    const toml::node* node = table.get(key);
    return place.Blame(key, node != nullptr ? *node : table, what);
  };
  DestinationRule& rule = reading.rule;
  if (!reading.matches) return blame("match", "is missing");
  if (reading.certificate.empty() != reading.key.empty())
    return blame(reading.key.empty() ? "client_cert" : "client_key", "client_cert and client_key go together");
  if (rule.proxy && rule.match.any_host() && !rule.unchecked)
    return blame("proxy", "where a name leads is known to the proxy alone: match must name a host, or unchecked = true say that it may be any");
  if (!rule.proxy_credentials.empty() && !rule.proxy) return blame("proxy_credentials", "says nothing without proxy");
  if (rule.unchecked && !rule.proxy) return blame("unchecked", "says nothing without proxy");
  // Who begins calls knows their hosts and ports alone.
  for (const char* of_hosts : {"concurrency", "rate_per_s", "breaker"}) {
    if (!table.contains(of_hosts)) continue;
    if (!rule.match.any_path()) return blame(of_hosts, "counts all calls to a host and port: match must have no path");
    if (!rule.callers.empty()) return blame(of_hosts, "counts all calls to a host and port: callers must not be said");
  }
  if (reading.host.shared && !reading.host.concurrency && !reading.host.rate_per_s)
    return blame("shared", "says nothing without concurrency or rate_per_s");
  std::string key;
  if (Status fault = MakeTls(&reading, &key); !fault.ok()) return blame(key, fault.detail());
  Encoder print(&reading.print);
  std::stringstream said;
  said << table;
  for (const std::string& text : {said.str(), reading.certificate, reading.key, reading.authorities, rule.proxy_credentials}) print.Text(text);
  for (const auto& [name, value] : rule.headers) print.Text(value);
  return reading;
}

}  // namespace

Result<FileDestinations> ReadDestinationRules(const toml::node& node, const std::string& file) {
  Result<std::vector<const toml::table*>> tables = TablesOf(node, "destination", kRulesMost, file);
  if (!tables.ok()) return std::move(tables).status();
  std::vector<DestinationRule> rules;
  std::vector<HostRule> hosts;
  std::string print;
  for (const toml::table* table : *tables) {
    Result<Reading> reading = ReadRule(*table, TablePlace{"destination", rules.size() + 1, file});
    if (!reading.ok()) return std::move(reading).status();
    Encoder(&print).Text(reading->print);
    rules.push_back(std::move(reading->rule));
    const DestinationRule& rule = rules.back();
    if (!rule.match.any_path() || !rule.callers.empty()) continue;
    reading->host.place = static_cast<uint32_t>(rules.size());
    reading->host.match = rule.match;
    if (!rule.namespaces.empty()) reading->host.namespaces = rule.namespaces;
    hosts.push_back(std::move(reading->host));
  }
  return FileDestinations{DestinationRules(std::move(rules), print.empty() ? Fingerprint{} : FingerprintOf(print)), std::move(hosts)};
}

std::string DestinationRulesAsToml() {
  return R"(

# Rules for calls to some URLs, none by default: what their submitters must not hold or choose. The first rule that matches counts, whole. In
# this file only. Reloadable, with what the files that they name hold.
#
#   match             [scheme://]host[:port][/path]: without a scheme http and https; the host is a name, an address, *.name for all names below
#                     it, or *; the port is a number or *, by default the scheme's; the path is the beginning of the URL's, in whole segments
#   namespaces        whose calls, each by its name, there is no "*"; by default those of default alone
#   callers           of them, those of these callers; by default all
#   headers           put in place of the submitter's; "file:" and a path reads the value there. Masked wherever a receiver echoes them
#   client_cert       PEM file of the certificate that is shown, with those that lead to its authority; client_key: of its key
#   ca_file           PEM file of the authorities, in place of destinations.ca_file
#   proxy_credentials "file:" and the path of a file that holds user:password, for the proxy (Basic); masked as headers are
#   proxy             http://host:port; https goes through it by CONNECT. The proxy's own address is judged by destinations.allow and deny above;
#                     what it is asked for by the namespace's, as far as that is an address: names need a match that names a host, and
#   unchecked         true for match = "*" and for namespaces whose private ranges are closed, since the proxy alone knows where names lead
#   http2             false: HTTP/2 is not offered
#   connections       most at once to one host and port, of one namespace, 1 to 100000
#   concurrency       calls at once to one host and port, of one namespace, 1 to 100000; rate_per_s: such calls begun, 0.001 to 1000000; breaker:
#                     false, or a table as that of a service, in place of [breaker]. They count all calls that go there, also those that reach it as an instance of a
#                     service; match has no path and callers are not said; of the rules without these the first that is for host and port counts.
#                     What an operator says of the host (PATCH /v1/hosts) goes first
#   shared            true: concurrency and rate_per_s hold for all namespaces of the rule together, and operators may say less alone
#   follow_redirects  in place of redirects.follow
#   sign              the name of the namespace's key that calls are signed by; false: they are not signed
#
# Where a rule carries headers or a certificate, URLs of its origin whose path holds dot segments, //, \, %2e, %2f or %5c are refused, and no
# redirect from another origin gets them.
#
# [[destination]]
# match = "https://billing.internal/v1"
# callers = ["shop"]
# connections = 8
# http2 = false
# sign = "billing"
#
# [[destination]]
# match = "*.partner.example:*"
# namespaces = ["sales"]
# concurrency = 16
# rate_per_s = 50
# proxy = "http://proxy.internal:3128"
# unchecked = true
# follow_redirects = true
)";
}

}  // namespace notifyd
