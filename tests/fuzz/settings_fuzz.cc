// Any configuration file is taken or refused with what is wrong and in which line, whatever stands in it, and reading it twice comes to the same.
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "base/check.h"
#include "cli/daemon/settings.h"

using namespace notifyd;

namespace {

/// A file in memory that holds the input of the moment.
int TheFile() {
  static const int file = ::memfd_create("notifyd.toml", 0);
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int file = TheFile();
  CHECK(file >= 0 && ::ftruncate(file, 0) == 0 && ::pwrite(file, data, size, 0) == static_cast<ssize_t>(size));
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  // Only looked at: it names files that are not there, and nothing is opened for writing.
  const std::vector<std::string> arguments = {"--config", path, "--check-config"};
  const Invocation read = ReadCommandLine(arguments, {}), again = ReadCommandLine(arguments, {});
  CHECK(read.action == again.action && read.exit_code == again.exit_code && read.error == again.error && read.output == again.output);
  if (read.action == Invocation::Action::kExit && read.exit_code != 0) CHECK(read.exit_code == 2 && !read.error.empty());
  return 0;
}
