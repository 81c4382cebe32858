#include "cli/daemon/service_names.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/log.h"

namespace notifyd {
namespace {

/// As many as people read.
std::string Some(const std::vector<std::string>& ids) {
  constexpr size_t kMost = 20;
  std::string text;
  for (size_t i = 0; i < std::min(ids.size(), kMost); ++i) text += (i > 0 ? ", " : "") + ids[i];
  if (ids.size() > kMost) text += ", and " + std::to_string(ids.size() - kMost) + " more";
  return text;
}

}  // namespace

FileService WithInstances(const FileService& service, const std::vector<FoundInstance>& found) {
  FileService out = service;
  const std::string scheme = out.settings.https ? "https://" : "http://";
  if (Result<WatchedName> name = ParseWatchedName(service.dns); name.ok() && name->port != 0 && out.settings.host_header.empty())
    out.settings.host_header = name->port == (out.settings.https ? 443 : 80) ? name->name : name->name + ":" + std::to_string(name->port);
  out.instances.clear();
  for (const FoundInstance& each : found) {
    InstanceSettings instance;
    instance.url = scheme + each.host + ":" + std::to_string(each.port);
    instance.weight = each.weight;
    out.instances.emplace_back(each.id, std::move(instance));
  }
  return out;
}

ServiceNames::ServiceNames(uv_loop_s* loop, const ResolverOptions& options, std::function<void(std::shared_ptr<const FlowSettings>)> tell)
    : tell_(std::move(tell)), watch_(loop, options, [this](const NameWatch::News& news) { Hear(news); }) {}

std::shared_ptr<const FlowSettings> ServiceNames::Apply(const FlowSettings& flow) {
  said_ = flow;
  std::vector<std::string> names;
  for (const FileService& service : said_.services)
    if (!service.dns.empty()) names.push_back(service.dns);
  watch_.Watch(names);
  std::erase_if(failing_, [&](const std::string& name) { return std::find(names.begin(), names.end(), name) == names.end(); });
  return Filled();
}

std::shared_ptr<const FlowSettings> ServiceNames::Filled() const {
  auto filled = std::make_shared<FlowSettings>(said_);
  for (FileService& service : filled->services)
    if (!service.dns.empty()) service = WithInstances(service, watch_.Of(service.dns));
  return filled;
}

void ServiceNames::Hear(const NameWatch::News& news) {
  const auto failing = std::find(failing_.begin(), failing_.end(), news.name);
  if (!news.error.empty() && failing == failing_.end()) {
    failing_.push_back(news.name);
    Log(LogLevel::kWarn, "service name not looked up", {{"name", news.name}, {"detail", news.error}, {"instances", watch_.Of(news.name).size()}});
  }
  const bool again = news.error.empty() && failing != failing_.end();
  if (again) failing_.erase(failing);
  if (again || news.changed)
    Log(LogLevel::kInfo, "service name looked up",
        {{"name", news.name}, {"instances", watch_.Of(news.name).size()}, {"came", Some(news.came)}, {"left", Some(news.left)}});
  if (news.changed) tell_(Filled());
}

}  // namespace notifyd
