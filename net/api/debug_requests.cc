#include "net/api/debug_requests.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/json.h"
#include "net/api/api_options.h"
#include "net/api/list_query.h"
#include "net/api/problem.h"
#include "net/api/replies.h"
#include "net/api/request_tools.h"
#include "net/api/steps.h"

namespace notifyd {
namespace {

/// Of so many namespaces the answer has each for itself: those that take most.
constexpr size_t kMostNamespaces = 100;

struct Sum {
  uint64_t count = 0, bytes = 0;
};
/// By kind, in the order in which the cores name them.
using Sums = std::vector<std::pair<const char*, Sum>>;

void Add(const HeldKinds& kinds, Sums* sums) {
  for (const HeldKind& held : kinds) {
    auto found = std::find_if(sums->begin(), sums->end(), [&](const auto& each) { return std::string_view(each.first) == held.kind; });
    if (found == sums->end()) found = sums->insert(sums->end(), {held.kind, {}});
    found->second.count += held.count;
    found->second.bytes += held.bytes;
  }
}

uint64_t BytesOf(const HeldKinds& kinds) {
  uint64_t bytes = 0;
  for (const HeldKind& held : kinds) bytes += held.bytes;
  return bytes;
}

void WriteSums(const Sums& sums, JsonWriter* json) {
  json->BeginObject();
  for (const auto& [kind, sum] : sums) {
    json->Key(kind);
    json->BeginObject();
    json->Key("count");
    json->Uint(sum.count);
    json->Key("bytes");
    json->Uint(sum.bytes);
    json->EndObject();
  }
  json->EndObject();
}

HttpResponse StateResponse(std::vector<HeldByCore> cores) {
  std::map<size_t, std::pair<size_t, Sums>> shards;  // how many namespaces, and what they hold
  for (const HeldByCore& core : cores) {
    auto& [count, sums] = shards[core.shard];
    if (!core.space.empty()) ++count;
    Add(core.kinds, &sums);
  }
  std::erase_if(cores, [](const HeldByCore& core) { return core.space.empty(); });
  std::stable_sort(cores.begin(), cores.end(), [](const HeldByCore& a, const HeldByCore& b) { return BytesOf(a.kinds) > BytesOf(b.kinds); });
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  json.Key("shards");
  json.BeginArray();
  for (const auto& [number, shard] : shards) {
    json.BeginObject();
    json.Key("shard");
    json.Uint(number);
    json.Key("namespaces_awake");
    json.Uint(shard.first);
    json.Key("held");
    WriteSums(shard.second, &json);
    json.EndObject();
  }
  json.EndArray();
  json.Key("namespaces");
  json.BeginArray();
  for (size_t i = 0; i < std::min(cores.size(), kMostNamespaces); ++i) {
    Sums sums;
    Add(cores[i].kinds, &sums);
    json.BeginObject();
    json.Key("namespace");
    json.String(cores[i].space);
    json.Key("shard");
    json.Uint(cores[i].shard);
    json.Key("held");
    WriteSums(sums, &json);
    json.EndObject();
  }
  json.EndArray();
  json.Key("more");
  json.Bool(cores.size() > kMostNamespaces);
  json.EndObject();
  return JsonResponse(200, std::move(body));
}

HttpResponse ProfileResponse(Result<std::string> profile) {
  if (!profile.ok()) return ProblemResponse(profile.status());
  HttpResponse response;
  response.content_type = "application/octet-stream";
  response.headers = {{"Content-Disposition", "attachment; filename=\"profile.pb.gz\""}};
  response.body = *std::move(profile);
  return response;
}

}  // namespace

Result<Asked> ReadDebugProfile(const Asking& asking) {
  Result<int64_t> seconds = ParseSeconds(asking.query);
  if (!seconds.ok()) return std::move(seconds).status();
  const auto& profile = asking.tools->options->profile;
  if (!profile) return Status(Code::kNotImplemented, "no profile can be taken here");
  // What a HEAD would get is known without anybody looking for so long.
  if (asking.request->method == "HEAD") return Asked(ProfileResponse(std::string()));
  return Asked(AskElsewhere([profile, seconds = *seconds](std::function<void(HttpResponse)> then) {
    profile(seconds, [then = std::move(then)](Result<std::string> taken) { then(ProfileResponse(std::move(taken))); });
  }));
}

Result<Asked> ReadDebugState(const Asking& asking) {
  const auto& held = asking.tools->options->held;
  if (!held) return Status(Code::kNotImplemented, "nothing is known of the cores here");
  return Asked(AskElsewhere([held](std::function<void(HttpResponse)> then) {
    held([then = std::move(then)](std::vector<HeldByCore> cores) { then(StateResponse(std::move(cores))); });
  }));
}

}  // namespace notifyd
