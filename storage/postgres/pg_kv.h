// OrderedKv on PostgreSQL: reads, of the primary alone. A moment is a transaction of its own at REPEATABLE READ. Any thread; blocks on the server.
//
// Where the server is not reached a read gives kUnavailable, besides what OrderedKv says: whoever asked may ask again.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "storage/ordered_kv.h"
#include "storage/postgres/pg_connection.h"

namespace notifyd {

/// Connections that are used by one after the other. Any thread.
class PgPool {
 public:
  explicit PgPool(PostgresOptions options) : options_(std::move(options)) {}
  /// From now on each new connection is asked `check` before it is used; one that fails it is not. Before other threads use the pool.
  void SetCheck(std::function<Status(PgConnection*)> check) { check_ = std::move(check); }
  /// From now on `doubt` is called where a connection is lost, or none is to be had. Before other threads use the pool.
  void SetDoubt(std::function<void()> doubt) { doubt_ = std::move(doubt); }
  /// To be given back. Errors: kUnavailable, whatever PgConnection::Open says, and behind Stop; the check's.
  Result<std::unique_ptr<PgConnection>> Take();
  /// Breaks off what is asked over those that are used, and gives none any more: a server may stand still.
  void Stop();
  /// A transaction that only read ends by itself. One that is lost, or in the middle of anything else, is not kept.
  void Give(std::unique_ptr<PgConnection> connection);
  /// Runs `use` with one.
  Status With(const std::function<Status(PgConnection*)>& use);
  const PostgresOptions& options() const { return options_; }
  /// Whether the server answered when anything was asked of it last; none of the check's.
  bool reached() const { return reached_; }

 private:
  bool Use(const PgConnection* connection);
  void Unuse(const PgConnection* connection);
  void LoseIdle();

  static constexpr size_t kMostIdle = 8;
  const PostgresOptions options_;
  std::function<Status(PgConnection*)> check_;
  std::function<void()> doubt_;
  std::atomic<bool> reached_ = true;
  std::mutex mutex_;
  std::vector<std::unique_ptr<PgConnection>> idle_;
  std::set<const PgConnection*> used_;
  bool stopped_ = false;
};

class PgKv : public OrderedKv {
 public:
  /// `pool` is borrowed.
  explicit PgKv(PgPool* pool) : pool_(pool) {}

  Status GetAll(const std::vector<std::string>& keys, const KvTake& take) const override;
  std::unique_ptr<KvCursor> Walk(std::string from, std::string to, KvScan scan) const override;
  std::unique_ptr<KvMoment> Now(KvFor use) const override;
  std::vector<KvPart> Parts() const override;

 private:
  PgPool* const pool_;
};

}  // namespace notifyd
