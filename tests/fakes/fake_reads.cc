#include "fakes/fake_reads.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/check.h"
#include "broker/flow.h"
#include "broker/spec.h"
#include "broker/topic_records.h"

namespace notifyd {

bool FakeReads::Hidden(const NotifyRecord& record) const {
  if (!options_.wall || !IsSettled(record.state.phase)) return false;
  int64_t kept_ms = record.state.phase == Phase::kSucceeded ? options_.retention_succeeded_ms : options_.retention_settled_ms;
  return record.state.settled_at.ms + kept_ms <= options_.wall().ms;
}

LoadedNotify FakeReads::Get(NotifyId id, bool even_over) const {
  const NotifyRecord* record = image_.Find(id);
  if (!record || (!even_over && Hidden(*record))) return {};
  LoadedNotify notify{DeepCopy(*record), !IsSettled(record->state.phase) && image_.InTail(*record)};
  if (IsPayloadOfEvent(*record->spec)) {
    auto event = image_.records.find({RecordKind::kEvent, KeyOfEvent(record->envelope->flow->event)});
    const bool there = event != image_.records.end();
    CHECK((there || IsSettled(record->state.phase)));
    const EventRecord of = there ? *DecodeEvent(event->second.value) : EventRecord();
    if (there) notify.record->bare = notify.record->spec;
    notify.record->spec = std::make_shared<const std::string>(WithPayload(*record->spec, of.payload_kind, of.payload));
  }
  return notify;
}

LoadedValue FakeReads::GetValue(const LoadKey& key) const {
  if (const auto* id = std::get_if<NotifyId>(&key)) return Get(*id);
  if (const auto* beginning = std::get_if<BeginningKey>(&key)) {
    LoadedNotify notify = Get(beginning->id);
    if (notify.record) {
      notify.record->spec = nullptr;
      notify.record->attempts.clear();
    }
    return notify;
  }
  if (const auto* stored = std::get_if<StoredKey>(&key)) {
    LoadedNotify notify = Get(stored->id);
    if (notify.record && notify.record->bare) notify.record->spec = nullptr;
    return notify;
  }
  if (const auto* end = std::get_if<EndKey>(&key)) {
    LoadedNotify notify = Get(end->id);
    if (!notify.record) return notify;
    auto& attempts = notify.record->attempts;
    if (attempts.size() > 1) attempts.erase(attempts.begin(), attempts.end() - 1);
    notify.record->bare = std::make_shared<const std::string>(SpecWithoutPayload(*notify.record->spec));
    notify.record->spec = nullptr;
    return notify;
  }
  auto alive = [&](WallTime expires_at) { return !options_.wall || expires_at > options_.wall(); };
  const auto* with_data = std::get_if<RememberedKey>(&key);
  if (const auto* fkey = with_data ? &with_data->fkey : std::get_if<std::string>(&key)) {
    auto it = image_.fkeys.find(*fkey);
    if (it == image_.fkeys.end() || !alive(it->second.expires_at)) return std::optional<FkeyRecord>();
    FkeyRecord record = DeepCopy(it->second);
    if (!with_data) LeaveOutData(&record, options_.remembered_kept);
    return std::optional<FkeyRecord>(std::move(record));
  }
  if (const auto* idempotency = std::get_if<IdempotencyKey>(&key)) {
    auto it = image_.idempotency.find(*idempotency);
    if (it == image_.idempotency.end() || !alive(it->second.expires_at)) return std::optional<IdempotencyRecord>();
    return std::optional<IdempotencyRecord>(it->second);
  }
  if (std::holds_alternative<SwitchesKey>(key)) return image_.switches;
  if (const auto* record = std::get_if<RecordKey>(&key)) {
    auto it = image_.records.find(*record);
    if (it == image_.records.end() || !alive(it->second.expires_at)) return std::optional<StoredRecord>();
    return std::optional<StoredRecord>(it->second);
  }
  const LaneKey& lane = std::get<LaneKey>(key);
  LoadedLane loaded;
  if (auto it = image_.lanes.find(lane); it != image_.lanes.end()) loaded.record = it->second;
  if (auto it = image_.lane_settings.find(lane); it != image_.lane_settings.end()) loaded.settings = it->second;
  return loaded;
}

/// The event that a row of kTopicEvent names, without its payload; null where it is not there. `bytes` grows by what it takes.
std::shared_ptr<const EventRecord> FakeReads::EventOfRow(const std::string& key, size_t* bytes) const {
  auto record = image_.records.find({RecordKind::kEvent, KeyOfEvent(EventOfKey(key))});
  if (record == image_.records.end() || (options_.wall && record->second.expires_at <= options_.wall())) return nullptr;
  EventRecord event = *DecodeEvent(record->second.value);
  *bytes += record->second.value.size() - event.payload.size();
  std::string().swap(event.payload);
  return std::make_shared<const EventRecord>(std::move(event));
}

PageLoaded FakeReads::RunPage(const PageEffect& effect, Random* random, uint64_t* rows_read) const {
  PageLoaded out;
  out.ticket = effect.ticket;
  size_t taken = 0, bytes = 0, most_bytes = SIZE_MAX;
  // Takes [it, end) until the limit.
  auto walk = [&](auto it, auto end, auto take) {
    for (; it != end; ++it) {
      if (taken++ == effect.limit || bytes >= most_bytes) {
        out.more = true;
        return;
      }
      ++*rows_read;
      // Never the first: a page with nothing on it and more to come would be another fault.
      if (options_.fault == StoreFault::kSkipPageItem && taken > 1 && random->Chance(0.2)) continue;
      take(*it);
    }
  };
  auto window = [&](const std::set<DueKey>& keys, const DueKey& from, int64_t to_ms, auto take) {
    DueKey to{to_ms, NotifyId{}};
    if (from < to) walk(keys.lower_bound(from), keys.lower_bound(to), take);
  };
  if (const auto* page = std::get_if<DuePage>(&effect.page)) {
    auto& rows = out.rows.emplace<std::vector<LoadedDue>>();
    window(image_.due[static_cast<size_t>(page->clock)], page->from, page->to_ms, [&](const DueKey& key) { rows.push_back({key, Get(key.id)}); });
  } else if (const auto* page = std::get_if<ExpiryPage>(&effect.page)) {
    auto& rows = out.rows.emplace<std::vector<DueKey>>();
    window(image_.expiries, page->from, page->to_ms, [&](const DueKey& key) { rows.push_back(key); });
  } else if (const auto* page = std::get_if<TailPage>(&effect.page)) {
    auto& rows = out.rows.emplace<std::vector<LoadedTail>>();
    auto lane = image_.tails.find(page->lane);
    if (lane != image_.tails.end())
      walk(lane->second.lower_bound(page->from), lane->second.end(), [&](const OrderKey& key) { rows.push_back({key, Get(key.id)}); });
  } else if (const auto* page = std::get_if<TailCountPage>(&effect.page)) {
    auto& tally = out.rows.emplace<TailCount>();
    auto lane = image_.tails.find(page->lane);
    if (lane != image_.tails.end() && page->from < page->to)
      walk(lane->second.lower_bound(page->from), lane->second.lower_bound(page->to), [&](const OrderKey& key) {
        if (tally.count++ == 0) tally.first = key;
      });
  } else if (const auto* page = std::get_if<SleepersPage>(&effect.page)) {
    auto& rows = out.rows.emplace<std::vector<Sleeper>>();
    auto host = image_.sleepers.find(page->host);
    if (host != image_.sleepers.end())
      walk(host->second.lower_bound(page->from), host->second.end(), [&](const auto& lane) { rows.push_back({lane.first, lane.second}); });
  } else if (const auto* page = std::get_if<RecordsPage>(&effect.page)) {
    auto& rows = out.rows.emplace<std::vector<RecordRow>>();
    const auto from = image_.records.lower_bound({page->kind, page->from});
    const auto behind = static_cast<RecordKind>(static_cast<char>(page->kind) + 1);
    const auto to = page->to.empty() ? image_.records.lower_bound({behind, ""}) : image_.records.lower_bound({page->kind, page->to});
    if (page->most_bytes > 0) most_bytes = page->most_bytes;
    auto take = [&](const auto& record) {
      if (options_.wall && record.second.expires_at <= options_.wall()) return;
      bytes += record.second.value.size();
      rows.push_back({record.first.key, record.second});
      if (page->with_events) rows.back().event = EventOfRow(record.first.key, &bytes);
    };
    if (page->from < page->to || page->to.empty()) {
      if (page->newest_first) walk(std::make_reverse_iterator(to), std::make_reverse_iterator(from), take);
      else walk(from, to, take);
    }
    if (rows.empty()) out.more = false;
  } else {
    auto& rows = out.rows.emplace<std::vector<std::string>>();
    const std::string& after = std::get<SleeperHostsPage>(effect.page).after;
    walk(image_.sleepers.upper_bound(after), image_.sleepers.end(), [&](const auto& host) { rows.push_back(host.first); });
  }
  return out;
}

ListDone FakeReads::RunList(const ListEffect& list) const {
  const ListQuery& query = list.query;
  auto matches = [&](const NotifyRecord& record) {
    if (Hidden(record)) return false;
    if (!TakesByEnvelope(query, *record.envelope, record.created_at, record.state.settled_at, IsSettled(record.state.phase))) return false;
    if (!TakesByRest(query, record)) return false;
    Takes takes = TakesByState(list, record.state);
    return takes == Takes::kYes || (takes == Takes::kWhereInTail && image_.InTail(record));
  };
  ListDone done;
  done.request = list.request;
  if (query.by_due) {
    std::map<DueKey, NotifyId> by_due;
    for (const auto& [id, record] : image_.notifies)
      if (matches(*record)) by_due[{record->state.due.ms, id}] = id;
    for (const auto& [key, id] : by_due) {
      if (query.due_after && key <= *query.due_after) continue;
      if (done.items.size() == query.limit) {
        const NotifyRecord& last = *done.items.back().record;
        done.next_due = DueKey{last.state.due.ms, last.id};
        break;
      }
      auto copy = DeepCopy(*image_.notifies.at(id));
      copy->attempts.clear();
      done.items.push_back({std::move(copy), false});
    }
    return done;
  }
  const auto& all = image_.notifies;
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
    const size_t stored = copy->spec->size();
    if (query.show_bytes > 0) {
      NotifySpec spec = *DecodeSpec(*copy->spec);
      spec.payload.clear();
      copy->spec = std::make_shared<const std::string>(EncodeSpec(spec));
      bytes += copy->spec->size();
    }
    done.items.push_back({std::move(copy), !IsSettled(it->second->state.phase) && image_.InTail(*it->second), stored});
  }
  return done;
}

LaneRow FakeReads::RowOf(const LaneKey& lane) const {
  LaneRow row;
  row.lane = lane;
  if (auto it = image_.lane_counts.find(lane); it != image_.lane_counts.end()) row.counts = it->second;
  if (auto it = image_.lane_settings.find(lane); it != image_.lane_settings.end()) row.settings = it->second;
  auto record = image_.lanes.find(lane);
  auto tail = image_.tails.find(lane);
  if (record == image_.lanes.end() || !record->second.tail || tail == image_.tails.end()) return row;
  auto front = tail->second.lower_bound(record->second.tail_from);
  if (front != tail->second.end()) row.tail_front = *front;
  return row;
}

LanesDone FakeReads::RunLanes(const LanesEffect& lanes) const {
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
  for (const auto& [lane, settings] : image_.lane_settings) names.insert(lane);
  if (!query.configured)
    for (const auto& [lane, counts] : image_.lane_counts) names.insert(lane);
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
