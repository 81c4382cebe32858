// MysqlTable: NotifyAgent's table Notify in a MySQL or MariaDB server, read by ranges of its key and emptied row by row. One connection at a time, on
// one thread; libmariadb's headers stand in mysql_table.cc alone. While it is open it holds a lock of the server's (GET_LOCK), so that two imports of
// one table do not take turns without knowing it; it locks no row and no table while others answer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/import/mysql_address.h"
#include "cli/import/old_calls.h"

namespace notifyd {

/// Which rows are read: those above `above`, in the order of their ids.
struct RowQuery {
  uint64_t above = 0;
  uint32_t limit = 1;
  /// Of those with a time: all, where it is empty, else those whose time is not after this ("Y-m-d H:i:s").
  std::string due = {};
  bool held = false;  // those without a time too
};

struct RowCounts {
  uint64_t with_time = 0, without_time = 0;
};

class MysqlTable {
 public:
  explicit MysqlTable(MysqlAddress address);
  ~MysqlTable();
  MysqlTable(const MysqlTable&) = delete;
  MysqlTable& operator=(const MysqlTable&) = delete;

  // Errors of all: kUnavailable where the server is away, or busy, and can be asked again later, over a new connection; kUnacceptable where it
  // refuses. Behind an error it is closed.

  /// Connects, takes the lock and looks whether the table has the columns that it must have. Also kConflict: another import holds the lock.
  Status Open();
  bool open() const;
  /// Grows with each Open: rows that were read under another one may have been removed by somebody else since, or by a Remove that failed.
  uint64_t session() const { return session_; }

  /// Would the server remove rows for this user? Removes none.
  Status CheckRemoval();
  Result<RowCounts> Count();
  /// At least one row unless there is none, at most query.limit, and not many more bytes than kReadBytes. Their ids go up (MysqlRow).
  Result<std::vector<OldRow>> Read(const RowQuery& query);
  /// Removes rows; those that were still there, in order. All of it or nothing.
  Result<std::vector<uint64_t>> Remove(const std::vector<uint64_t>& ids);

  static constexpr size_t kReadBytes = 4 << 20;

 private:
  class Connection;
  Status Lock();
  Status CheckColumns();
  std::string From() const { return "`" + address_.table + "`"; }
  /// Closes it where `status` is an error.
  Status Judge(Status status);

  const MysqlAddress address_;
  std::unique_ptr<Connection> connection_;  // null: closed
  uint64_t session_ = 0;
};

}  // namespace notifyd
