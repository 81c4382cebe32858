// What gives room in the database's tables back once it is not needed any more. While somebody's transaction is held open nothing that is dead goes,
// and the tables grow; when it has ended vacuum cleans up, but cuts off only what is empty at a table's end, and there rows live.
//
// A table that has been much larger for minutes than what lives in it, and what dies between two vacuums, asks for: its last rows are written anew
// until each has gone to a free place further in front, then a vacuum cuts off the end. Its indexes are built anew, once few enough rows are in it.
//
// I1 no row lock is waited for, so that nobody who writes ever waits for it and it for them: what is locked stays where it is.
// I2 a step locks some rows for some milliseconds, over few pages, however large the table is.
// I3 a row that moved has another place and another writer: who removes one as it was read looks again later where it is not there as such
//    (storage/postgres/pg_sweeper.cc).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/status.h"
#include "storage/postgres/pg_kv.h"

namespace notifyd {

class PgCompactor {
 public:
  /// `pool` is borrowed.
  explicit PgCompactor(PgPool* pool);
  ~PgCompactor() { Stop(); }

  /// `works`: as far as nobody else does it for the same tables, or until Work().
  void Start(bool works);
  /// What is under way is broken off, here at once, and at the server, which may not answer, as soon as it looks for who asked.
  void Stop();
  /// Any thread, as the next.
  void Work();
  /// Another one does it: ends behind the step that is under way, which beside another one's does no harm. Waits for nothing: to break it off would
  /// be to wait for a database that may not answer.
  void Rest();
  /// Pages that tables and indexes gave back. Any thread.
  uint64_t pages() const { return pages_; }

  /// Looks at all tables, by what is in them now, on the caller's thread: for tests. Errors: kUnavailable, kIo.
  Status CompactAll();

 private:
  using Clock = std::chrono::steady_clock;
  struct Table {
    size_t at;                   // in the list of tables
    std::deque<int64_t> rows;    // that lived or were dead, of late: the newest last
    Clock::time_point next;      // it is not looked at before
    std::chrono::minutes pause;  // thereafter, where that gives nothing back
  };
  /// In pages.
  struct Room {
    int64_t heap, indexes;        // that it takes
    int64_t needed, for_indexes;  // that it is given
    int64_t rows;
  };

  void Run();
  bool Ending();
  Status Look();
  Status NoteRows();
  /// On a connection of its own, which Stop breaks off.
  Status With(const std::function<Status(PgConnection*)>& use);
  Result<Room> RoomOf(PgConnection* connection, const Table& table, int64_t rows);
  Status Compact(PgConnection* connection, Table* table, int64_t rows);
  Status GiveBack(PgConnection* connection, const Table& table, int64_t rows, std::optional<Room>* before, std::optional<Room>* after);
  Status MoveRows(PgConnection* connection, const Table& table, int64_t from, int64_t to);

  PgPool* const pool_;
  std::mutex tables_mutex_;
  std::vector<Table> tables_;
  std::atomic<bool> works_ = false;
  std::atomic<uint64_t> pages_ = 0;

  std::mutex mutex_;
  std::condition_variable wake_;
  const PgConnection* under_way_ = nullptr;  // that is used
  bool ending_ = false, rests_ = false;
  std::thread thread_;
};

}  // namespace notifyd
