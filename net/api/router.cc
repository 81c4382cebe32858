#include "net/api/router.h"

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "base/ascii.h"
#include "base/authority.h"
#include "net/api/routes.h"

namespace notifyd {
namespace {

/// "v1", "namespaces", its name, and what part 3 has longest: "services", its name, "instances", the instance's id and one word more, and one to
/// spare.
constexpr size_t kMaxSegments = 9;
/// "v1", "namespaces", its name.
constexpr size_t kPrefixSegments = 3;
constexpr std::string_view kVersion = "/v1";
constexpr std::string_view kSpaces = "/v1/namespaces/";

std::optional<Verb> VerbOf(std::string_view method) {
  if (method == "GET" || method == "HEAD") return Verb::kGet;
  if (method == "POST") return Verb::kPost;
  if (method == "DELETE") return Verb::kDelete;
  if (method == "PATCH") return Verb::kPatch;
  if (method == "PUT") return Verb::kPut;
  return std::nullopt;
}

const char* NamesOf(Verb verb) {
  switch (verb) {
    case Verb::kGet:
      return "GET, HEAD";
    case Verb::kPost:
      return "POST";
    case Verb::kPut:
      return "PUT";
    case Verb::kPatch:
      return "PATCH";
    case Verb::kDelete:
      break;
  }
  return "DELETE";
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
bool MatchPath(std::string_view path, std::span<std::string> segments, Route* route) {
  size_t arguments = 0;
  std::string* places[] = {&route->argument, &route->argument2};
  size_t at[2] = {};
  size_t i = 0;
  for (; !path.empty(); ++i) {
    std::string_view segment = TakeSegment(&path);
    if (i == segments.size()) return false;
    if (!segment.starts_with('{')) {
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

/// Of the rows of one path, the one that takes the method.
void Take(std::span<const RouteRow> path, std::string_view method, Route* route) {
  std::optional<Verb> verb = VerbOf(method);
  for (const RouteRow& row : path)
    if (row.verb == verb) route->row = &row;
  if (route->row) return;
  for (const RouteRow& row : path) route->allow.append(route->allow.empty() ? "" : ", ").append(NamesOf(row.verb));
}

/// Takes the rows of one path off `rows`.
std::span<const RouteRow> TakePath(std::span<const RouteRow>* rows) {
  size_t count = 1;
  while (count < rows->size() && (*rows)[count].path == rows->front().path) ++count;
  std::span<const RouteRow> path = rows->first(count);
  *rows = rows->subspan(count);
  return path;
}

size_t SegmentsOf(std::string_view path) {
  return static_cast<size_t>(std::count(path.begin(), path.end(), '/'));
}

/// How many segments the path of each row has, by its place among all.
const std::vector<uint8_t>& RowSegments() {
  static const std::vector<uint8_t> segments = [] {
    std::vector<uint8_t> counts;
    for (const RouteRow& row : AllRoutes()) counts.push_back(static_cast<uint8_t>(SegmentsOf(row.path)));
    return counts;
  }();
  return segments;
}

/// The name in a path "/v1/namespaces/{name}<rest>", where `rest` is that of the path that matters behind "/v1", and nothing needs to be decoded.
std::optional<std::string_view> NameBefore(std::string_view path, std::string_view rest) {
  if (!path.starts_with(kSpaces) || !path.ends_with(rest) || path.size() <= kSpaces.size() + rest.size()) return std::nullopt;
  const std::string_view name = path.substr(kSpaces.size(), path.size() - kSpaces.size() - rest.size());
  return name.find_first_of("/%") == std::string_view::npos ? std::optional(name) : std::nullopt;
}

/// Looks for the row among `rows`, and moves what stands for arguments. `prefixed`: behind the name of a namespace. False: there is no such path.
bool FindRow(std::span<const RouteRow> rows, std::span<std::string> segments, std::string_view method, Route* route, bool prefixed = false) {
  const std::vector<uint8_t>& counted = RowSegments();
  size_t at = AllRoutes().size() - rows.size();
  while (!rows.empty()) {
    if (counted[at] != segments.size()) {
      rows = rows.subspan(1);
      ++at;
      continue;
    }
    std::span<const RouteRow> same = TakePath(&rows);
    at += same.size();
    const bool counts = !prefixed || (same[0].sphere == Need::Sphere::kNamespace && !same[0].path.starts_with(kSpaces));
    if (!counts || !MatchPath(same[0].path, segments, route)) continue;
    Take(same, method, route);
    return true;
  }
  return false;
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

Result<Route> FindRoute(std::string_view method, std::string_view target) {
  Route route;
  if (std::optional<UrlParts> parts = PartsOfUrl(target, "/?")) target = parts->rest;
  target = target.substr(0, target.find('#'));
  std::string_view path = target.substr(0, target.find('?'));
  if (path.size() < target.size()) route.query = target.substr(path.size() + 1);

  if (path == "*" && method == "OPTIONS") {
    for (Verb verb : {Verb::kGet, Verb::kPost, Verb::kPut, Verb::kPatch, Verb::kDelete}) route.allow.append(NamesOf(verb)).append(", ");
    route.allow.append("OPTIONS");
    return route;
  }
  auto missing = [] { return Status(Code::kNotFound, "there is nothing at this path"); };
  if (path.empty() || path[0] != '/') return missing();
  std::span<const RouteRow> rows = AllRoutes();
  // The one that matters, as it stands and in a namespace.
  if (path == rows[0].path) {
    Take(TakePath(&rows), method, &route);
    return route;
  }
  if (std::optional<std::string_view> name = NameBefore(path, rows[0].path.substr(kVersion.size()))) {
    route.space = *name;
    Take(TakePath(&rows), method, &route);
    return route;
  }
  Segments segments;
  while (!path.empty()) {
    if (segments.size() == kMaxSegments) return missing();
    if (!PercentDecode(TakeSegment(&path), false, &segments.emplace_back()))
      return Status(Code::kMalformed, "the path has a % that two hex digits do not follow");
  }
  if (FindRow(rows, segments, method, &route)) {
    if (route.row && route.row->path.starts_with(kSpaces)) route.space = route.argument;
    return route;
  }
  const bool prefixed = segments.size() > kPrefixSegments && segments[0] == "v1" && segments[1] == "namespaces" && !segments[2].empty();
  if (!prefixed) return missing();
  route.space = std::move(segments[2]);
  segments[2] = std::move(segments[0]);
  const std::span<std::string> rest = std::span(segments).subspan(kPrefixSegments - 1);
  if (FindRow(rows, rest, method, &route, /*prefixed=*/true)) return route;
  return missing();
}

bool IsForeignOrigin(std::string_view origin, const std::string* host) {
  std::optional<UrlParts> parts = PartsOfUrl(origin, {});
  if (!parts || !host) return true;
  std::string_view default_port = parts->https ? "443" : "80";
  std::string own = WithPort(*host, default_port);
  return own.empty() || own != WithPort(parts->authority, default_port);
}

}  // namespace notifyd
