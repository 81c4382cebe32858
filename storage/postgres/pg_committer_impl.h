// What the files of the commit thread share: a transaction, and a connection with what goes over it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "storage/batch_points.h"
#include "storage/postgres/pg_committer.h"

namespace notifyd {

// Statements that go over a connection besides the fence and those of PgWrites. By pointer, as all that is prepared.
inline constexpr const char* kPgTrimLog = "DELETE FROM log WHERE unit = $1 AND n >= $2 AND n < $3";
inline constexpr const char* kPgForgetLog = "DELETE FROM log WHERE unit = $1";
inline constexpr const char* kPgForgetOwner = "DELETE FROM owners WHERE unit = $1";
inline constexpr const char* kPgForgetPlace = "DELETE FROM places WHERE unit = $1";
inline constexpr const char* kPgRegistryChanged = "UPDATE meta SET value = value + 1 WHERE name = 'registry'";

/// One transaction.
struct PgUnit::Sent {
  std::shared_ptr<PgUnit> unit;
  std::shared_ptr<PgQueue> queue;  // null: it only syncs
  int64_t before = 0, n = 0;
  uint64_t number = 0;  // of its last batch
  bool reports = false, synced = false, done = false, leaves_over = false;
  std::string totals;
  std::vector<PgStatement> statements;
  size_t bytes = 0;
  uint64_t batches = 0;
  std::vector<std::function<void()>> audited;  // who is told of entries of the audit in it
  uint64_t sent_at = 0, done_at = 0;  // moments; done_at is 0 where it is known to be synced
  std::chrono::steady_clock::time_point began;
  BatchPoints points = {};
};

struct PgCommitter::Line {
  size_t index = 0;
  std::unique_ptr<PgConnection> connection;  // null: lost, or not there yet
  uint64_t opened_at = 0;                    // the moment at which it was there
  std::deque<std::shared_ptr<Sent>> flight;  // in their order
  std::deque<Queue> turns;                   // those that have something to write
  std::map<int64_t, Unit> holding;           // those that keep something
  // The first thing over a new connection where something is kept: its units, epochs and numbers, as they come.
  struct Acquired {
    int64_t unit, epoch, n;
  };
  bool acquiring = false;
  std::vector<Acquired> acquired;
  int64_t session = 0;  // the advisory lock that it holds at the server, by which others see there that it has not ended
  size_t again = 0;     // transactions that are still to be answered of those that were sent again at first
  // Of the transaction that is being answered.
  Status error;
  std::string error_state;
  bool wanted = false;  // something went over it once
  bool said_lost = false, said_full = false, said_late = false, was_there = false;
  std::string unreached;  // why, as it was said last
  Clock::time_point say_unreached_at = {};
  Clock::time_point retry_at = {};
  Clock::time_point heard_at = {};     // when anything came over it last, or was sent
  Clock::time_point waits_since = {};  // for the end of what is under way first
};

}  // namespace notifyd
