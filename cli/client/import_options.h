// What notifyctl import notifyagent is told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/import/beanstalk_client.h"
#include "cli/import/mysql_address.h"

namespace notifyd {

struct ImportOptions {
  std::optional<MysqlAddress> mysql = {};           // its table; nothing: jobs alone
  std::optional<BeanstalkAddress> beanstalkd = {};  // its jobs; nothing: rows alone
  std::vector<std::string> tubes = {};              // beside those that are NotifyAgent's
  std::string time_zone = {};                       // of the rows' times, an IANA name
  std::string caller = {};                          // in place of each call's own; empty: theirs
  bool held = false;                                // rows without a time too
  bool keep = false;                                // nothing is taken away
  bool dry_run = false;                             // nor submitted
  bool follow = false;                              // each second what is due, until it is stopped
  bool daemon_stopped = false;                      // nobody need look whether the old daemon runs
  int64_t reconnect_ms = 0;                         // how long what is away is looked for

  /// What stands there is read only.
  bool only_looks() const { return keep || dry_run; }
};

}  // namespace notifyd
