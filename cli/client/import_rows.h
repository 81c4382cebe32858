// RowImport: the rows of NotifyAgent's table, moved one batch after the other by ranges of their ids. A row is removed only once its notify is
// durable, and makes the same submit each time, so that a run that was broken off anywhere is simply made again.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time_zone.h"
#include "cli/client/import_work.h"
#include "cli/import/mysql_table.h"

namespace notifyd {

class RowImport {
 public:
  /// Borrows all. The options name a table.
  RowImport(ImportWork* work, const TimeZone& zone);

  /// Counts what there is to do. Says how many rows stay because they are held.
  ImportEnd Open();
  /// Through the table once. `moved` becomes true where anything was accepted.
  ImportEnd Pass(bool* moved);
  uint64_t total() const { return total_; }

 private:
  using Clock = std::chrono::steady_clock;
  /// A row that was refused: it is not asked for again before a while is over, and its reason is said once.
  struct Refusal {
    std::string why;
    Clock::time_point again;
  };
  struct Batch {
    uint64_t session = 0;  // of the table, in which it was read
    std::vector<uint64_t> ids;
    std::vector<OldCall> calls;
  };

  ImportEnd ReadNext(const RowQuery& query, std::vector<OldRow>* rows);
  void Choose(const std::vector<OldRow>& rows, Batch* batch);
  /// Submits and removes.
  ImportEnd Move(const Batch& batch, bool* moved);
  ImportEnd Remove(const Batch& batch, const std::vector<std::optional<ImportAnswer>>& answers);
  /// A row that somebody else took between its reading and its removing: its producer triggered it, and what it put is sent.
  void TakenByOther(uint64_t id, const ImportAnswer& answer);
  void Refuse(uint64_t id, const std::string& why);
  bool IsRefused(uint64_t id) const;

  ImportWork* const work_;
  const TimeZone& zone_;
  const RowTerms terms_;
  MysqlTable table_;
  uint64_t total_ = 0;
  std::map<uint64_t, Refusal> refusals_;
};

}  // namespace notifyd
