// Lists, newest first: over the records, or, where only failed, cancelled and expired ones are asked for, over the index of those.

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/snapshot.h>

#include <algorithm>

#include "storage/keys.h"
#include "storage/reader.h"
#include "storage/records.h"
#include "storage/store_options.h"

namespace notifyd {
namespace {

constexpr size_t kChunk = 32;

std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

/// The state that users see, as far as the store knows: what is in flight is ready here, and the core sorts it out.
State StateOf(const NotifyState& state, const Now& now) {
  switch (state.phase) {
    case Phase::kHeld:
      return state.due > now.wall ? State::kHeld : State::kReady;
    case Phase::kWaiting:
      return state.due > now.wall ? State::kScheduled : State::kReady;
    case Phase::kRetrying:
      return state.retry_at > now.mono ? State::kRetrying : State::kReady;
    default:
      return static_cast<State>(state.phase);  // the settled ones have the same number in both
  }
}

bool HasIndex(State state) { return state == State::kFailed || state == State::kCancelled || state == State::kExpired; }

bool Matches(const NotifyRecord& record, const ListQuery& query, const Now& now) {
  if (query.lane && record.head->lane.name != *query.lane) return false;
  if (query.mode && record.head->lane.mode != *query.mode) return false;
  if (query.caller && record.head->caller != *query.caller) return false;
  if (query.created_after && record.created_at < *query.created_after) return false;
  if (query.created_before && record.created_at >= *query.created_before) return false;
  if (query.states.empty()) return true;
  State state = StateOf(record.state, now);
  return std::any_of(query.states.begin(), query.states.end(),
                     [&](State wanted) { return wanted == state || (wanted == State::kSending && state == State::kReady); });
}

/// A range of keys, walked from its end.
class Backwards {
 public:
  Backwards(rocksdb::DB* db, rocksdb::ReadOptions how, std::string from, std::string to)
      : from_(std::move(from)), to_(std::move(to)), lower_(from_), upper_(to_) {
    how.iterate_lower_bound = &lower_;
    how.iterate_upper_bound = &upper_;
    it_.reset(db->NewIterator(how));
    it_->SeekToLast();
  }
  Backwards(const Backwards&) = delete;
  Backwards& operator=(const Backwards&) = delete;
  rocksdb::Iterator* operator->() { return it_.get(); }

 private:
  std::string from_, to_;
  rocksdb::Slice lower_, upper_;  // into them: RocksDB borrows the bounds
  std::unique_ptr<rocksdb::Iterator> it_;
};

}  // namespace

class Lister {
 public:
  Lister(const Reader& reader, const ListEffect& list) : reader_(reader), list_(list), snapshot_(reader.db_) {
    how_.snapshot = snapshot_.snapshot();
    how_.fill_cache = false;  // a scan must not drive out what loads need
    const auto& states = list.query.states;
    by_index_ = !states.empty() && std::all_of(states.begin(), states.end(), HasIndex);
  }

  ListDone Run() {
    Status status = by_index_ ? WalkIndexes() : WalkRecords();
    std::vector<LoadedNotify*> notifies;
    for (LoadedNotify& item : done_.items) notifies.push_back(&item);
    if (status.ok()) status = reader_.FindTails(how_, notifies);
    if (!status.ok()) done_ = {};
    done_.request = list_.request;
    done_.status = std::move(status);
    return std::move(done_);
  }

 private:
  /// Counts `id` as looked at. False: the page ends before it.
  bool Begin(NotifyId id) {
    if (examined_ < kListExamined && examined_bytes_ < kListBytes && taken_bytes_ < kPageBytes && done_.items.size() < list_.query.limit) {
      ++examined_;
      last_ = id;
      return true;
    }
    done_.next = last_;
    return false;
  }

  void Take(std::shared_ptr<NotifyRecord> record, size_t bytes) {
    if (!record || !Matches(*record, list_.query, list_.now)) return;
    record->attempts.clear();
    taken_bytes_ += bytes;
    done_.items.push_back({std::move(record), false});
  }

