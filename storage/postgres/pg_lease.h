// Where it is kept whose a store in PostgreSQL is: carries the asks of an Ownership out, as statements over a connection of its own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "broker/ownership.h"
#include "storage/options.h"
#include "storage/postgres/pg_connection.h"
#include "storage/postgres/pg_writes.h"

namespace notifyd {

/// An incarnation as it is stored.
std::string EncodeIncarnation(const Incarnation& incarnation);
/// Error: kCorrupt where these are not 16 bytes.
Result<Incarnation> DecodeIncarnation(std::string_view bytes);

/// Of the whole store, or, where the options name a member, of that one's row.
class PgOwnerStore : public OwnerStore {
 public:
  explicit PgOwnerStore(PostgresOptions options);
  /// Some seconds at most. To acquire it waits for what is just being written by whoever had it, and fences all of that off from then on.
  std::pair<OwnerAnswer, OwnerWord> Do(const OwnerAsk& ask) override;
  std::optional<int64_t> ClockAheadMs() const override { return clock_ahead_ms_; }
  std::string Namesake() const override { return namesake_; }
  /// Of where it is and which it is: a store that was seen there once is not made again, and no other one taken for it.
  std::string Mark() const override;
  std::string Fault() const override { return fault_.detail(); }
  bool Refuses() const override { return !fault_.ok() && refuses_; }
  /// Whether it can be asked at all: PgConnection::Open's errors, and PreparePgSchema's.
  Status Check() { return Connect(); }
  /// Why the last one was unknown.
  const Status& fault() const { return fault_; }

 private:
  Status Connect();
  Result<PgRows> Run(const OwnerAsk& ask);
  Result<PgRows> RunForMember(const OwnerAsk& ask, int64_t epoch, int64_t renewal, const std::string& seen);
  OwnerWord EpochNow();

  PostgresOptions options_;
  const std::string place_;  // of marks: where the store is
  std::unique_ptr<PgConnection> connection_;
  Status fault_;
  bool gone_ = false;     // as of the last connection
  bool refuses_ = false;  // the last connection was not of use for want of a right
  std::string namesake_;
  std::optional<int64_t> clock_ahead_ms_;
};

/// A lease that the store keeps by itself: where nobody above decides who owns it, as in commands that open it for a moment.
class PgOwnLease {
 public:
  /// Takes it: at once where it is free, or once whoever had it has not renewed it for its time. Error: kIo: it is in use; PgConnection::Open's.
  static Result<std::unique_ptr<PgOwnLease>> Take(const PostgresOptions& options);
  /// Gives it back.
  ~PgOwnLease();
  const OwnerWord& word() const { return word_; }
  /// Renews it from now on; `lost`, on its own thread, once: it is another's, or was not renewed in time.
  void Keep(std::function<void()> lost);

 private:
  explicit PgOwnLease(PostgresOptions options) : store_(std::move(options)) {}
  Status TakeIt();
  void Run();

  PgOwnerStore store_;
  OwnerWord word_;
  std::function<void()> lost_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  std::thread thread_;
};

/// A whole store in the hands of a command: its lease, which is kept until this goes, and a connection.
class PgHolder {
 public:
  /// Errors: PgConnection::Open's, PreparePgSchema's, PgOwnLease::Take's; kNotFound: there is no store in the schema, unless one is being moved
  /// there.
  Status Open(const PostgresOptions& options);
  PgConnection* connection() const { return connection_.get(); }
  const OwnerWord& word() const { return lease_->word(); }
  /// Error: kIo: it is another one's.
  Status Held() const;
  /// One transaction, under the lease. Errors: that, PgConnection's.
  Status Do(bool synced, const std::vector<PgStatement>& statements);

 private:
  Status DoIn(const std::vector<PgStatement>& statements);

  std::unique_ptr<PgConnection> connection_;
  std::atomic<bool> lost_ = false;
  std::unique_ptr<PgOwnLease> lease_;  // its thread sets the flag
};

}  // namespace notifyd
