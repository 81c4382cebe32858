// PgCellMover: carries the steps of a namespace's move from one cell of a store to another out (broker/cell_move.h decides). While it is served, all
// that lies there is copied, and what each of its transactions writes is noted in `touched`, in that transaction; what was noted is copied again,
// until, once nobody serves it, nothing is left. So it stands still for what came last, however much there is.
//
// I1 the copy is the move's under whose number it arrives: a write under another number is refused. Numbers are drawn of the claims, and no number is
//    used again, so that what an older owner of a move sends late does nothing.
// I2 what was copied is as it lies there only while this process writes it: whoever begins to serve it elsewhere begins the copy anew.
// I3 what this process takes for copied is durable there: a server that crashes, or fails over, ends connections, and the move goes on over new ones.
// I4 which cell is the right one the namespace's row in the home cell says. `transits` keeps those out that read an older row.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/cell_store.h"
#include "storage/keys.h"
#include "storage/postgres/pg_connection.h"
#include "storage/postgres/pg_leftovers.h"
#include "storage/postgres/pg_store.h"
#include "storage/postgres/pg_writes.h"

namespace notifyd {

class PgCellMover : public CellStore {
 public:
  /// The part of the store that lies in a cell, kHomeCell or another one, once it is reached. Errors: kUnavailable, kUnacceptable.
  using Find = std::function<Result<PgStore*>(const std::string& cell)>;
  /// `home` is borrowed. Only while those are started.
  PgCellMover(PgStore* home, Find find) : home_(home), find_(std::move(find)) {}

  CellStep Look(const CellWish& wish) override;
  CellStep Begin(const CellWish& wish) override;
  CellStep Copy(const CellWish& wish) override;
  CellStep Follow(const CellWish& wish) override;
  CellStep Finish(const CellWish& wish) override;
  CellStep Depart(const CellWish& wish) override;
  void End(const CellWish& wish) override;

  uint64_t moved() const { return moved_; }
  uint64_t copied() const { return copied_; }

 private:
  /// One end of a move.
  struct Side {
    PgStore* store = nullptr;
    std::unique_ptr<PgConnection> connection;
  };
  struct Move {
    Side from, to;
    int64_t number = 0;
    size_t part = 0;     // of those that are copied
    std::string cursor;  // behind what was copied of it; empty: nothing yet
    int64_t mark = 0;    // the transaction up to which it is copied
    PgStore::Taken taken;
  };

  Result<Move*> Reach(const CellWish& wish);
  CellStep Take(const CellWish& wish, Status (PgCellMover::*step)(const CellWish&, Move*, CellStep*));
  Status ReachEnd(const std::string& cell, Side* side);
  Status BeginCopy(const CellWish& wish, Move* move, CellStep* step);
  Status Arrive(const CellWish& wish, Move* move);
  Status NoteFrom(const CellWish& wish, Move* move);
  Status CopySome(const CellWish& wish, Move* move, CellStep* step);
  Status FollowSome(const CellWish& wish, Move* move, CellStep* step);
  Status FinishAll(const CellWish& wish, Move* move, CellStep* step);
  Status LeaveBehind(const CellWish& wish, Move* move, CellStep* step);
  Status Draw(PgConnection* home, NamespaceNumber number, int64_t* drawn) const;
  Status LookAt(const CellWish& wish, Move* move, CellStep* step);
  Status Write(Move* move, NamespaceNumber number, const PgWrites& writes, std::vector<PgStatement> more);

  PgStore* const home_;
  const Find find_;
  std::map<NamespaceNumber, Move> moves_;
  std::atomic<uint64_t> moved_ = 0, copied_ = 0;
};

/// Removes what is left of a namespace where it does not lie any more, or never came to lie; what says that it went from there stays. Blocks. Where
/// that is another one meanwhile nothing is done. `ends`: is asked before each step whether to leave the rest for later (kUnavailable), for which
/// `left` is good then. Errors, besides: PgConnection's; kConflict.
Status CleanTransit(PgStore* store, PgCleaning* left, const std::function<Result<bool>()>& may, const std::function<bool()>& ends);

}  // namespace notifyd
