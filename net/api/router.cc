#include "net/api/router.h"

#include <algorithm>
#include <vector>

namespace notifyd {
namespace {

constexpr RouteRow kRoutes[] = {
    {Endpoint::kNotifies, "/v1/notifies", "GET, HEAD, POST"},
    {Endpoint::kBulkRetry, "/v1/notifies/retry", "POST"},
    {Endpoint::kBulkCancel, "/v1/notifies/cancel", "POST"},
    {Endpoint::kBulkPurge, "/v1/notifies/purge", "POST"},
    {Endpoint::kNotify, "/v1/notifies/{id}", "GET, HEAD, PATCH, DELETE"},
    {Endpoint::kExplain, "/v1/notifies/{id}/explain", "GET, HEAD"},
    {Endpoint::kNotifyRetry, "/v1/notifies/{id}/retry", "POST"},
    {Endpoint::kFkey, "/v1/fkeys/{fkey}", "GET, HEAD, DELETE"},
    {Endpoint::kFkeyTrigger, "/v1/fkeys/{fkey}/trigger", "POST"},
    {Endpoint::kLanes, "/v1/lanes", "GET, HEAD"},
    {Endpoint::kLane, "/v1/lanes/{mode}/{name}", "GET, HEAD, PATCH"},
    {Endpoint::kStats, "/v1/stats", "GET, HEAD"},
    {Endpoint::kMetrics, "/metrics", "GET, HEAD"},
    {Endpoint::kHealthz, "/healthz", "GET, HEAD"},
    {Endpoint::kReadyz, "/readyz", "GET, HEAD"},
};
constexpr size_t kMaxSegments = 4;

Verb VerbOf(std::string_view method) {
  if (method == "GET" || method == "HEAD") return Verb::kGet;
  if (method == "POST") return Verb::kPost;
  if (method == "DELETE") return Verb::kDelete;
  if (method == "PATCH") return Verb::kPatch;
  return Verb::kOther;
}

bool Allows(std::string_view allow, std::string_view method) {
  while (!allow.empty()) {
    size_t end = std::min(allow.find(", "), allow.size());
    if (allow.substr(0, end) == method) return true;
    allow.remove_prefix(std::min(end + 2, allow.size()));
  }
  return false;
}

using Segments = std::vector<std::string>;

/// Takes the segment off `path`, with the slash before it.
std::string_view TakeSegment(std::string_view* path) {
  path->remove_prefix(1);
  std::string_view segment = path->substr(0, path->find('/'));
  path->remove_prefix(segment.size());
  return segment;
}

/// Moves what stands for arguments into `route`.
bool MatchRow(std::string_view path, Segments& segments, Route* route) {
  size_t arguments = 0;
  std::string* places[] = {&route->argument, &route->argument2};
  size_t at[2] = {};
  size_t i = 0;
  for (; !path.empty(); ++i) {
    std::string_view segment = TakeSegment(&path);
    if (i == segments.size()) return false;
    if (segment[0] != '{') {
      if (segments[i] != segment) return false;
    } else if (segments[i].empty()) {
      return false;
    } else {
      at[arguments++] = i;
    }
  }
  if (i != segments.size()) return false;
  for (size_t a = 0; a < arguments; ++a) *places[a] = std::move(segments[at[a]]);
  return true;
}

void Take(const RouteRow& row, std::string_view method, Route* route) {
  route->endpoint = row.endpoint;
  route->allow = row.allow;
  route->offered = Allows(row.allow, method);
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

std::span<const RouteRow> AllRoutes() {
  return kRoutes;
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
  if (path == kRoutes[0].path) {
    Take(kRoutes[0], method, &route);
    return route;
  }
  Segments segments;
  while (!path.empty()) {
    if (segments.size() == kMaxSegments) return missing();
    if (!PercentDecode(TakeSegment(&path), false, &segments.emplace_back()))
      return Status(Code::kMalformed, "the path has a % that two hex digits do not follow");
  }
  for (const RouteRow& row : kRoutes) {
    if (!MatchRow(row.path, segments, &route)) continue;
    Take(row, method, &route);
    return route;
  }
  return missing();
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
