// PgCell: a cell of a store in PostgreSQL (storage/postgres/pg_cells.h), which may not be reached, from the start on or for a while.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "broker/namespace.h"
#include "storage/options.h"
#include "storage/postgres/pg_store.h"

namespace notifyd {

/// In which cell each namespace lies. Any thread.
class PgCellTable {
 public:
  static constexpr uint8_t kHome = 0, kUnnamed = 255;
  explicit PgCellTable(const std::map<std::string, std::string>& cells) {
    for (const auto& [name, dsn] : cells) names_.push_back(name);
  }
  /// False: in one that the settings do not name.
  bool Put(const NamespaceRow& row) {
    const auto found = row.settings.cell ? std::find(names_.begin(), names_.end(), *row.settings.cell) : names_.end();
    const bool named = !row.settings.cell || found != names_.end();
    if (!named) {
      std::lock_guard lock(mutex_);
      unnamed_[row.number] = *row.settings.cell;
    }
    places_[row.number] = !row.settings.cell ? kHome : named ? static_cast<uint8_t>(found - names_.begin() + 1) : kUnnamed;
    return named;
  }
  uint8_t PlaceOf(NamespaceNumber number) const { return number < places_.size() ? places_[number].load() : kHome; }
  /// Empty: the home cell.
  std::string NameOf(NamespaceNumber number) const {
    const uint8_t place = PlaceOf(number);
    if (place == kHome) return std::string();
    if (place != kUnnamed) return names_[place - 1u];
    std::lock_guard lock(mutex_);
    return unnamed_.at(number);
  }

 private:
  std::vector<std::string> names_;
  mutable std::mutex mutex_;
  std::map<NamespaceNumber, std::string> unnamed_;  // as their rows said last
  std::array<std::atomic<uint8_t>, size_t{kMostNumber} + 1> places_ = {};
};

class PgCell {
 public:
  /// `home` is borrowed. `options` with the cell's DSN and name.
  PgCell(StoreOptions options, PgStore* home);
  /// One that is never reached.
  PgCell() = default;

  const std::string& name() const { return options_.postgres.cell; }
  /// Not of one that is never reached.
  PgStore& store() const { return *store_; }
  void Start(StoreEvents* events) { store_->Start(events); }
  /// Looks whether it is the one that the store knows, and to be used; makes it where it is a new one. Once that went well nothing is asked. Errors:
  /// as PgStore::Open's.
  Status Prepare();
  /// Errors: kUnavailable, within some seconds: it is not reached, or not to be used for now.
  Result<OpenedNamespace> OpenNamespace(NamespaceNumber number, EventSink* sink);
  void RemoveEnded(bool removes);
  /// Where it was not reached when it was asked last: asks again. Else whether its server may still be used. Blocks, as OpenNamespace.
  void LookAgain();
  /// It was not reached when it was asked last. Any thread, never blocks.
  bool lost() const;

 private:
  Status PrepareNow();
  void CheckFit();

  StoreOptions options_;
  PgStore* home_ = nullptr;
  std::unique_ptr<PgStore> store_;
  std::mutex preparing_;
  std::atomic<bool> prepared_ = false, removes_ = false, down_ = false, unfit_ = false;
  std::timed_mutex opening_;                                       // one at a time: a cell that hangs holds up no more than one thread
  std::atomic<int64_t> down_until_ms_ = 0, opening_since_ms_ = 0;  // by CLOCK_BOOTTIME
  std::string said_;                                               // why it is not to be used. Under `preparing_`
};

}  // namespace notifyd
