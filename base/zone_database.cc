#include "base/zone_database.h"

#include <date/tz.h>

#include <chrono>
#include <exception>
#include <map>
#include <mutex>
#include <string>

namespace notifyd {
namespace {

// 1970-01-01 and 2200-01-01: nobody asks for what lies beyond.
constexpr int64_t kFirst_s = 0, kLast_s = 7'258'118'400;

std::shared_ptr<const TimeZone> Read(const std::string& name) {
  // The database's own folder has other files, too, which the library takes for zones until it reads them; and zones that count leap seconds.
  if (name.starts_with("right/") || name.starts_with("posix/") || name == "localtime") return nullptr;
  try {
    const date::time_zone* zone = date::locate_zone(name);
    int64_t offset_s = 0;
    std::vector<TimeZone::Change> changes;
    for (int64_t at_s = kFirst_s; at_s < kLast_s;) {
      const date::sys_info info = zone->get_info(date::sys_seconds(std::chrono::seconds(at_s)));
      if (at_s == kFirst_s) offset_s = info.offset.count();
      else if (info.offset.count() != (changes.empty() ? offset_s : changes.back().offset_s)) changes.push_back({at_s, info.offset.count()});
      at_s = info.end.time_since_epoch().count();
    }
    return std::make_shared<const TimeZone>(offset_s, std::move(changes));
  } catch (const std::exception&) {
    return nullptr;
  }
}

}  // namespace

std::shared_ptr<const TimeZone> FindSystemZone(std::string_view name) {
  // Names that are no zones are not kept: there is no end of them.
  static std::mutex mutex;
  static auto* zones = new std::map<std::string, std::shared_ptr<const TimeZone>, std::less<>>;
  std::lock_guard lock(mutex);
  if (auto found = zones->find(name); found != zones->end()) return found->second;
  std::shared_ptr<const TimeZone> zone = Read(std::string(name));
  if (zone) zones->emplace(name, zone);
  return zone;
}

}  // namespace notifyd
