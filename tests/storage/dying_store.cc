// Opens a store in a process of its own, and dies where it passes a crash point.
//
// usage: dying_store DIRECTORY KEY_FILE WALL_MS POINT:PASSAGE
//   KEY_FILE: of a store that is sealed, else ""; WALL_MS: what the clock says
//   Exit code 0: it opened, and did not come so far.
#include <cstdio>
#include <cstdlib>

#include "base/crash_point.h"
#include "base/log.h"
#include "storage/rocks_store.h"

int main(int argc, char** argv) {
  using namespace notifyd;
  if (argc != 5 || !ArmCrashPoint(argv[4]).ok()) return 2;
  LogSetLevel(LogLevel::kError);
  StoreOptions options;
  options.directory = argv[1];
  options.encryption_key_file = argv[2];
  options.rewrite_age_s = 0;  // stores that tests bring along grow old
  options.wall_ms = [wall_ms = std::atoll(argv[3])] { return int64_t{wall_ms}; };
  const auto opened = RocksStore::Open(options);
  if (!opened.ok()) std::fprintf(stderr, "%s\n", opened.status().detail().c_str());
  return opened.ok() ? 0 : 1;
}