  Status WalkRecords() {
    std::string kind(1, static_cast<char>(KeyKind::kNotify));
    NotifyId below = list_.query.below;
    Backwards it(reader_.db_, how_, kind, below.value == 0 ? PrefixEnd(kind) : EncodeNotifyKey(below));
    for (; it->Valid(); it->Prev()) {
      std::optional<NotifyId> id = DecodeNotifyKey(View(it->key()));
      if (!id) return Status(Code::kCorrupt, "a key of the store is damaged: " + it->key().ToString(true));
      if (!Begin(*id)) break;
      std::string_view value = View(it->value());
      examined_bytes_ += value.size();
      auto record = reader_.DecodeRecord(*id, value);
      if (!record.ok()) return std::move(record).status();
      Take(std::move(*record), value.size());
    }
    return TranslateStatus(it->status(), "cannot read the store");
  }

  /// One iterator a phase, always going on with the one whose id is the newest.
  Status WalkIndexes() {
    std::vector<std::unique_ptr<Backwards>> indexes;
    NotifyId below = list_.query.below;
    for (Phase phase : {Phase::kFailed, Phase::kCancelled, Phase::kExpired}) {
      const auto& states = list_.query.states;
      if (std::find(states.begin(), states.end(), static_cast<State>(phase)) == states.end()) continue;
      Phase next = static_cast<Phase>(static_cast<uint8_t>(phase) + 1);
      std::string end = EncodeSettledKey(below.value == 0 ? next : phase, below);
      indexes.push_back(std::make_unique<Backwards>(reader_.db_, how_, EncodeSettledKey(phase, {}), std::move(end)));
    }
    std::vector<NotifyId> ids;
    do {
      ids.clear();
      if (Status status = NextIds(&indexes, &ids); !status.ok()) return status;
      if (Status status = TakeAll(ids); !status.ok()) return status;
    } while (!ids.empty() && done_.next.value == 0);
    return Status::Ok();
  }

  Status NextIds(std::vector<std::unique_ptr<Backwards>>* indexes, std::vector<NotifyId>* ids) {
    while (ids->size() < kChunk) {
      Backwards* newest = nullptr;
      NotifyId newest_id;
      for (auto& index : *indexes) {
        Backwards& it = *index;
        if (!it->status().ok()) return TranslateStatus(it->status(), "cannot read the store");
        if (!it->Valid()) continue;
        std::optional<NotifyId> id = DecodeSettledKey(View(it->key()));
        if (!id) return Status(Code::kCorrupt, "a key of the store is damaged: " + it->key().ToString(true));
        if (*id > newest_id) newest = &it, newest_id = *id;
      }
      if (!newest) break;
      // One that failed, was sent again and expired may have left its older entry to retention.
      if (ids->empty() || ids->back() != newest_id) ids->push_back(newest_id);
      (*newest)->Prev();
    }
    return Status::Ok();
  }

  Status TakeAll(const std::vector<NotifyId>& ids) {
    std::vector<Reader::Found> found;
    size_t bytes = 0;
    if (Status status = reader_.FindAll(how_, ids, &found, &bytes); !status.ok()) return status;
    for (size_t i = 0; i < ids.size(); ++i) {
      if (!Begin(ids[i])) return Status::Ok();
      Take(std::move(found[i].record), bytes / ids.size());
    }
    examined_bytes_ += bytes;
    return Status::Ok();
  }

  const Reader& reader_;
  const ListEffect& list_;
  rocksdb::ManagedSnapshot snapshot_;
  rocksdb::ReadOptions how_;
  bool by_index_ = false;
  ListDone done_;
  size_t examined_ = 0, examined_bytes_ = 0, taken_bytes_ = 0;
  NotifyId last_;
};

ListDone Reader::List(const ListEffect& list) const { return Lister(*this, list).Run(); }

}  // namespace notifyd
