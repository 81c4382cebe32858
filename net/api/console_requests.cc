#include "net/api/console_requests.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/ascii.h"
#include "base/json.h"
#include "base/time.h"
#include "net/api/replies.h"
#include "net/api/steps.h"
#include "net/console/console_files.h"

namespace notifyd {
namespace {

/// Nothing from elsewhere, nothing in the page itself, and nobody may frame it.
constexpr const char* kPolicy = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'";
constexpr std::string_view kIndex = "index.html";

std::string_view Trimmed(std::string_view text) {
  const size_t from = text.find_first_not_of(" \t");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

/// Does one of the elements of a header's list, between commas, pass?
template <class Passes>
bool AnyElement(const std::string* list, const Passes& passes) {
  if (!list) return false;
  std::string_view rest = *list;
  while (true) {
    const size_t comma = rest.find(',');
    if (passes(Trimmed(rest.substr(0, comma)))) return true;
    if (comma == std::string_view::npos) return false;
    rest.remove_prefix(comma + 1);
  }
}

/// RFC 9110 section 12.5.3; a coding that nobody names is not taken.
bool AcceptsCoding(const HttpRequest& request, std::string_view coding) {
  return AnyElement(request.Header("Accept-Encoding"), [&](std::string_view element) {
    const size_t semicolon = element.find(';');
    if (!EqualsIgnoringCase(Trimmed(element.substr(0, semicolon)), coding)) return false;
    if (semicolon == std::string_view::npos) return true;
    const std::string_view weight = Trimmed(element.substr(semicolon + 1));
    // "q=0", "q=0.0", ...: not at all.
    return !weight.starts_with("q=0") || weight.find_first_of("123456789") != std::string_view::npos;
  });
}

/// Has whoever asks these bytes already?
bool HasAlready(const HttpRequest& request, std::string_view etag) {
  return AnyElement(request.Header("If-None-Match"), [&](std::string_view element) {
    if (element.starts_with("W/")) element.remove_prefix(2);
    return element == "*" || element == etag;
  });
}

const ConsoleFile* FileOf(const Route& route) {
  return FindConsoleFile(route.argument.empty() ? kIndex : route.argument);
}

}  // namespace

Result<Asked> ReadConsoleRedirect(const Asking& /*asking*/) {
  HttpResponse response{308, "text/plain", {}, ""};
  // Behind a proxy it may lie elsewhere: what is relative finds it.
  response.headers = {{"Location", "console/"}, {"Cache-Control", "no-cache"}};
  return Asked(std::move(response));
}

HttpDemand DemandOfConsole(const Route& route, size_t, const ApiOptions&) {
  const ConsoleFile* file = FileOf(route);
  return {.answer_bytes = file ? file->bytes.size() : 0};
}

Result<Asked> ReadConsole(const Asking& asking) {
  const ConsoleFile* file = FileOf(asking.route);
  if (!file) return Status(Code::kNotFound, "there is nothing at this path");
  HttpResponse response;
  response.content_type = file->content_type;
  response.headers = {
      {"ETag", std::string(file->etag)},
      {"Cache-Control", "no-cache"},  // kept, and asked for whether it still is the one
      {"Vary", "Accept-Encoding"},
      {"Content-Security-Policy", kPolicy},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
  };
  if (HasAlready(*asking.request, file->etag)) {
    response.status = 304;
    return Asked(std::move(response));
  }
  std::string_view bytes = file->bytes;
  if (!file->brotli.empty() && AcceptsCoding(*asking.request, "br")) {
    bytes = file->brotli;
    response.headers.emplace_back("Content-Encoding", "br");
  } else if (!file->gzip.empty() && AcceptsCoding(*asking.request, "gzip")) {
    bytes = file->gzip;
    response.headers.emplace_back("Content-Encoding", "gzip");
  }
  response.body = bytes;
  return Asked(std::move(response));
}

Result<Asked> ReadWhoami(const Asking& asking) {
  const Principal& principal = asking.asker.principal;
  const Grant& grant = *principal.grant();
  std::string body;
  JsonWriter json(&body);
  auto names = [&json](const char* key, const std::vector<std::string>& list) {
    json.Key(key);
    json.BeginArray();
    for (const std::string& name : list) json.String(name);
    json.EndArray();
  };
  json.BeginObject();
  json.Key("name");
  json.String(principal.anybody() ? "anybody" : principal.name());
  json.Key("asked");
  json.Bool(!principal.anybody());
  json.Key("scopes");
  json.BeginArray();
  for (Scope scope : kAllScopes)
    if (grant.scopes.Has(scope)) json.String(ToString(scope));
  json.EndArray();
  if (grant.namespaces.all) {
    json.Key("namespaces");
    json.String("*");
  } else {
    names("namespaces", grant.namespaces.names);
  }
  json.Key("caller");
  grant.caller ? json.String(*grant.caller) : json.Null();
  names("lanes", grant.lanes);
  names("fkeys", grant.fkeys);
  names("services", grant.services);
  const WallTime until = principal.HoldsUntil(*asking.asker.table);
  json.Key("member");
  asking.tools->options->places ? json.String(asking.tools->options->member) : json.Null();
  json.Key("expires_at");
  until == kWallNever ? json.Null() : json.String(FormatRfc3339(until));
  json.EndObject();
  return Asked(JsonResponse(200, std::move(body)));
}

}  // namespace notifyd
