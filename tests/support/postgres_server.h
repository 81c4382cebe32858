// A PostgreSQL of the test's own, in a directory of its own, reached over a socket in it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/temp_dir.h"

namespace notifyd::test {

/// The newest of Debian's that is installed, 15 or later, or the one whose programs lie in $NOTIFYD_TEST_POSTGRES. It does not run as root: started
/// by root it runs as `postgres`, where there is such a user, or as `nobody`. It ends with the test, however that ends. Failures are exceptions.
class PostgresServer {
 public:
  /// `settings`: "name=value", beside its defaults (fsync is on).
  explicit PostgresServer(std::vector<std::string> settings = {});
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  /// Ends it as a crash would: what it had not flushed is lost to it but for what the system keeps, and sessions are gone.
  void Kill();
  /// Ends it in order, and begins it anew as if so many transactions had been that the next one has this number. False: that is not to be had, as
  /// its program pg_resetwal is missing, and it runs as before.
  bool SkipTo(uint32_t transaction);
  /// After Kill: on what it kept, once it has recovered.
  void Start();
  /// To it and all of its sessions: SIGSTOP, SIGCONT.
  void Signal(int number) const;
  /// Of its one database.
  std::string dsn() const;

 private:
  /// To whom it runs as.
  void GiveAway(const std::string& path) const;
  std::vector<std::string> Command(const std::vector<std::string>& words) const;
  /// Exceptions where it fails.
  void Run(const std::vector<std::string>& words) const;

  const std::vector<std::string> settings_;
  const std::string programs_;
  std::string user_;  // as whom it runs; empty: as the test
  TempDir directory_;
  std::unique_ptr<Process> process_;
};

}  // namespace notifyd::test
