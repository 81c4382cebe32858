#include "fakes/fake_store.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "broker/spec.h"

namespace notifyd {

FakeStore::FakeStore(FakeStoreOptions options, FakeImage image, int64_t now_ms)
    : options_(std::move(options)), random_(options_.seed), now_ms_(now_ms), written_(std::move(image)) {
  written_.batch = 0;
  synced_ = written_;
}

// ---- time

void FakeStore::At(int64_t delay_ms, Step step) {
  steps_.emplace(std::pair(now_ms_ + delay_ms, next_step_++), std::move(step));
}

void FakeStore::AdvanceTo(int64_t now_ms) {
  while (!dead_ && !steps_.empty() && steps_.begin()->first.first <= now_ms) {
    auto node = steps_.extract(steps_.begin());
    now_ms_ = std::max(now_ms_, node.key().first);
    node.mapped()();
  }
  now_ms_ = std::max(now_ms_, now_ms);
}

void FakeStore::Deliver() {
  while (!dead_ && !steps_.empty()) AdvanceTo(NextAt());
}

// ---- writes

/// Is this an operation that the fault forgets some of?
bool FakeStore::IsFaulty(const WriteOp& op) const {
  switch (options_.fault) {
    case StoreFault::kDropDeleteDue:
      return std::holds_alternative<DeleteDue>(op);
    case StoreFault::kLoseChange:
      return std::holds_alternative<ChangeNotify>(op);
    case StoreFault::kLoseCounts:
      return std::holds_alternative<AddLaneCounts>(op);
    default:
      return false;
  }
}

void FakeStore::Commit(WriteBatch batch) {
  CHECK(sink_ && !dead_);
  CHECK(batch.number == last_number_ + 1);
  last_number_ = batch.number;
  writes_ += batch.ops.size();
  auto owned = std::make_shared<WriteBatch>(std::move(batch));
  for (WriteOp& op : owned->ops) {
    if (auto* put = std::get_if<PutNotify>(&op)) put->record = DeepCopy(*put->record);
    if (auto* change = std::get_if<ChangeNotify>(&op)) change->change = std::make_shared<StateChange>(*change->change);
    if (auto* fkey = std::get_if<PutFkey>(&op)) fkey->record = DeepCopy(fkey->record);
  }
  std::erase_if(owned->ops, [&](const WriteOp& op) { return IsFaulty(op) && random_.Chance(0.2); });
  if (failed_) return;  // after a WriteFailed nothing is written any more
  queued_.push_back(std::move(owned));
  if (busy_ && !options_.simple) return;
  busy_ = true;
  At(Draw(options_.write_ms_max), [this] { WriteGroup(); });
}

void FakeStore::WriteGroup() {
  if (failed_) return;
  bool fails = random_.Chance(options_.write_failure);
  size_t take = queued_.size();
  if (fails) take = random_.Below(take + 1);
  bool sync = false;
  for (; take > 0; --take) {
    BatchPtr batch = std::move(queued_.front());
    queued_.pop_front();
    written_.Apply(*batch);
    written_number_ = batch->number;
    if (options_.on_written) options_.on_written(batch->number);
    sync |= batch->sync;
    unsynced_.push_back(std::move(batch));
    if (options_.simple) break;
  }
  if (fails) return Fail();
  if (!sync) {
    ReportCommitted(synced_number_);
    return EndGroup();
  }
  if (options_.fault == StoreFault::kSyncedEarly) ReportCommitted(written_number_);
  if (options_.simple) return SyncGroup();
  At(Draw(options_.sync_ms_max), [this] { SyncGroup(); });
}

void FakeStore::SyncGroup() {
  if (random_.Chance(options_.write_failure)) return Fail();
  for (const BatchPtr& batch : unsynced_) synced_.Apply(*batch);
  unsynced_.clear();
  synced_number_ = written_number_;
  ReportCommitted(synced_number_);
  EndGroup();
}

void FakeStore::EndGroup() {
  busy_ = !queued_.empty();
  if (busy_ && !options_.simple) At(Draw(options_.write_ms_max), [this] { WriteGroup(); });
}

void FakeStore::ReportCommitted(uint64_t synced) {
  if (options_.simple) return sink_->Post(Committed{written_number_, synced});
  int64_t at = std::max(last_report_ms_, now_ms_ + Draw(options_.answer_ms_max));
  last_report_ms_ = at;
  At(at - now_ms_, [this, batch = written_number_, synced] { sink_->Post(Committed{batch, synced}); });
}

void FakeStore::Fail() {
  failed_ = true;
  queued_.clear();
  At(Draw(options_.answer_ms_max), [this] { sink_->Post(WriteFailed{Status(Code::kIo, "simulated write failure")}); });
}

void FakeStore::SetDiskLow(bool low) {
  At(0, [this, low] { sink_->Post(DiskSpace{low}); });
}

FakeImage FakeStore::Crash(CrashKind kind) {
  CHECK(!dead_);
  dead_ = true;
  steps_.clear();
  // After a failed write or sync nobody knows what is on the disk: as after a power cut.
  FakeImage image;
  if (kind == CrashKind::kKill && !failed_) {
    image = written_;
    for (size_t n = random_.Below(queued_.size() + 1), i = 0; i < n; ++i) image.Apply(*queued_[i]);
  } else {
    image = synced_;
    for (size_t n = random_.Below(unsynced_.size() + 1), i = 0; i < n; ++i) image.Apply(*unsynced_[i]);
  }
  return image;
}

// ---- reads

template <class Run>
void FakeStore::ReadLater(Run run) {
  CHECK(sink_ && !dead_);
  if (options_.simple) return At(0, [this, run = std::move(run)]() mutable { sink_->Post(run()); });
  At(Draw(options_.read_ms_max), [this, run = std::move(run)]() mutable {
    At(Draw(options_.answer_ms_max), [this, answer = std::make_shared<Event>(run())] { sink_->Post(std::move(*answer)); });
  });
}

Status FakeStore::ReadStatus() {
  return random_.Chance(options_.read_failure) ? Status(Code::kIo, "simulated read failure") : Status::Ok();
}

bool FakeStore::Hidden(const NotifyRecord& record) const {
  if (!options_.wall || !IsSettled(record.state.phase)) return false;
  int64_t kept_ms = record.state.phase == Phase::kSucceeded ? options_.retention_succeeded_ms : options_.retention_settled_ms;
  return record.state.settled_at.ms + kept_ms <= options_.wall().ms;
}

LoadedNotify FakeStore::Get(NotifyId id, bool even_over) const {
  const NotifyRecord* record = written_.Find(id);
  if (!record || (!even_over && Hidden(*record))) return {};
  return {DeepCopy(*record), !IsSettled(record->state.phase) && written_.InTail(*record)};
}

LoadedValue FakeStore::GetValue(const LoadKey& key) const {
  if (const auto* id = std::get_if<NotifyId>(&key)) return Get(*id);
  auto alive = [&](WallTime expires_at) { return !options_.wall || expires_at > options_.wall(); };
  if (const auto* fkey = std::get_if<std::string>(&key)) {
    auto it = written_.fkeys.find(*fkey);
    if (it == written_.fkeys.end() || !alive(it->second.expires_at)) return std::optional<FkeyRecord>();
    return std::optional<FkeyRecord>(DeepCopy(it->second));
  }
  if (const auto* idempotency = std::get_if<IdempotencyKey>(&key)) {
    auto it = written_.idempotency.find(*idempotency);
    if (it == written_.idempotency.end() || !alive(it->second.expires_at)) return std::optional<IdempotencyRecord>();
    return std::optional<IdempotencyRecord>(it->second);
  }
  const LaneKey& lane = std::get<LaneKey>(key);
  LoadedLane loaded;
  if (auto it = written_.lanes.find(lane); it != written_.lanes.end()) loaded.record = it->second;
  if (auto it = written_.lane_settings.find(lane); it != written_.lane_settings.end()) loaded.settings = it->second;
  return loaded;
}

void FakeStore::Load(LoadEffect load) {
  ReadLater([this, load = std::move(load)]() -> Event {
    Loaded loaded{load.ticket, ReadStatus(), {}};
    if (loaded.status.ok())
      for (const LoadKey& key : load.keys) loaded.values.push_back(GetValue(key));
    return loaded;
  });
}

void FakeStore::LoadPage(PageEffect page) {
  ReadLater([this, page = std::move(page)]() -> Event { return RunPage(page); });
}

PageLoaded FakeStore::RunPage(const PageEffect& effect) {
  PageLoaded out;
  out.ticket = effect.ticket;
  out.status = ReadStatus();
  if (!out.status.ok()) return out;
  size_t taken = 0;
  // Takes [it, end) until the limit.
  auto walk = [&](auto it, auto end, auto take) {
    for (; it != end; ++it) {
      if (taken++ == effect.limit) {
        out.more = true;
        return;
      }
      ++rows_;
      // Never the first: a page with nothing on it and more to come would be another fault.
      if (options_.fault == StoreFault::kSkipPageItem && taken > 1 && random_.Chance(0.2)) continue;
      take(*it);
    }
  };
  auto window = [&](const std::set<DueKey>& keys, const DueKey& from, int64_t to_ms, auto take) {
    DueKey to{to_ms, NotifyId{}};
    if (from < to) walk(keys.lower_bound(from), keys.lower_bound(to), take);
  };
  if (const auto* page = std::get_if<DuePage>(&effect.page)) {
    auto& rows = out.rows.emplace<std::vector<LoadedDue>>();
    window(written_.due[static_cast<size_t>(page->clock)], page->from, page->to_ms, [&](const DueKey& key) { rows.push_back({key, Get(key.id)}); });
  } else if (const auto* page = std::get_if<ExpiryPage>(&effect.page)) {
    auto& rows = out.rows.emplace<std::vector<DueKey>>();
    window(written_.expiries, page->from, page->to_ms, [&](const DueKey& key) { rows.push_back(key); });
  } else if (const auto* page = std::get_if<TailPage>(&effect.page)) {
    auto& rows = out.rows.emplace<std::vector<LoadedTail>>();
    auto lane = written_.tails.find(page->lane);
    if (lane != written_.tails.end())
      walk(lane->second.lower_bound(page->from), lane->second.end(), [&](const OrderKey& key) { rows.push_back({key, Get(key.id)}); });
  } else if (const auto* page = std::get_if<TailCountPage>(&effect.page)) {
    auto& tally = out.rows.emplace<TailCount>();
    auto lane = written_.tails.find(page->lane);
    if (lane != written_.tails.end() && page->from < page->to)
      walk(lane->second.lower_bound(page->from), lane->second.lower_bound(page->to), [&](const OrderKey& key) {
        if (tally.count++ == 0) tally.first = key;
      });
  } else if (const auto* page = std::get_if<SleepersPage>(&effect.page)) {
    auto& rows = out.rows.emplace<std::vector<Sleeper>>();
    auto host = written_.sleepers.find(page->host);
    if (host != written_.sleepers.end())
      walk(host->second.lower_bound(page->from), host->second.end(), [&](const auto& lane) { rows.push_back({lane.first, lane.second}); });
  } else {
    auto& rows = out.rows.emplace<std::vector<std::string>>();
    const std::string& after = std::get<SleeperHostsPage>(effect.page).after;
    walk(written_.sleepers.upper_bound(after), written_.sleepers.end(), [&](const auto& host) { rows.push_back(host.first); });
  }
  return out;
}

void FakeStore::Read(ReadEffect read) {
  ReadLater([this, read]() -> Event {
    Status status = ReadStatus();
    LoadedNotify notify = status.ok() ? Get(read.id, read.even_over) : LoadedNotify{};
    return ReadDone{read.request, std::move(status), std::move(notify)};
  });
}

void FakeStore::List(ListEffect list) {
  ReadLater([this, list = std::move(list)]() -> Event {
    Status status = ReadStatus();
    if (!status.ok()) return ListDone{list.request, std::move(status), {}, {}};
    return RunList(list);
  });
}

ListDone FakeStore::RunList(const ListEffect& list) const {
  const ListQuery& query = list.query;
  auto matches = [&](const NotifyRecord& record) {
    if (Hidden(record)) return false;
    if (query.lane && record.envelope->lane.name != *query.lane) return false;
    if (query.mode && record.envelope->lane.mode != *query.mode) return false;
    if (query.caller && record.envelope->caller != *query.caller) return false;
    if (query.fkey && record.envelope->fkey != *query.fkey) return false;
    if (query.fkey_prefix && !record.envelope->fkey.starts_with(*query.fkey_prefix)) return false;
    if (query.url_prefix && !PeekUrl(*record.spec).starts_with(*query.url_prefix)) return false;
    if (query.created_after && record.created_at < *query.created_after) return false;
    if (query.created_before && record.created_at >= *query.created_before) return false;
    Takes takes = TakesByState(list, record.state);
    return takes == Takes::kYes || (takes == Takes::kWhereInTail && written_.InTail(record));
  };
  ListDone done;
  done.request = list.request;
  const auto& all = written_.notifies;
  auto begin = query.above.value == 0 ? all.begin() : all.upper_bound(query.above);
  auto end = query.below.value == 0 ? all.end() : all.lower_bound(query.below);
  if (query.above.value != 0 && query.below.value != 0 && query.below <= query.above) end = begin;
  NotifyId last;
  size_t bytes = 0;
  for (size_t examined = 0; begin != end; ++examined) {
    bool shown = query.show_bytes > 0 && bytes >= query.show_bytes;
    if (examined == options_.list_examined || done.items.size() == query.limit || shown) {
      done.next = last;
      return done;
    }
    auto it = query.oldest_first ? begin++ : --end;
    last = it->first;
    if (!matches(*it->second)) continue;
    auto copy = DeepCopy(*it->second);
    copy->attempts.clear();
    if (query.show_bytes > 0) {
      NotifySpec spec = *DecodeSpec(*copy->spec);
      spec.payload.clear();
      copy->spec = std::make_shared<const std::string>(EncodeSpec(spec));
      bytes += copy->spec->size();
    }
    done.items.push_back({std::move(copy), !IsSettled(it->second->state.phase) && written_.InTail(*it->second)});
  }
  return done;
}

void FakeStore::ListLanes(LanesEffect lanes) {
  ReadLater([this, lanes = std::move(lanes)]() -> Event {
    Status status = ReadStatus();
    if (!status.ok()) return LanesDone{lanes.request, std::move(status), {}, false, {}};
    return RunLanes(lanes);
  });
}

LaneRow FakeStore::RowOf(const LaneKey& lane) const {
  LaneRow row;
  row.lane = lane;
  if (auto it = written_.lane_counts.find(lane); it != written_.lane_counts.end()) row.counts = it->second;
  if (auto it = written_.lane_settings.find(lane); it != written_.lane_settings.end()) row.settings = it->second;
  auto record = written_.lanes.find(lane);
  auto tail = written_.tails.find(lane);
  if (record == written_.lanes.end() || !record->second.tail || tail == written_.tails.end()) return row;
  auto front = tail->second.lower_bound(record->second.tail_from);
  if (front != tail->second.end()) row.tail_front = *front;
  return row;
}

LanesDone FakeStore::RunLanes(const LanesEffect& lanes) const {
  const LanesQuery& query = lanes.query;
  LanesDone done;
  done.request = lanes.request;
  auto silent = [](const LaneRow& row) { return row.counts.IsZero() && row.settings.IsDefault(); };
  if (query.only) {
    LaneRow row = RowOf(*query.only);
    if (!silent(row)) done.rows.push_back(std::move(row));
    return done;
  }
  std::set<LaneKey, ByLaneName> names;
  for (const auto& [lane, settings] : written_.lane_settings) names.insert(lane);
  if (!query.configured)
    for (const auto& [lane, counts] : written_.lane_counts) names.insert(lane);
  size_t examined = 0;
  std::optional<LaneKey> last;
  auto end = [&] {
    done.more = true;
    done.next = last;
  };
  for (auto it = query.after ? names.upper_bound(*query.after) : names.begin(); it != names.end(); ++it) {
    if (!it->name.starts_with(query.prefix)) continue;
    if (examined++ == options_.list_examined) return end(), done;
    LaneRow row = RowOf(*it);
    bool counts = query.configured ? !row.settings.IsDefault() : !silent(row);
    if (counts && done.rows.size() == query.limit) return end(), done;
    last = *it;
    if (counts) done.rows.push_back(std::move(row));
  }
  return done;
}

}  // namespace notifyd
