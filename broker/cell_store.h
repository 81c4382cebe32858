// CellStore: what the move of a namespace from one cell of a store to another asks of it (broker/cell_move.h decides). Contract section 23, growth.
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "base/status.h"

namespace notifyd {

/// One move. `to`, like `from`: a cell's name, kHomeCell for the home cell.
struct CellWish {
  NamespaceNumber number = kDefaultNumber;
  std::string name;  // the namespace's
  std::string from, to;
  bool operator==(const CellWish&) const = default;
};

/// What a step found. Its status: ok; kUnavailable: a database did not answer, and whether it was done is not known; kConflict: what was copied is
/// not what it was copied from any more, or the namespace is another owner's; else what the store says.
struct CellStep {
  Status status = {};
  bool more = false;  // there is more of the same to be done
  uint64_t keys = 0;  // that it copied
};

/// One thread; each call blocks until it is answered, or given up after some seconds. Any step may be repeated. What a step did is durable: a database
/// that crashes between two of them has it.
class CellStore {
 public:
  virtual ~CellStore() = default;
  /// Where the cell that it is to leave stands: `more`: it says that the namespace is gone from it, and the other one has all of it.
  virtual CellStep Look(const CellWish& wish) = 0;
  /// Empties the place for the copy. From then on what is written of the namespace here is noted.
  virtual CellStep Begin(const CellWish& wish) = 0;
  /// Copies some of what there is.
  virtual CellStep Copy(const CellWish& wish) = 0;
  /// Copies some of what was written since, again.
  virtual CellStep Follow(const CellWish& wish) = 0;
  /// It is served by nobody, and nothing of it is under way: copies the rest, and says there that it is whole. Synced.
  virtual CellStep Finish(const CellWish& wish) = 0;
  /// The cell that it leaves says so, if it was written by nobody since Finish: nothing of it is written there any more. Synced.
  virtual CellStep Depart(const CellWish& wish) = 0;
  /// It goes on no more, or is through: what is written is noted no more.
  virtual void End(const CellWish& wish) = 0;
};

}  // namespace notifyd
