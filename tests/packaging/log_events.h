// The events that the sources log, read out of their calls of Log.
#pragma once

#include <map>
#include <set>
#include <string>

namespace notifyd::test {

struct LogEvent {
  std::set<std::string> fields;
  /// The fields are put together at run time: `fields` are those of all such events of that file.
  bool gathered = false;
};

/// By name. An event that is put together ("listening on " + address) stands as its beginning.
using LogEvents = std::map<std::string, LogEvent>;

/// Of all calls of Log(LogLevel...) in the sources.
LogEvents EventsInSources();

}  // namespace notifyd::test
