// A disk that fails, for a process under test: a library of its own (failing_disk.cc) that LD_PRELOAD puts between it and the C library, and that
// makes one system call on files below a directory go wrong. What it is to do stands in the variable FAILING_DISK.
#pragma once

#include <fstream>
#include <string>

namespace notifyd::test {

struct DiskFault {
  /// Which calls: "sync" (fdatasync, fsync), "write" (write, pwrite, ftruncate, truncate, fallocate), "rename" (and link), "open", "unlink", "read",
  /// "any" but reads.
  std::string call;
  unsigned long nth = 1;  // the first is 1
  /// "EIO", "ENOSPC" or "EROFS"; "cut": the power goes, and what was written since a file's last sync is there in part only; "slow": it takes 2 s;
  /// "held": it takes for as long as there is the file of the report's name with kHeldSuffix behind.
  std::string how = "EIO";
  bool for_good = false;  // all later calls fail, too
  unsigned seed = 1;      // by which a cut draws what stays
};

inline constexpr char kHeldSuffix[] = ".held";

/// How the process ends where the power went.
inline constexpr int kPowerWentCode = 86;

/// The variable with which a process gets it; `directory`: below which files fail. OPTIONS files do not, which RocksDB writes and nobody reads. What
/// came of it stands in the file `report`, which is there, elsewhere.
inline std::string FailingDiskVariable(const DiskFault& fault, const std::string& directory, const std::string& report) {
  return "FAILING_DISK=" + fault.call + " " + std::to_string(fault.nth) + " " + fault.how + " " + (fault.for_good ? "1" : "0") + " " +
         std::to_string(fault.seed) + " " + directory + " " + report;
}

struct DiskReport {
  unsigned long calls = 0;  // of the kind, until now
  bool fired = false;       // the one that was to go wrong came
  bool removed = false;     // its file was removed since, where it was on a descriptor; another may have the path by now
  std::string file;         // the path on which it was
};
inline DiskReport ReadDiskReport(const std::string& report) {
  DiskReport out;
  std::ifstream(report) >> out.calls >> out.fired >> out.removed >> out.file;
  return out;
}

}  // namespace notifyd::test
