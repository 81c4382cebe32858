// Lists, newest or oldest first: over the records, or, where only failed, cancelled and expired ones are asked for, over the index of those; or by
// due times, over the index of those.

#include <algorithm>
#include <limits>

#include "broker/spec.h"
#include "storage/keys.h"
#include "storage/reader.h"
#include "storage/records.h"

namespace notifyd {
namespace {

constexpr size_t kChunk = 32;
// What looking up a record by its id takes, in records that are read on to.
constexpr size_t kLookUpCost = 4;

bool HasIndex(State state) {
  return state == State::kFailed || state == State::kCancelled || state == State::kExpired;
}

/// All filters but the states.
bool Matches(const NotifyRecord& record, const ListQuery& query) {
  return TakesByEnvelope(query, *record.envelope, record.created_at, record.state.settled_at, IsSettled(record.state.phase)) &&
         TakesByRest(query, record);
}

/// Leaves the payload out, where that is worth it: nobody shows it in a list. Returns how many bytes are gone.
size_t DropPayload(NotifyRecord* record) {
  constexpr size_t kWorthIt = 1024;
  size_t before = record->spec->size();
  if (before < kWorthIt) return 0;
  Result<NotifySpec> spec = DecodeSpec(*record->spec);
  if (!spec.ok() || spec->payload.empty()) return 0;
  spec->payload.clear();
  record->spec = std::make_shared<const std::string>(EncodeSpec(*spec));
  return before - record->spec->size();
}

/// The least key that is greater than `key`.
std::string Behind(std::string key) {
  key.push_back('\0');
  return key;
}

}  // namespace

class Lister {
 public:
  Lister(const Reader& reader, const ListEffect& list) : reader_(reader), list_(list), moment_(reader.kv_->Now(KvFor::kScans)) {
    const auto& states = list.query.states;
    by_index_ = !states.empty() && std::all_of(states.begin(), states.end(), HasIndex);
    const ListQuery& query = list.query;
    filters_ = !states.empty() || query.lane || query.mode || query.caller || query.fkey || query.fkey_prefix || query.host || query.service ||
               query.topic || query.subscription || query.schedule || query.event.value != 0 || query.group.value != 0 || !query.labels.empty() ||
               query.created_after || query.created_before || query.settled_after || query.settled_before;
  }

  ListDone Run() {
    Status status = list_.query.by_due ? WalkDue() : by_index_ ? WalkIndexes() : WalkRecords();
    std::vector<LoadedNotify*> notifies;
    for (LoadedNotify& item : done_.items) notifies.push_back(&item);
    if (status.ok()) status = reader_.FindTails(*moment_, notifies);
    if (!status.ok()) done_ = {};
    done_.request = list_.request;
    done_.status = std::move(status);
    return std::move(done_);
  }

 private:
  /// Counts `id` as looked at, at so many times what reading on takes. False: the page ends before it.
  bool Begin(NotifyId id, size_t cost = 1) {
    size_t most = list_.query.show_bytes > 0 ? list_.query.show_bytes : kPageBytes;
    if (examined_ < std::max(kListExamined, list_.query.limit * cost) && examined_bytes_ < kListBytes && taken_bytes_ < most &&
        done_.items.size() < list_.query.limit) {
      examined_ += cost;
      last_ = id;
      return true;
    }
    done_.next = last_;
    return false;
  }

  Status Take(std::shared_ptr<NotifyRecord> record, size_t bytes) {
    if (!record || !Matches(*record, list_.query)) return Status::Ok();
    Takes takes = TakesByState(list_, record->state);
    if (takes == Takes::kNo) return Status::Ok();
    LoadedNotify item{std::move(record), false, bytes};
    if (takes == Takes::kWhereInTail) {
      if (Status status = reader_.FindTails(*moment_, {&item}); !status.ok() || !item.in_tail) return status;
    }
    item.record->attempts.clear();
    if (list_.query.show_bytes > 0) bytes -= std::min(bytes, DropPayload(item.record.get()));
    taken_bytes_ += bytes;
    done_.items.push_back(std::move(item));
    return Status::Ok();
  }

  /// Is it certainly not asked for? A look at its beginning says so for a fifth of what decoding it takes. What does not read is for the decoder
  /// to find.
  bool IsOther(std::string_view value) const {
    if (!filters_ || !IsSound(value)) return false;
    std::optional<NotifyBeginning> beginning = PeekBeginning(value);
    return beginning &&
           (TakesByState(list_, beginning->state) == Takes::kNo || !TakesByEnvelope(list_.query, beginning->envelope, beginning->created_at,
                                                                                    beginning->state.settled_at, IsSettled(beginning->state.phase)));
  }

  Status WalkRecords() {
    std::string kind(1, static_cast<char>(KeyKind::kNotify));
    const ListQuery& query = list_.query;
    const KeySpace& space = reader_.space_;
    auto it = moment_->Walk(space.In(query.above.value == 0 ? kind : Behind(EncodeNotifyKey(query.above))),
                            space.In(query.below.value == 0 ? PrefixEnd(kind) : EncodeNotifyKey(query.below)),
                            {.forward = query.oldest_first, .expected = query.limit});
    for (; it->Valid(); it->Next()) {
      std::optional<NotifyId> id = DecodeNotifyKey(space.Bare(it->key()));
      if (!id) return BadKey(it->key());
      if (!Begin(*id)) break;
      std::string_view value = it->value();
      examined_bytes_ += value.size();
      if (IsOther(value)) continue;
      auto record = reader_.DecodeRecord(*id, value);
      if (!record.ok()) return std::move(record).status();
      if (Status status = Take(std::move(*record), value.size()); !status.ok()) return status;
    }
    return it->status();
  }

