// What is left of namespaces that were dropped, or moved away. How many rows that is nobody knows, and whoever removed them within the transaction
// that drops the namespace would keep from going on all that goes over the same connection. So that one says no more than that they are left over
// (`leftovers`), and they go afterwards, in steps, each a transaction of its own, over a connection for which nobody waits.
//
// I1 what is left over is written by nobody: the drop ends the unit's row in `owners`, by which the fence refuses whoever comes late.
// I2 nobody reads it: whoever opens a namespace of that number removes all of it before.
// I3 each step holds the row of `leftovers`, and does nothing where there is none. So in a database that was put back, to when the namespace was
//    there, nothing of it is removed by whoever had begun to; and of several who remove one waits for the other.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/status.h"
#include "storage/keys.h"
#include "storage/options.h"
#include "storage/postgres/pg_connection.h"

namespace notifyd {

/// As the cell in `leftovers`, of what was dropped: the store itself. A release that knows nothing of this leaves such a row alone.
inline constexpr const char* kPgLeftHere = "";
/// What a statement of a step may take, in ms.
inline constexpr int kPgStepMostMs = 15'000;

/// All keys of a namespace, on their way out.
class PgEmptying {
 public:
  static constexpr int64_t kStepRows = 1'000;

  explicit PgEmptying(NamespaceNumber number);
  NamespaceNumber number() const { return number_; }
  /// Removes some more, in the caller's transaction; where that is not committed, durably, this one is of no use any more: it goes on behind what it
  /// removed, over whatever connection, and a server that crashed brings back what was not.
  Status Step(PgConnection* connection);
  bool done() const;
  /// Rows.
  uint64_t removed() const { return removed_; }

 private:
  NamespaceNumber number_;
  std::string from_, to_;
  size_t table_ = 0;
  uint64_t removed_ = 0;
};

/// How far somebody came who removes all of a namespace from somewhere, and may do so in several goes.
struct PgCleaning {
  PgEmptying keys;
  int64_t move = 0;  // of which it was a copy, or by which it went from there; 0: of none
};

/// Removes all keys of a namespace that are left, each step in a transaction of its own, which asks `check` first. Durable once it has. Errors: its,
/// behind which `left` may be gone on with; PgConnection's.
Status EmptyPg(PgConnection* connection, PgEmptying* left, const std::function<Status()>& check);

/// What is left in the store itself.
class PgLeftovers {
 public:
  /// Looks what there is, and removes some of it, in that many steps at most. Returns whether that was all. Errors: PgConnection's.
  Result<bool> RemoveSome(PgConnection* connection, int steps);
  /// Another one removes it.
  void Rest() {
    now_.reset();
    namespaces_ = 0;
  }
  /// Namespaces of which something is left, as it looked last. Any thread.
  uint64_t namespaces() const { return namespaces_; }

 private:
  std::optional<PgEmptying> now_;
  std::atomic<uint64_t> namespaces_ = 0;
};

/// Removes what is left in the store itself of one that is to be opened. Errors: PgConnection's; kUnavailable, besides: it takes longer than `most`.
Status RemovePgLeftover(PgConnection* connection, NamespaceNumber number, std::chrono::milliseconds most);
/// Removes all that is left in the store itself.
Status RemovePgLeftovers(PgConnection* connection);
/// Removes all that is left of a namespace that was dropped from the cell in which it lay, or to which it was on its way, and then says nothing of it
/// any more; asks `check` before each step. Begins anew where another move than that of `left` wrote there. Durable once it has. Errors: EmptyPg's.
Status CleanPgCell(const PostgresOptions& cell, PgCleaning* left, const std::function<Status()>& check);

}  // namespace notifyd
