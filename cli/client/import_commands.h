// notifyctl import: what waits in another system, moved into the broker. Contract section 20.
#pragma once

#include <string>
#include <vector>

#include "cli/client/command_groups.h"
#include "cli/client/import_options.h"

namespace notifyd {

class ImportCommands : public CommandGroups {
 public:
  using CommandGroups::CommandGroups;

  void Add(CLI::App* app);

 private:
  /// What the flags say, or what is wrong with them.
  Status ReadFlags();
  Status ReadMysql();

  ImportOptions options_;
  std::string mysql_, mysql_file_, beanstalkd_, time_zone_;
};

/// Runs it, and says on standard output what it did. kDone: nothing that is to be moved is left. Broken off by a signal the program ends by
/// it, but where it follows.
Exit ImportNotifyAgent(const Context& context, const ImportOptions& options);

}  // namespace notifyd
