#include "cli/daemon/settings_tubes.h"

#include <set>
#include <utility>

#include "base/utf8.h"
#include "broker/flow.h"
#include "broker/grant.h"
#include "broker/notify.h"
#include "cli/daemon/settings_tables.h"
#include "net/api/fields.h"
#include "net/api/url.h"
#include "net/notify_agent/notify_agent.h"

namespace notifyd {
namespace {

constexpr size_t kTubesMost = 1000;
constexpr const char* kNotifyAgents = "notify";  // whose jobs are NotifyAgent's

Status CheckUrlOfTube(const std::string& url) {
  if (!CommandOf(url).empty()) return Status::Ok();
  Result<CheckedUrl> checked = CheckDestination(url);
  return checked.ok() ? Status::Ok() : std::move(checked).status();
}

Status CheckText(const std::string& key, const std::string& text) {
  if (key == "name" && !IsTubeName(text)) return Unacceptable("must have 1 to 200 of A-Z, a-z, 0-9 and -+/;.$_()");
  if (key == "name" && text == kNotifyAgents) return Unacceptable("the tube notify takes NotifyAgent's jobs");
  if (key == "namespace" && (!IsNamespaceName(text) || text == kSystemNamespace))
    return Unacceptable("must be the name of a namespace that takes submits");
  if (key == "url") return CheckUrlOfTube(text);
  if (key == "lane" && (text.empty() || text.size() > kMaxNameBytes || !IsValidUtf8(text)))
    return Unacceptable("must have 1 to " + std::to_string(kMaxNameBytes) + " bytes of UTF-8");
  if (key == "mode" && !ParseMode(text)) return Unacceptable("must be concurrent or fifo");
  if (key == "content_type") return CheckMediaType(text, "/content_type");
  return Status::Ok();
}

struct Key {
  const char* name;
  std::string BeanstalkdTube::*place;
};
constexpr Key kKeys[] = {
    {"name", &BeanstalkdTube::name}, {"namespace", &BeanstalkdTube::space}, {"url", &BeanstalkdTube::url},
    {"lane", &BeanstalkdTube::lane}, {"mode", &BeanstalkdTube::mode},       {"content_type", &BeanstalkdTube::content_type},
};

Status ReadKey(const std::string& name, const toml::node& node, BeanstalkdTube* tube) {
  for (const Key& key : kKeys) {
    if (name != key.name) continue;
    Result<std::string> text = TextOf(node);
    if (!text.ok()) return std::move(text).status();
    NOTIFYD_TRY(CheckText(name, *text));
    tube->*key.place = *std::move(text);
    return Status::Ok();
  }
  return Unacceptable("there is no such key, only name, namespace, url, lane, mode and content_type");
}

Result<BeanstalkdTube> ReadTube(const toml::table& table, const TablePlace& place) {
  BeanstalkdTube tube;
  for (const auto& [key, node] : table)
    if (Status fault = ReadKey(std::string(key.str()), node, &tube); !fault.ok()) return place.Blame(std::string(key.str()), node, fault.detail());
  for (const char* key : {"name", "url"})
    if (!table.get(key)) return place.Blame(key, table, "is missing");
  return tube;
}

}  // namespace

Result<std::vector<BeanstalkdTube>> ReadTubes(const toml::node& node, const std::string& file) {
  Result<std::vector<const toml::table*>> tables = TablesOf(node, "tube", kTubesMost, file);
  if (!tables.ok()) return std::move(tables).status();
  std::vector<BeanstalkdTube> tubes;
  std::set<std::pair<std::string, std::string>> seen;
  for (const toml::table* table : *tables) {
    const TablePlace place{"tube", tubes.size() + 1, file};
    Result<BeanstalkdTube> tube = ReadTube(*table, place);
    if (!tube.ok()) return std::move(tube).status();
    if (!seen.emplace(tube->space, tube->name).second)
      return place.Blame("name", *table->get("name"), "there is such a tube of this namespace already");
    tubes.push_back(*std::move(tube));
  }
  return tubes;
}

std::string TubesAsToml() {
  return R"(

# Tubes that take jobs at the listeners of protocol beanstalkd, none by default beside the tube notify: what is put there becomes a POST of the job to
# `url`. What is put to another tube is refused. In this file only. Reloadable.
#
#   name          the tube's: 1 to 200 of A-Z, a-z, 0-9 and -+/;.$_()
#   namespace     whose listeners have it; by default default
#   url           where its jobs go
#   lane          in which lane they wait; by default the tube's name
#   mode          concurrent or fifo; by default concurrent, with the jobs' priorities
#   content_type  of the job, such as text/plain; by default application/json
#
# [[tube]]
# name = "mail"
# url = "http://mailer.internal/jobs"
)";
}

}  // namespace notifyd
