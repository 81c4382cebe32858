#include "storage/reader.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/hex.h"
#include "broker/spec.h"
#include "storage/keys.h"
#include "storage/records.h"
#include "storage/sealed_records.h"
#include "storage/switches_record.h"

namespace notifyd {
namespace {

// Index keys whose records are read at once.
constexpr size_t kSlotsAtOnce = 32;
// Events that are read at once to be listed: each may have a payload as large as any.
constexpr size_t kEventsAtOnce = 8;

OrderKey OrderKeyOf(const NotifyRecord& record) {
  uint8_t rank = record.envelope->lane.mode == Mode::kFifo ? 0 : static_cast<uint8_t>(9 - record.envelope->priority);
  return {rank, record.state.due, record.id};
}

/// Puts `decode`'s record into `out` unless it is over or an orphan.
template <class Record, class Decode>
Status TakeUntil(std::string_view value, int64_t now_ms, Decode decode, LoadedValue* out) {
  if (IsOrphan(value)) return Status::Ok();
  auto record = decode(value);
  if (!record.ok()) return std::move(record).status();
  if (!IsOver(record->expires_at, now_ms)) *out = std::optional<Record>(std::move(*record));
  return Status::Ok();
}

}  // namespace

Status BadKey(std::string_view key) {
  return Status(Code::kCorrupt, "a key of the store is damaged: " + HexOf(key));
}

Result<std::shared_ptr<NotifyRecord>> Reader::DecodeRecord(NotifyId id, std::string_view value, bool even_over) const {
  if (IsOrphan(value)) return std::shared_ptr<NotifyRecord>();
  auto record = DecodeNotify(id, value);
  if (!record.ok()) return Status(Code::kCorrupt, record.status().detail() + ": " + id.ToString());
  if (!even_over && IsSettled((*record)->state.phase) && IsOver((*record)->state, retention_->Of(space_.number()), wall_ms_()))
    return std::shared_ptr<NotifyRecord>();
  NOTIFYD_TRY(OpenNotify(*sealing_, record->get()));
  return record;
}

Result<std::shared_ptr<NotifyRecord>> Reader::DecodeBeginning(NotifyId id, std::string_view value) const {
  if (IsOrphan(value)) return std::shared_ptr<NotifyRecord>();
  std::optional<NotifyBeginning> beginning;
  if (IsSound(value)) beginning = PeekBeginning(value);
  if (!beginning) return DecodeRecord(id, value);  // the decoder says what is wrong with it
  if (IsSettled(beginning->state.phase) && IsOver(beginning->state, retention_->Of(space_.number()), wall_ms_()))
    return std::shared_ptr<NotifyRecord>();
  auto record = std::make_shared<NotifyRecord>();
  record->id = id;
  record->created_at = beginning->created_at;
  record->state = std::move(beginning->state);
  record->envelope = std::make_shared<const Envelope>(std::move(beginning->envelope));
  NOTIFYD_TRY(OpenNotify(*sealing_, record.get()));
  return record;
}

Status Reader::FindAll(const KvReads& reads, const std::vector<NotifyId>& ids, std::vector<Found>* found, size_t* bytes) const {
  std::vector<std::string> keys;
  keys.reserve(ids.size());
  for (NotifyId id : ids) keys.push_back(space_.In(EncodeNotifyKey(id)));
  found->assign(ids.size(), {});
  return reads.GetAll(keys, [&](size_t i, std::string_view value) {
    auto record = DecodeRecord(ids[i], value);
    if (!record.ok()) return std::move(record).status();
    (*found)[i] = {std::move(*record), true};
    *bytes += value.size();
    return Status::Ok();
  });
}

Status Reader::FindTails(const KvReads& reads, const std::vector<LoadedNotify*>& notifies) const {
  std::vector<std::string> keys;
  std::vector<LoadedNotify*> asked;
  for (LoadedNotify* notify : notifies) {
    if (!notify->record || IsSettled(notify->record->state.phase)) continue;
    if (notify->record->state.phase == Phase::kHeld && notify->record->state.due == kWallNever) continue;  // in no index
    keys.push_back(space_.In(EncodeTailKey(notify->record->envelope->lane, OrderKeyOf(*notify->record))));
    asked.push_back(notify);
  }
  return reads.GetAll(keys, [&](size_t i, std::string_view) {
    asked[i]->in_tail = true;
    return Status::Ok();
  });
}

// ---- Load and Read

namespace {

/// One key of the store that a load asks for: its value goes to `(*values)[at]`.
struct Wanted {
  std::string key;
  size_t at;
  bool settings = false;  // a lane's settings, not its record
};

/// Null where it asks for something else.
const std::string* FkeyOf(const LoadKey& key) {
  const auto* with_data = std::get_if<RememberedKey>(&key);
  return with_data ? &with_data->fkey : std::get_if<std::string>(&key);
}

/// Of which notify it asks for a part; nothing where it asks for something else.
std::optional<NotifyId> PartOf(const LoadKey& key) {
  if (const auto* beginning = std::get_if<BeginningKey>(&key)) return beginning->id;
  if (const auto* stored = std::get_if<StoredKey>(&key)) return stored->id;
  if (const auto* end = std::get_if<EndKey>(&key)) return end->id;
  return std::nullopt;
}

/// Leaves of a record what an EndKey asks for.
void KeepEnd(NotifyRecord* record) {
  if (record->attempts.size() > 1) record->attempts.erase(record->attempts.begin(), record->attempts.end() - 1);
  record->attempts.shrink_to_fit();
  record->bare = std::make_shared<const std::string>(SpecWithoutPayload(*record->spec));
  record->spec = nullptr;
}

/// The keys, with values that hold nothing yet in the order of the load.
std::vector<Wanted> KeysOf(const LoadEffect& load, std::vector<LoadedValue>* values) {
  std::vector<Wanted> wanted;
  wanted.reserve(load.keys.size());
  for (const LoadKey& key : load.keys) {
    size_t at = values->size();
    if (const auto* id = std::get_if<NotifyId>(&key)) {
      wanted.push_back({EncodeNotifyKey(*id), at});
      values->emplace_back(std::in_place_type<LoadedNotify>);
    } else if (const std::optional<NotifyId> part = PartOf(key)) {
      wanted.push_back({EncodeNotifyKey(*part), at});
      values->emplace_back(std::in_place_type<LoadedNotify>);
    } else if (const std::string* fkey = FkeyOf(key)) {
      wanted.push_back({EncodeFkeyKey(*fkey), at});
      values->emplace_back(std::in_place_type<std::optional<FkeyRecord>>);
    } else if (const auto* idempotency = std::get_if<IdempotencyKey>(&key)) {
      wanted.push_back({EncodeIdempotencyKey(*idempotency), at});
      values->emplace_back(std::in_place_type<std::optional<IdempotencyRecord>>);
    } else if (std::holds_alternative<SwitchesKey>(key)) {
      wanted.push_back({EncodeMetaKey(kSwitchesName), at});
      values->emplace_back(std::in_place_type<std::shared_ptr<const Switches>>);
    } else if (const auto* record = std::get_if<RecordKey>(&key)) {
      wanted.push_back({EncodeRecordKey(record->kind, record->key), at});
      values->emplace_back(std::in_place_type<std::optional<StoredRecord>>);
    } else {
      const LaneKey& lane = std::get<LaneKey>(key);
      wanted.push_back({EncodeLaneKey(lane), at});
      wanted.push_back({EncodeNamedLaneKey(KeyKind::kLaneSettings, lane), at, true});
      values->emplace_back(std::in_place_type<LoadedLane>);
    }
  }
  return wanted;
}

template <class T>
Status Keep(Result<T> decoded, std::optional<T>* out) {
  if (!decoded.ok()) return std::move(decoded).status();
  *out = std::move(*decoded);
  return Status::Ok();
}

}  // namespace

Status Reader::LoadValues(const KvReads& reads, const LoadEffect& load, std::vector<LoadedValue>* values) const {
  std::vector<Wanted> wanted = KeysOf(load, values);
  std::vector<std::string> keys;
  keys.reserve(wanted.size());
  for (Wanted& one : wanted) keys.push_back(space_.In(std::move(one.key)));
  int64_t now_ms = wall_ms_();
  std::vector<LoadedNotify*> notifies;
  std::vector<NotifyRecord*> whole, stored;
  Status status = reads.GetAll(keys, [&](size_t i, std::string_view value) {
    LoadedValue* out = &(*values)[wanted[i].at];
    const LoadKey& key = load.keys[wanted[i].at];
    if (auto* notify = std::get_if<LoadedNotify>(out)) {
      const auto* beginning = std::get_if<BeginningKey>(&key);
      const std::optional<NotifyId> part = PartOf(key);
      auto record = beginning ? DecodeBeginning(beginning->id, value) : DecodeRecord(part ? *part : std::get<NotifyId>(key), value);
      if (!record.ok()) return std::move(record).status();
      notify->record = std::move(*record);
      notifies.push_back(notify);
      if (notify->record && std::holds_alternative<EndKey>(key)) KeepEnd(notify->record.get());
      else if (notify->record && std::holds_alternative<StoredKey>(key)) stored.push_back(notify->record.get());
      else if (notify->record && notify->record->spec) whole.push_back(notify->record.get());
      return Status::Ok();
    }
    if (const std::string* fkey = FkeyOf(key)) {
      NOTIFYD_TRY(TakeUntil<FkeyRecord>(
          value, now_ms, [&](std::string_view in) { return DecodeSealedFkey(*sealing_, space_.number(), *fkey, in); }, out));
      auto& record = std::get<std::optional<FkeyRecord>>(*out);
      if (record && std::holds_alternative<std::string>(key)) LeaveOutData(&*record);
      return Status::Ok();
    }
    if (std::holds_alternative<IdempotencyKey>(key))
      return TakeUntil<IdempotencyRecord>(
          value, now_ms, [&](std::string_view in) { return DecodeSealedIdempotency(*sealing_, in); }, out);
    if (const auto* record = std::get_if<RecordKey>(&key))
      return TakeUntil<StoredRecord>(
          value, now_ms, [&](std::string_view in) { return DecodeSealedRecord(*sealing_, space_.number(), record->kind, record->key, in); }, out);
    if (auto* switches = std::get_if<std::shared_ptr<const Switches>>(out)) {
      auto decoded = DecodeSwitches(value);
      if (!decoded.ok()) return std::move(decoded).status();
      *switches = std::move(*decoded);
      return Status::Ok();
    }
    auto& lane = std::get<LoadedLane>(*out);
    return wanted[i].settings ? Keep(DecodeLaneSettings(value), &lane.settings) : Keep(DecodeLane(value), &lane.record);
  });
  if (!status.ok()) return status;
  size_t bytes = 0;
  status = FillPayloads(reads, whole, &bytes);
  if (status.ok()) status = LeavePayloads(reads, stored);
  return status.ok() ? FindTails(reads, notifies) : status;
}

Loaded Reader::Load(const LoadEffect& load) const {
  Loaded loaded;
  loaded.ticket = load.ticket;
  // A record and its tail key, a lane's record and its settings must be of one moment; what most submits ask for is spared it.
  bool moment = std::any_of(load.keys.begin(), load.keys.end(), [](const LoadKey& key) {
    return std::holds_alternative<NotifyId>(key) || PartOf(key) || std::holds_alternative<LaneKey>(key);
  });
  loaded.status = moment ? LoadValues(*kv_->Now(KvFor::kLoads), load, &loaded.values) : LoadValues(*kv_, load, &loaded.values);
  if (!loaded.status.ok()) loaded.values.clear();
  return loaded;
}

ReadDone Reader::Read(const ReadEffect& read) const {
  ReadDone done{read.request, {}, {}};
  const std::unique_ptr<KvMoment> moment = kv_->Now(KvFor::kLoads);
  done.status = moment->GetAll({space_.In(EncodeNotifyKey(read.id))}, [&](size_t, std::string_view value) {
    auto record = DecodeRecord(read.id, value, read.even_over);
    if (!record.ok()) return std::move(record).status();
    done.notify.record = std::move(*record);
    return Status::Ok();
  });
  size_t bytes = 0;
  if (done.status.ok()) done.status = FillPayloads(*moment, {done.notify.record.get()}, &bytes);
  if (done.status.ok()) done.status = FindTails(*moment, {&done.notify});
  if (!done.status.ok()) done.notify = {};
  return done;
}

// ---- LoadPage

/// Follows index keys from `from` up to `to` and calls `keep(key, notify)` for the records that they name.
template <class Key, class Keep>
Status Reader::WalkIndex(const KvMoment& moment, const PageEffect& page, std::string from, std::string to,
                         const std::function<std::optional<Key>(std::string_view)>& decode, Keep keep, bool* more) const {
  auto it = moment.Walk(std::move(from), std::move(to), {.values = false, .expected = page.limit});
  size_t kept = 0, bytes = 0;
  std::vector<Key> keys;
  std::vector<NotifyId> ids;
  std::vector<Found> found;
  std::vector<NotifyRecord*> records;
  while (kept < page.limit && bytes < kPageBytes && it->Valid()) {
    keys.clear();
    ids.clear();
    for (; it->Valid() && keys.size() < std::min(kSlotsAtOnce, page.limit - kept); it->Next()) {
      std::optional<Key> key = decode(space_.Bare(it->key()));
      if (!key) return BadKey(it->key());
      keys.push_back(*key);
      ids.push_back(key->id);
    }
    if (Status status = FindAll(moment, ids, &found, &bytes); !status.ok()) return status;
    records.clear();
    for (const Found& each : found) records.push_back(each.record.get());
    if (Status status = FillPayloads(moment, records, &bytes); !status.ok()) return status;
    for (size_t i = 0; i < keys.size(); ++i) {
      if (!found[i].stored) return Status(Code::kCorrupt, "an index of the store names " + ids[i].ToString() + ", which is not there");
      if (!found[i].record || IsSettled(found[i].record->state.phase)) continue;
      keep(keys[i], std::move(found[i].record));
      ++kept;
    }
  }
  *more = it->Valid();
  return it->status();
}

Status Reader::PageOf(const KvMoment& moment, const PageEffect& page, const DuePage& due, PageLoaded* out) const {
  auto& rows = out->rows.emplace<std::vector<LoadedDue>>();
  return WalkIndex<DueKey>(
      moment, page, space_.In(EncodeDueKey(due.clock, due.from)), space_.In(EncodeDueBound(due.clock, due.to_ms)), DecodeDueKey,
      [&](const DueKey& key, std::shared_ptr<NotifyRecord> record) {
        rows.push_back({key, {std::move(record), false}});
      },
      &out->more);
}

Status Reader::PageOf(const KvMoment& moment, const PageEffect& page, const TailPage& tail, PageLoaded* out) const {
  auto& rows = out->rows.emplace<std::vector<LoadedTail>>();
  return WalkIndex<OrderKey>(
      moment, page, space_.In(EncodeTailKey(tail.lane, tail.from)), space_.In(PrefixEnd(EncodeTailPrefix(tail.lane))),
      [&](std::string_view key) { return DecodeTailKey(key, tail.lane); },
      [&](const OrderKey& key, std::shared_ptr<NotifyRecord> record) {
        rows.push_back({key, {std::move(record), true}});
      },
      &out->more);
}

Status Reader::PageOf(const KvMoment& moment, const PageEffect& page, const ExpiryPage& expiry, PageLoaded* out) const {
  auto& rows = out->rows.emplace<std::vector<DueKey>>();
  auto it =
      moment.Walk(space_.In(EncodeExpiryKey(expiry.from)), space_.In(EncodeExpiryBound(expiry.to_ms)), {.values = false, .expected = page.limit});
  for (; it->Valid() && rows.size() < page.limit; it->Next()) {
    std::optional<DueKey> key = DecodeExpiryKey(space_.Bare(it->key()));
    if (!key) return BadKey(it->key());
    rows.push_back(*key);
  }
  out->more = it->Valid();
  return it->status();
}

/// Keys alone: no record is read.
Status Reader::PageOf(const KvMoment& moment, const PageEffect& page, const TailCountPage& tail, PageLoaded* out) const {
  auto& tally = out->rows.emplace<TailCount>();
  auto it = moment.Walk(space_.In(EncodeTailKey(tail.lane, tail.from)), space_.In(EncodeTailKey(tail.lane, tail.to)),
                        {.values = false, .expected = page.limit});
  for (; it->Valid() && tally.count < page.limit; it->Next()) {
    std::optional<OrderKey> key = DecodeTailKey(space_.Bare(it->key()), tail.lane);
    if (!key) return BadKey(it->key());
    if (tally.count++ == 0) tally.first = key;
  }
  out->more = it->Valid();
  return it->status();
}

Status Reader::PageOf(const KvMoment& moment, const PageEffect& page, const SleepersPage& sleepers, PageLoaded* out) const {
  auto& rows = out->rows.emplace<std::vector<Sleeper>>();
  auto it = moment.Walk(space_.In(EncodeSleeperKey(sleepers.host, sleepers.from)), space_.In(PrefixEnd(EncodeSleeperPrefix(sleepers.host))),
                        {.expected = page.limit});
  for (; it->Valid() && rows.size() < page.limit; it->Next()) {
    std::optional<SleeperPlace> place = DecodeSleeperKey(space_.Bare(it->key()));
    if (!place) return BadKey(it->key());
    auto lane = DecodeSleeperLane(it->value());
    if (!lane.ok()) return std::move(lane).status();
    rows.push_back({place->order, std::move(*lane)});
  }
  out->more = it->Valid();
  return it->status();
}

/// One seek a host: from its first lane past its last.
Status Reader::PageOf(const KvMoment& moment, const PageEffect& page, const SleeperHostsPage& hosts, PageLoaded* out) const {
  auto& rows = out->rows.emplace<std::vector<std::string>>();
  const std::string from = hosts.after.empty() ? EncodeSleeperPrefix("") : PrefixEnd(EncodeSleeperPrefix(hosts.after));
  auto it = moment.Walk(space_.In(from), space_.In(PrefixEnd(std::string(1, static_cast<char>(KeyKind::kSleeper)))), {.values = false});
  while (it->Valid() && rows.size() < page.limit) {
    std::optional<SleeperPlace> place = DecodeSleeperKey(space_.Bare(it->key()));
    if (!place) return BadKey(it->key());
    it->Seek(space_.In(PrefixEnd(EncodeSleeperPrefix(place->host))));
    rows.push_back(std::move(place->host));
  }
  out->more = it->Valid();
  return it->status();
}

Status Reader::PageOf(const KvMoment& moment, const PageEffect& page, const RecordsPage& records, PageLoaded* out) const {
  auto& rows = out->rows.emplace<std::vector<RecordRow>>();
  const std::string to = records.to.empty() ? PrefixEnd(EncodeRecordKey(records.kind, "")) : EncodeRecordKey(records.kind, records.to);
  auto it =
      moment.Walk(space_.In(EncodeRecordKey(records.kind, records.from)), space_.In(to), {.forward = !records.newest_first, .expected = page.limit});
  const int64_t now_ms = wall_ms_();
  const size_t most_bytes = records.most_bytes > 0 ? std::min(records.most_bytes, kPageBytes) : kPageBytes;
  size_t bytes = 0, examined_bytes = 0, with_events = 0;
  for (; it->Valid() && rows.size() < page.limit && bytes < most_bytes && examined_bytes < kListBytes; it->Next()) {
    const std::string_view key = space_.Bare(it->key()).substr(1);
    auto record = DecodeSealedRecord(*sealing_, space_.number(), records.kind, key, it->value());
    if (!record.ok()) return std::move(record).status();
    if (IsOver(record->expires_at, now_ms)) continue;
    bytes += record->value.size();
    rows.push_back({std::string(key), std::move(*record)});
    if (!records.with_events || rows.size() < with_events + kEventsAtOnce) continue;
    NOTIFYD_TRY(BringEvents(moment, std::span(rows).subspan(with_events), &bytes, &examined_bytes));
    with_events = rows.size();
  }
  if (records.with_events) NOTIFYD_TRY(BringEvents(moment, std::span(rows).subspan(with_events), &bytes, &examined_bytes));
  out->more = it->Valid() && !rows.empty();
  return it->status();
}

Status Reader::PageInto(const KvMoment& moment, const PageEffect& page, PageLoaded* out) const {
  return std::visit([&](const auto& kind) { return PageOf(moment, page, kind, out); }, page.page);
}

PageLoaded Reader::LoadPage(const PageEffect& page) const {
  PageLoaded out;
  Status status = PageInto(*kv_->Now(KvFor::kLoads), page, &out);
  if (!status.ok()) out = {};
  out.ticket = page.ticket;
  out.status = std::move(status);
  return out;
}

}  // namespace notifyd