  /// One walk a phase, always going on with the one whose id comes first.
  Status WalkIndexes() {
    std::vector<std::unique_ptr<KvCursor>> indexes;
    const ListQuery& query = list_.query;
    for (Phase phase : {Phase::kFailed, Phase::kCancelled, Phase::kExpired}) {
      if (std::find(query.states.begin(), query.states.end(), static_cast<State>(phase)) == query.states.end()) continue;
      Phase next = static_cast<Phase>(static_cast<uint8_t>(phase) + 1);
      std::string from = EncodeSettledKey(phase, query.above);
      if (query.above.value != 0) from = Behind(std::move(from));
      std::string to = EncodeSettledKey(query.below.value == 0 ? next : phase, query.below);
      const KeySpace& space = reader_.space_;
      indexes.push_back(moment_->Walk(space.In(std::move(from)), space.In(std::move(to)), {.forward = query.oldest_first, .values = false}));
    }
    std::vector<NotifyId> ids;
    do {
      ids.clear();
      if (Status status = NextIds(&indexes, &ids); !status.ok()) return status;
      if (Status status = TakeAll(ids); !status.ok()) return status;
    } while (!ids.empty() && done_.next.value == 0);
    return Status::Ok();
  }

  Status NextIds(std::vector<std::unique_ptr<KvCursor>>* indexes, std::vector<NotifyId>* ids) {
    while (ids->size() < kChunk) {
      KvCursor* first = nullptr;
      NotifyId first_id;
      for (auto& it : *indexes) {
        if (!it->Valid()) {
          if (Status status = it->status(); !status.ok()) return status;
          continue;
        }
        std::optional<NotifyId> id = DecodeSettledKey(reader_.space_.Bare(it->key()));
        if (!id) return BadKey(it->key());
        if (!first || (list_.query.oldest_first ? *id < first_id : *id > first_id)) first = it.get(), first_id = *id;
      }
      if (!first) break;
      // One that failed, was sent again and expired may have left its older entry to retention.
      if (ids->empty() || ids->back() != first_id) ids->push_back(first_id);
      first->Next();
    }
    return Status::Ok();
  }

  /// Soonest first, a chunk of records at a time.
  Status WalkDue() {
    const std::optional<DueKey>& after = list_.query.due_after;
    const KeySpace& space = reader_.space_;
    std::string from = after ? Behind(EncodeDueKey(Clock::kWall, *after)) : EncodeDueBound(Clock::kWall, std::numeric_limits<int64_t>::min());
    auto it = moment_->Walk(space.In(std::move(from)), space.In(EncodeDueBound(Clock::kWall, std::numeric_limits<int64_t>::max())),
                            {.values = false, .expected = list_.query.limit});
    DueKey last;
    while (it->Valid()) {
      std::vector<DueKey> keys;
      for (; it->Valid() && keys.size() < kChunk; it->Next()) {
        const std::optional<DueKey> key = DecodeDueKey(space.Bare(it->key()));
        if (!key) return BadKey(it->key());
        keys.push_back(*key);
      }
      if (Status status = TakeDue(keys, &last); !status.ok() || done_.next_due) return status;
    }
    return it->status();
  }

  Status TakeDue(const std::vector<DueKey>& keys, DueKey* last) {
    std::vector<NotifyId> ids;
    for (const DueKey& key : keys) ids.push_back(key.id);
    std::vector<Reader::Found> found;
    size_t bytes = 0;
    NOTIFYD_TRY(reader_.FindAll(*moment_, ids, &found, &bytes));
    for (size_t i = 0; i < keys.size(); ++i) {
      if (!Begin(ids[i], kLookUpCost)) {
        done_.next = {};
        done_.next_due = *last;
        return Status::Ok();
      }
      *last = keys[i];
      NOTIFYD_TRY(Take(std::move(found[i].record), bytes / ids.size()));
    }
    examined_bytes_ += bytes;
    return Status::Ok();
  }

  Status TakeAll(const std::vector<NotifyId>& ids) {
    std::vector<Reader::Found> found;
    size_t bytes = 0;
    if (Status status = reader_.FindAll(*moment_, ids, &found, &bytes); !status.ok()) return status;
    for (size_t i = 0; i < ids.size(); ++i) {
      if (!Begin(ids[i], kLookUpCost)) return Status::Ok();
      if (Status status = Take(std::move(found[i].record), bytes / ids.size()); !status.ok()) return status;
    }
    examined_bytes_ += bytes;
    return Status::Ok();
  }

  const Reader& reader_;
  const ListEffect& list_;
  const std::unique_ptr<KvMoment> moment_;
  bool by_index_ = false, filters_ = false;
  ListDone done_;
  size_t examined_ = 0, examined_bytes_ = 0, taken_bytes_ = 0;
  NotifyId last_;
};

ListDone Reader::List(const ListEffect& list) const {
  return Lister(*this, list).Run();
}

}  // namespace notifyd
