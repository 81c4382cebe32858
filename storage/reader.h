// Reader: answers a namespace's loads, pages, reads, lists and lists of lanes from the store. Any thread, each call for itself; blocks.
//
// I1 an answer is of one moment: index keys and the records that they name are read at one moment.
// I2 what retention ended is as if it were not there, whether compaction has removed it or not.
// I3 an index key without its record, and a value that does not decode, are kCorrupt: nothing is left out in silence.
// I4 work and memory of one call are bounded: a page or list ends early, and says so, where its records are large.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "broker/effects.h"
#include "storage/keys.h"
#include "storage/ordered_kv.h"
#include "storage/retention.h"
#include "storage/sealing.h"

namespace notifyd {

class Reader {
 public:
  /// `kv`, `retention` and `sealing` are borrowed. `wall_ms`: any thread.
  Reader(const OrderedKv* kv, KeySpace space, const RetentionTable* retention, const Sealing* sealing, std::function<int64_t()> wall_ms)
      : kv_(kv), space_(std::move(space)), retention_(retention), sealing_(sealing), wall_ms_(std::move(wall_ms)) {}

  Loaded Load(const LoadEffect& load) const;
  PageLoaded LoadPage(const PageEffect& page) const;
  ReadDone Read(const ReadEffect& read) const;
  /// storage/list.cc
  ListDone List(const ListEffect& list) const;
  /// storage/lanes.cc
  LanesDone ListLanes(const LanesEffect& lanes) const;

 private:
  friend class Lister;
  friend class LaneLister;
  friend class Upgrader;

  /// A record as it is in the store: null where there is none or retention hides it. `stored`: there is a value, hidden or not.
  struct Found {
    std::shared_ptr<NotifyRecord> record;
    bool stored = false;
  };
  /// `bytes` grows by the size of what was read.
  Status FindAll(const KvReads& reads, const std::vector<NotifyId>& ids, std::vector<Found>* found, size_t* bytes) const;
  /// Nothing where the value is an orphan, or retention hides it and `even_over` does not say otherwise.
  Result<std::shared_ptr<NotifyRecord>> DecodeRecord(NotifyId id, std::string_view value, bool even_over = false) const;
  /// Likewise, without the spec and the attempts.
  Result<std::shared_ptr<NotifyRecord>> DecodeBeginning(NotifyId id, std::string_view value) const;
  /// Puts the payloads of their events into the specs of those that are written without (NotifySpec::payload_of_event); null ones are passed over.
  /// storage/event_payloads.cc
  Status FillPayloads(const KvReads& reads, const std::vector<NotifyRecord*>& records, size_t* bytes) const;
  /// Likewise, but leaves these payloads out: what is written without its own has no spec then, and that as NotifyRecord::bare.
  Status LeavePayloads(const KvReads& reads, const std::vector<NotifyRecord*>& records) const;
  /// Gives rows of kTopicEvent the events that they name, without their payloads. `bytes` grows by what these take, `examined_bytes` by what was
  /// read. storage/event_payloads.cc
  Status BringEvents(const KvReads& reads, std::span<RecordRow> rows, size_t* bytes, size_t* examined_bytes) const;
  /// Sets in_tail of the pending ones.
  Status FindTails(const KvReads& reads, const std::vector<LoadedNotify*>& notifies) const;
  Status LoadValues(const KvReads& reads, const LoadEffect& load, std::vector<LoadedValue>* values) const;
  template <class Key, class Keep>
  Status WalkIndex(const KvMoment& moment, const PageEffect& page, std::string from, std::string to,
                   const std::function<std::optional<Key>(std::string_view)>& decode, Keep keep, bool* more) const;
  Status PageInto(const KvMoment& moment, const PageEffect& page, PageLoaded* out) const;
  Status PageOf(const KvMoment& moment, const PageEffect& page, const DuePage& due, PageLoaded* out) const;
  Status PageOf(const KvMoment& moment, const PageEffect& page, const ExpiryPage& expiry, PageLoaded* out) const;
  Status PageOf(const KvMoment& moment, const PageEffect& page, const TailPage& tail, PageLoaded* out) const;
  Status PageOf(const KvMoment& moment, const PageEffect& page, const TailCountPage& tail, PageLoaded* out) const;
  Status PageOf(const KvMoment& moment, const PageEffect& page, const SleepersPage& sleepers, PageLoaded* out) const;
  Status PageOf(const KvMoment& moment, const PageEffect& page, const SleeperHostsPage& hosts, PageLoaded* out) const;
  Status PageOf(const KvMoment& moment, const PageEffect& page, const RecordsPage& records, PageLoaded* out) const;

  const OrderedKv* const kv_;
  const KeySpace space_;
  const RetentionTable* const retention_;
  const Sealing* const sealing_;
  const std::function<int64_t()> wall_ms_;
};

// Shared by the files that implement it.
/// kCorrupt, with the key in hex.
Status BadKey(std::string_view key);

/// What one page or list takes from records before it ends early.
inline constexpr size_t kPageBytes = 8 << 20;
/// What one list page looks at, at most: records (or lanes), and bytes of them. Some ten milliseconds; a page that may be longer than that looks at
/// as many as it may have.
inline constexpr size_t kListExamined = 4'000;
inline constexpr size_t kListBytes = 16 << 20;

}  // namespace notifyd
