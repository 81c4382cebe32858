// Rekeyer: seals the whole store anew, by the first key of the file, while the broker runs (contract section 9). A thread of its own, at most one
// rekey at a time.
//
// All that is written from its beginning on is sealed by the new key; then everything is compacted, which rewrites what is not
// (storage/store_options.cc), and read through, as often as something old is left. Only then are the starts of older keys removed, with which the
// keys are not needed any more. One that is cut short, by a stop or a crash, has done no harm and is begun again.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "base/status.h"
#include "storage/committer.h"
#include "storage/database.h"
#include "storage/rekey_state.h"
#include "storage/sealing.h"
#include "storage/sweeper.h"

namespace notifyd {

class Rekeyer {
 public:
  /// All borrowed. `key_file`: is read anew by each rekey.
  Rekeyer(const Database* database, Sweeper* sweeper, Committer* committer, Sealing* sealing, std::string key_file)
      : database_(*database), sweeper_(sweeper), committer_(committer), sealing_(sealing), key_file_(std::move(key_file)) {}
  ~Rekeyer() { Stop(); }

  /// Begins one where none is under way; one by the same key, the first of the file, goes on. Errors: kUnacceptable: the store does not seal, or the
  /// file and the store do not fit; kConflict: one by another key is under way.
  Status Begin();
  RekeyState State() const;
  /// Ends what is under way, and joins; nothing is begun any more.
  void Stop();

 private:
  void Run(const SealKeys& keys);
  Status SealAll(const SealKeys& keys);
  /// Waits until it is in use.
  Status Use(Sealing::Renewal renewal);
  Status Compact();
  /// Counts what is not sealed by the present key. Error: kCorrupt where something does not open, which is named.
  Status Look(uint64_t* left);

  const Database& database_;
  Sweeper* const sweeper_;
  Committer* const committer_;
  Sealing* const sealing_;
  const std::string key_file_;

  std::mutex begin_mutex_;  // of whoever begins or stops
  uint32_t sealed_by_ = 0;  // SealKeys::NameOf the key by which the last one seals, or sealed; under begin_mutex_
  std::thread thread_;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  RekeyState state_;
};

}  // namespace notifyd
