#include "storage/postgres/pg_sweeper.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <set>
#include <string_view>

#include "base/joined.h"
#include "base/log.h"
#include "storage/postgres/pg_size.h"
#include "storage/postgres/pg_tables.h"
#include "storage/postgres/pg_writes.h"

namespace notifyd {
namespace {

constexpr int kStep = 500;
// Rows that are read at once, of which each may have a body.
constexpr size_t kWholeRows = 32;
// A day's passes.
constexpr uint64_t kAllEvery = 24 * 60;
constexpr std::chrono::seconds kRemoveEvery{60}, kMeasureEvery{10}, kLookForLeftEvery{5};
// Of what is left over, before it looks for what else there is to do.
constexpr int kLeftSteps = 16;
constexpr std::chrono::milliseconds kAfterFault{1000};
constexpr size_t kMostLongKeys = 100'000;

// A row as it was read is known by its place and the transaction that wrote it; by them it is found unchanged.
#define PG_ROWS(table) "SELECT k, v, ops, ctid::text, xmin::text FROM " table " WHERE k = ANY ($1::bytea[])"
#define PG_REMOVE(table)                                                                                                         \
  "DELETE FROM " table                                                                                                           \
  " t USING unnest($1::bytea[], string_to_array($2::text, ' ')::tid[], string_to_array($3::text, ' ')) AS u (k, place, writer) " \
  "WHERE t.k = u.k AND t.ctid = u.place AND t.xmin::text = u.writer RETURNING t.k"
#define PG_FOLD(table)                                                                                                                    \
  "UPDATE " table                                                                                                                         \
  " SET v = $2::bytea, ops = nullif(substr(ops, octet_length($4::bytea) + 1), ''::bytea) WHERE k = $1::bytea AND v IS NOT DISTINCT FROM " \
  "$3::bytea AND substr(ops, 1, octet_length($4::bytea)) = $4::bytea"
constexpr std::array<const char*, 3> kRows = {PG_ROWS("kv_main"), PG_ROWS("kv_notifies"), PG_ROWS("kv_hot")};
constexpr std::array<const char*, 3> kRemove = {PG_REMOVE("kv_main"), PG_REMOVE("kv_notifies"), PG_REMOVE("kv_hot")};
constexpr std::array<const char*, 3> kFold = {PG_FOLD("kv_main"), PG_FOLD("kv_notifies"), PG_FOLD("kv_hot")};
#undef PG_ROWS
#undef PG_REMOVE
#undef PG_FOLD
// Of counts: the keys are held, then looked at, since a change that is added makes no other version of anything (storage/postgres/pg_writes.cc).
constexpr char kHoldCounts[] = "SELECT k FROM counted WHERE k = ANY ($1::bytea[]) ORDER BY k FOR UPDATE";
constexpr char kCounts[] = "SELECT k, v, ops FROM kv_counts WHERE k = ANY ($1::bytea[])";
constexpr std::array<const char*, 3> kRemoveCounts = {"DELETE FROM counted WHERE k = ANY ($1::bytea[])",
                                                      "DELETE FROM count_bases WHERE k = ANY ($1::bytea[])",
                                                      "DELETE FROM count_changes WHERE k = ANY ($1::bytea[])"};
constexpr char kCount[] = "SELECT v, ops, base, last FROM kv_counts WHERE k = $1::bytea AND last IS NOT NULL";
// Parameters: key, the last change that is in it, value, the base before.
constexpr char kFoldCount[] =
    "WITH own AS (SELECT k FROM counted WHERE k = $1::bytea FOR KEY SHARE), base AS (INSERT INTO count_bases (k, n, v) SELECT k, $2::bigint, "
    "$3::bytea "
    "FROM own ON CONFLICT DO NOTHING), older AS (DELETE FROM count_bases WHERE k = $1::bytea AND n = $4::bigint) DELETE FROM count_changes WHERE k = "
    "$1::bytea AND n > $4::bigint AND n <= $2::bigint";
constexpr char kDue[] = "SELECT hour, k FROM removals WHERE hour < $1 AND (hour, k) > ($3, $4) ORDER BY hour, k LIMIT $2";
constexpr char kDone[] = "DELETE FROM removals r USING unnest($1::bigint[], $2::bytea[]) AS u (hour, k) WHERE r.hour = u.hour AND r.k = u.k";

}  // namespace

void PgSweeper::Start(bool removes) {
  removes_ = removes;
  thread_ = std::thread([this] { Run(); });
}

void PgSweeper::Stop() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void PgSweeper::Fold(std::vector<std::string> keys) {
  {
    std::lock_guard lock(mutex_);
    for (std::string& key : keys)
      if (long_keys_.size() < kMostLongKeys) long_keys_.insert(std::move(key));  // another one comes back with its next operand
  }
  wake_.notify_all();
}

void PgSweeper::AddNamespace(NamespaceNumber number) {
  {
    std::lock_guard lock(mutex_);
    namespaces_.insert(number);
  }
  wake_.notify_all();
}

void PgSweeper::LookForLeftovers() {
  {
    std::lock_guard lock(mutex_);
    left_ = true;
  }
  wake_.notify_all();
}

bool PgSweeper::Has(NamespaceNumber number) {
  std::lock_guard lock(mutex_);
  return namespaces_.contains(number) || sweeping_.contains(number);
}

bool PgSweeper::Ending() {
  std::lock_guard lock(mutex_);
  return ending_;
}

uint64_t PgSweeper::BytesOf(NamespaceNumber number) {
  std::optional<uint64_t> bytes;
  const Status status = pool_->With([&](PgConnection* connection) {
    auto size = PgSizeOf(connection, number);
    if (!size.ok()) return std::move(size).status();
    bytes = *size;
    return Status::Ok();
  });
  std::lock_guard lock(mutex_);
  uint64_t& known = sizes_[number];
  if (status.ok()) known = *bytes;
  return known;
}

void PgSweeper::Run() {
  using Steady = std::chrono::steady_clock;
  auto remove_at = Steady::now() + kRemoveEvery, measure_at = Steady::now() + kMeasureEvery, left_at = Steady::now();
  std::unique_lock lock(mutex_);
  while (!ending_) {
    wake_.wait_until(lock, std::min({remove_at, measure_at, left_at}),
                     [this] { return ending_ || left_ || !long_keys_.empty() || !namespaces_.empty(); });
    if (ending_) return;
    if (std::exchange(left_, false)) left_at = Steady::now();
    const std::set<std::string> keys = std::exchange(long_keys_, {});
    sweeping_ = std::exchange(namespaces_, {});
    lock.unlock();
    Status status;
    for (const std::string& key : keys)
      if (status.ok()) status = FoldKey(key);
    for (NamespaceNumber number : sweeping_)
      if (status.ok()) status = SweepNamespace(number);
    if (status.ok() && Steady::now() >= remove_at) {
      if (removes_) status = RemoveDue();
      remove_at = Steady::now() + kRemoveEvery;
    }
    if (status.ok() && Steady::now() >= left_at) {
      bool all = true;
      status = RemoveLeft(&all);
      left_at = Steady::now() + (all ? kLookForLeftEvery : std::chrono::seconds(0));
    }
    if (status.ok() && Steady::now() >= measure_at) {
      status = Measure();
      measure_at = Steady::now() + kMeasureEvery;
    }
    if (!status.ok() && status.code() != Code::kUnavailable) Log(LogLevel::kWarn, "cannot clean up in the database", {{"detail", status.detail()}});
    lock.lock();
    sweeping_.clear();
    if (!status.ok()) wake_.wait_for(lock, kAfterFault, [this] { return ending_; });
  }
}

/// What is left over, as far as that is a few steps. `all`: nothing is left to be done.
Status PgSweeper::RemoveLeft(bool* all) {
  if (!home_ || !removes_) {
    leftovers_.Rest();
    return Status::Ok();
  }
  return pool_->With([&](PgConnection* connection) {
    auto removed = leftovers_.RemoveSome(connection, kLeftSteps);
    if (!removed.ok()) return std::move(removed).status();
    *all = *removed;
    return Status::Ok();
  });
}

/// Whether there is a standby.
Status PgSweeper::Measure() {
  return pool_->With([&](PgConnection* connection) {
    auto none = NamesNoStandby(connection);
    if (!none.ok()) return std::move(none).status();
    no_standby_ = *none;
    return Status::Ok();
  });
}

Status PgSweeper::RemoveDue() {
  const int64_t hour = wall_ms_() / kPgHourMs;
  // What was taken stays in the index until it is cleaned up, all of it where somebody's transaction is held open: each step goes on behind it, and
  // each pass an hour before where the last one ended, for what is committed late. Once a day, and at first, all is looked at: somebody may have
  // waited for the database for longer, or a clock was set.
  const bool all = passes_ % kAllEvery == 0;
  std::pair<int64_t, std::string> mark = {all ? INT64_MIN : std::min(swept_, hour) - 1, {}};
  for (bool more = true; more && !rests_ && !Ending();) NOTIFYD_TRY(RemoveStep(&mark, &more));
  if (rests_ || Ending()) return Status::Ok();
  ++passes_;
  swept_ = hour;
  return Status::Ok();
}

Status PgSweeper::RemoveStep(std::pair<int64_t, std::string>* mark, bool* more) {
  return pool_->With([&](PgConnection* connection) {
    auto due = connection->Run(kDue, PgParams().Int(wall_ms_() / kPgHourMs).Int(kStep).Int(mark->first).Bytes(mark->second));
    if (!due.ok()) return std::move(due).status();
    *more = due->size() == kStep;
    if (due->size() == 0) return Status::Ok();
    std::vector<std::string> keys;
    std::vector<int64_t> hours;
    for (int i = 0; i < due->size(); ++i) {
      hours.push_back(due->Int(i, 0));
      keys.emplace_back(due->Bytes(i, 1));
    }
    *mark = {hours.back(), keys.back()};
    std::vector<std::pair<int64_t, std::string>> later;
    NOTIFYD_TRY(RemoveOver(connection, keys, &later));
    if (!later.empty()) {
      std::vector<int64_t> later_hours;
      std::vector<std::string> later_keys;
      for (auto& [hour, key] : later) {
        later_hours.push_back(hour);
        later_keys.push_back(std::move(key));
      }
      if (auto put = connection->Run(kPgRemovals, PgParams().Ints(later_hours).BytesArray(later_keys)); !put.ok()) return std::move(put).status();
    }
    return connection->Execute(kDone, PgParams().Ints(hours).BytesArray(keys));
  });
}

/// Those of `keys` that are over go. `later`: where one is not over yet after all, the hour in which it is looked at again.
Status PgSweeper::RemoveOver(PgConnection* connection, const std::vector<std::string>& keys, std::vector<std::pair<int64_t, std::string>>* later) {
  const std::shared_ptr<const RetentionRules> rules = retention_->Now();
  const int64_t now_ms = wall_ms_();
  for (PgTable table : kPgTables) {
    std::vector<std::string> own;
    std::copy_if(keys.begin(), keys.end(), std::back_inserter(own), [table](const std::string& key) { return TableOf(key) == table; });
    if (own.empty()) continue;
    if (table == PgTable::kCounts) {
      NOTIFYD_TRY(RemoveCounts(connection, own, later));
      continue;
    }
    std::vector<std::string> over, places, writers;
    for (size_t from = 0; from < own.size(); from += kWholeRows) {
      const std::vector<std::string_view> some(own.begin() + static_cast<ptrdiff_t>(from),
                                               own.begin() + static_cast<ptrdiff_t>(std::min(own.size(), from + kWholeRows)));
      auto rows = connection->Run(kRows[static_cast<size_t>(table)], PgParams().BytesArray(some));
      if (!rows.ok()) return std::move(rows).status();
      for (int i = 0; i < rows->size(); ++i) {
        const std::string_view key = rows->Bytes(i, 0);
        const std::string value = FoldRow(key, rows->BytesOrNull(i, 1), rows->BytesOrNull(i, 2)).value_or("");
        if (MayDrop(key, value, *rules, now_ms)) {
          over.emplace_back(key);
          places.emplace_back(rows->Bytes(i, 3));
          writers.emplace_back(rows->Bytes(i, 4));
        } else if (std::optional<int64_t> end = EndOf(key, value, false, *rules, now_ms)) {
          later->emplace_back(std::max(*end, now_ms) / kPgHourMs, std::string(key));
        }
      }
    }
    if (over.empty()) continue;
    auto gone =
        connection->Run(kRemove[static_cast<size_t>(table)], PgParams().BytesArray(over).Bytes(Joined(places, " ")).Bytes(Joined(writers, " ")));
    if (!gone.ok()) return std::move(gone).status();
    removed_ += static_cast<uint64_t>(gone->size());
    // Written since, or moved alone (storage/postgres/pg_compactor.h): it is looked at again.
    std::set<std::string_view> left(over.begin(), over.end());
    for (int i = 0; i < gone->size(); ++i) left.erase(gone->Bytes(i, 0));
    for (std::string_view key : left) later->emplace_back(now_ms / kPgHourMs, key);
  }
  return Status::Ok();
}

/// RemoveOver of counts. Whoever adds to one of them meanwhile waits, and makes it anew where it went.
Status PgSweeper::RemoveCounts(PgConnection* connection, const std::vector<std::string>& keys, std::vector<std::pair<int64_t, std::string>>* later) {
  const std::shared_ptr<const RetentionRules> rules = retention_->Now();
  const int64_t now_ms = wall_ms_();
  NOTIFYD_TRY(connection->RunScript("BEGIN; SET LOCAL synchronous_commit = off"));
  if (auto held = connection->Run(kHoldCounts, PgParams().BytesArray(keys)); !held.ok()) return std::move(held).status();
  auto rows = connection->Run(kCounts, PgParams().BytesArray(keys));
  if (!rows.ok()) return std::move(rows).status();
  std::vector<std::string> over;
  for (int i = 0; i < rows->size(); ++i) {
    const std::string_view key = rows->Bytes(i, 0);
    const std::string value = FoldRow(key, rows->BytesOrNull(i, 1), rows->BytesOrNull(i, 2)).value_or("");
    if (MayDrop(key, value, *rules, now_ms)) over.emplace_back(key);
    else if (std::optional<int64_t> end = EndOf(key, value, false, *rules, now_ms); end && !IsKind(key, KeyKind::kLaneCounts))
      later->emplace_back(std::max(*end, now_ms) / kPgHourMs, std::string(key));
  }
  for (const char* sql : kRemoveCounts)
    if (auto gone = connection->Run(sql, PgParams().BytesArray(over)); !gone.ok()) return std::move(gone).status();
  NOTIFYD_TRY(connection->RunScript("COMMIT"));
  removed_ += over.size();
  return Status::Ok();
}

Status PgSweeper::SweepNamespace(NamespaceNumber number) {
  const KeyRange range = RangeOf(number);
  const PgKv kv(pool_);
  for (KeyKind kind : {KeyKind::kNotify, KeyKind::kSettled, KeyKind::kIdempotency, KeyKind::kFkey, KeyKind::kLaneCounts}) {
    std::string from = KeySpace(number).In(std::string(1, static_cast<char>(kind)));
    const std::string to = PrefixEnd(from);
    for (bool more = true; more && !Ending();) {
      // A walk a step: none holds its transaction open for long.
      std::vector<std::string> keys;
      auto walk = kv.Walk(from, to, {.values = false, .expected = kStep});
      for (; walk->Valid() && keys.size() < kStep; walk->Next()) keys.emplace_back(walk->key());
      NOTIFYD_TRY(walk->status());
      walk.reset();
      more = keys.size() == kStep;
      if (keys.empty()) break;
      from = keys.back() + '\0';
      std::vector<std::pair<int64_t, std::string>> later;
      NOTIFYD_TRY(pool_->With([&](PgConnection* connection) { return RemoveOver(connection, keys, &later); }));
    }
  }
  return Status::Ok();
}

Status PgSweeper::FoldCount(const std::string& key) {
  return pool_->With([&](PgConnection* connection) {
    auto row = connection->Run(kCount, PgParams().Bytes(key));
    if (!row.ok()) return std::move(row).status();
    if (row->size() == 0) return Status::Ok();
    const std::string value = *FoldRow(key, row->BytesOrNull(0, 0), row->BytesOrNull(0, 1));
    auto folded = connection->Run(kFoldCount, PgParams().Bytes(key).Int(row->Int(0, 3)).Bytes(value).Int(row->Int(0, 2)));
    if (!folded.ok()) return std::move(folded).status();
    ++folded_;
    return Status::Ok();
  });
}

Status PgSweeper::FoldKey(const std::string& key) {
  if (TableOf(key) == PgTable::kCounts) return FoldCount(key);
  return pool_->With([&](PgConnection* connection) {
    const size_t table = static_cast<size_t>(TableOf(key));
    auto row = connection->Run(kRows[table], PgParams().BytesArray(std::vector<std::string>{key}));
    if (!row.ok()) return std::move(row).status();
    if (row->size() == 0 || row->IsNull(0, 2)) return Status::Ok();
    PgParams params;
    params.Bytes(key).Bytes(*FoldRow(key, row->BytesOrNull(0, 1), row->BytesOrNull(0, 2)));
    if (row->IsNull(0, 1)) params.Null();
    else params.Bytes(row->Bytes(0, 1));
    auto folded = connection->Run(kFold[table], params.Bytes(row->Bytes(0, 2)));
    if (!folded.ok()) return std::move(folded).status();
    ++folded_;
    return Status::Ok();
  });
}

}  // namespace notifyd
