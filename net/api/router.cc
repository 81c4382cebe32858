#include "net/api/router.h"

#include <algorithm>
#include <vector>

namespace notifyd {
namespace {

struct EndpointOffer {
  Endpoint endpoint;
  std::string_view allow;
  std::string_view built;  // letters of the verbs: G, P(OST), D, p(atch)
  std::string_view not_built;
};
constexpr EndpointOffer kOffers[] = {
    {Endpoint::kNotifies, "GET, HEAD, POST", "GP", ""},
    {Endpoint::kNotify, "GET, HEAD, PATCH, DELETE", "GD", "p"},
    {Endpoint::kExplain, "GET, HEAD", "", "G"},
    {Endpoint::kNotifyRetry, "POST", "P", ""},
    {Endpoint::kBulk, "POST", "", "P"},
    {Endpoint::kFkey, "GET, HEAD, DELETE", "GD", ""},
    {Endpoint::kFkeyTrigger, "POST", "P", ""},
    {Endpoint::kLanes, "GET, HEAD", "", "G"},
    {Endpoint::kLane, "GET, HEAD, PATCH", "", "Gp"},
    {Endpoint::kStats, "GET, HEAD", "G", ""},
    {Endpoint::kMetrics, "GET, HEAD", "G", ""},
    {Endpoint::kHealthz, "GET, HEAD", "G", ""},
    {Endpoint::kReadyz, "GET, HEAD", "G", ""},
};

char Letter(Verb verb) {
  switch (verb) {
    case Verb::kGet:
      return 'G';
    case Verb::kPost:
      return 'P';
    case Verb::kDelete:
      return 'D';
    case Verb::kPatch:
      return 'p';
    case Verb::kOther:
      break;
  }
  return '-';
}

Verb VerbOf(std::string_view method) {
  if (method == "GET" || method == "HEAD") return Verb::kGet;
  if (method == "POST") return Verb::kPost;
  if (method == "DELETE") return Verb::kDelete;
  if (method == "PATCH") return Verb::kPatch;
  return Verb::kOther;
}

using Segments = std::vector<std::string>;

Endpoint MatchNotifies(const Segments& s, std::string* argument) {
  if (s.size() == 2) return Endpoint::kNotifies;
  if (s[2].empty()) return Endpoint::kUnknown;
  if (s.size() == 3) {
    if (s[2] == "retry" || s[2] == "cancel" || s[2] == "purge") return Endpoint::kBulk;
    *argument = s[2];
    return Endpoint::kNotify;
  }
  *argument = s[2];
  if (s.size() == 4 && s[3] == "explain") return Endpoint::kExplain;
  if (s.size() == 4 && s[3] == "retry") return Endpoint::kNotifyRetry;
  return Endpoint::kUnknown;
}

Endpoint MatchFkeys(const Segments& s, std::string* argument) {
  if (s.size() < 3 || s[2].empty()) return Endpoint::kUnknown;
  *argument = s[2];
  if (s.size() == 3) return Endpoint::kFkey;
  return s.size() == 4 && s[3] == "trigger" ? Endpoint::kFkeyTrigger : Endpoint::kUnknown;
}

Endpoint Match(const Segments& s, std::string* argument) {
  if (s.size() == 1) {
    if (s[0] == "metrics") return Endpoint::kMetrics;
    if (s[0] == "healthz") return Endpoint::kHealthz;
    if (s[0] == "readyz") return Endpoint::kReadyz;
    return Endpoint::kUnknown;
  }
  if (s.size() < 2 || s[0] != "v1") return Endpoint::kUnknown;
  if (s[1] == "notifies") return MatchNotifies(s, argument);
  if (s[1] == "fkeys") return MatchFkeys(s, argument);
  if (s[1] == "stats" && s.size() == 2) return Endpoint::kStats;
  if (s[1] == "lanes" && s.size() == 2) return Endpoint::kLanes;
  if (s[1] == "lanes" && s.size() == 4) return Endpoint::kLane;
  return Endpoint::kUnknown;
}

/// "host[:port]" in lower case with its port written out; empty where there is none.
std::string WithPort(std::string_view authority, std::string_view default_port) {
  std::string text = LowerAscii(authority);
  if (text.empty()) return text;
  size_t colon = text.rfind(':');
  bool has_port = colon != std::string::npos && text.find(']', colon) == std::string::npos;
  if (has_port && colon + 1 == text.size()) return text.append(default_port);
  return has_port ? text : text.append(":").append(default_port);
}

}  // namespace

Offer OfferOf(Endpoint endpoint, Verb verb) {
  for (const EndpointOffer& row : kOffers) {
    if (row.endpoint != endpoint) continue;
    bool built = row.built.find(Letter(verb)) != std::string_view::npos;
    return {row.allow, built || row.not_built.find(Letter(verb)) != std::string_view::npos, built};
  }
  return {};
}

Result<Route> FindRoute(std::string_view method, std::string_view target) {
  Route route;
  route.verb = VerbOf(method);
  for (std::string_view scheme : {std::string_view("http://"), std::string_view("https://")}) {
    if (!EqualsIgnoringCase(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
  }
  target = target.substr(0, target.find('#'));
  std::string_view path = target.substr(0, target.find('?'));
  if (path.size() < target.size()) route.query = target.substr(path.size() + 1);

  auto missing = [] { return Status(Code::kNotFound, "there is nothing at this path"); };
  if (path.empty() || path[0] != '/') return missing();
  if (path == "/v1/notifies") {
    route.endpoint = Endpoint::kNotifies;
    return route;
  }
  Segments segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    size_t end = std::min(path.find('/'), path.size());
    if (segments.size() == 5) return missing();
    if (!PercentDecode(path.substr(0, end), false, &segments.emplace_back()))
      return Status(Code::kMalformed, "the path has a % that two hex digits do not follow");
    path.remove_prefix(end);
  }
  route.endpoint = Match(segments, &route.argument);
  if (route.endpoint == Endpoint::kUnknown) return missing();
  return route;
}

bool IsForeignOrigin(std::string_view origin, const std::string* host) {
  size_t colon = origin.find("://");
  if (colon == std::string_view::npos || !host) return true;
  std::string scheme = LowerAscii(origin.substr(0, colon));
  if (scheme != "http" && scheme != "https") return true;
  std::string_view default_port = scheme == "https" ? "443" : "80";
  std::string own = WithPort(*host, default_port);
  return own.empty() || own != WithPort(origin.substr(colon + 3), default_port);
}

}  // namespace notifyd
