#include "net/console/console_files.h"

namespace notifyd {

const ConsoleFile* FindConsoleFile(std::string_view name) {
  for (const ConsoleFile& file : ConsoleFiles())
    if (file.name == name) return &file;
  return nullptr;
}

}  // namespace notifyd
