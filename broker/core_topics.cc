// Topics and subscriptions: what is known of them, put, shown and removed. See core_topics.h.
#include "broker/core_topics.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <type_traits>

#include "broker/core_pauses.h"
#include "broker/core_services.h"
#include "broker/flow.h"
#include "broker/partition.h"

namespace notifyd {
namespace {

/// A namespace has no more of them: all are in memory, and read whole before the first request; and each event looks at all subscriptions whose
/// pattern takes its topic, which is a few milliseconds for so many.
constexpr size_t kMostTopics = 100'000, kMostSubscriptions = 20'000;
/// Lanes that a paused subscription has left with what waits of it.
constexpr size_t kMostLeftLanes = 4'096;

}  // namespace

Handled Core::Impl::Handle(Task* task, TopicRequest& r) {
  return topics_->Handle(task, r);
}

Handled Core::Impl::TopicPart::Handle(Task* task, TopicRequest& r) {
  if (!core_.NeedCatalog(task)) return Handled::kParked;
  return std::visit([&](const auto& ask) { return On(task, r.request, ask); }, r.ask->what);
}

/// Once all that was decided so far is durable.
Handled Core::Impl::TopicPart::Answer(RequestId request, TopicAnswer answer, bool unchanged) {
  return core_.ReplyAfter(core_.journal_.Barrier(), request, TopicAnswered{std::make_shared<const TopicAnswer>(std::move(answer))}, unchanged);
}

// ---- the catalog

void Core::Impl::TopicPart::OnCatalogRow(RecordKind kind, const RecordRow& row) {
  auto corrupt = [&](const Status& status) { core_.Fatal(Status(Code::kCorrupt, status.detail() + ": " + row.key)); };
  if (kind == RecordKind::kTopic) {
    Result<TopicRecord> topic = DecodeTopic(row.record.value);
    if (!topic.ok()) return corrupt(topic.status());
    topics_[row.key] = {std::move(*topic), row.record.value};
  } else if (kind == RecordKind::kSubscription) {
    Result<SubscriptionRecord> record = DecodeSubscriptionRecord(row.record.value);
    if (!record.ok()) return corrupt(record.status());
    if (Status status = Keep(row.key, std::move(*record)); !status.ok()) corrupt(status);
  } else if (kind == RecordKind::kBacklog) {
    Result<BacklogRecord> backlog = DecodeBacklog(row.record.value);
    if (!backlog.ok()) return corrupt(backlog.status());
    backlogs_[row.key] = {*backlog, true};
  }
}

std::optional<Handled> Core::Impl::TopicPart::HandleDue(Task* task, AgendaDue& r) {
  if (r.what.empty()) return std::nullopt;
  const char kind = r.what[0];
  if (kind != kFanOut && kind != kScan && kind != kUnsubscribe && kind != kCounted && kind != kUnreachableHost && kind != kSweepEvents &&
      kind != kReleaseHeld)
    return std::nullopt;
  if (kind == kFanOut) NoteBegun(r);  // before it waits for anything: what is published meanwhile goes behind it (T1)
  if (!core_.NeedCatalog(task)) return Handled::kParked;
  switch (kind) {
    case kFanOut:
      return FanOut(task, r);
    case kScan:
      return Scan(task, r);
    case kUnsubscribe:
      return Unsubscribe(task, r);
    case kCounted:
      return Counted(r);
    case kUnreachableHost:
      return PauseUnreachable(task, r);
    case kReleaseHeld:
      return ReleaseHeld(task, r);
    default:
      return SweepRows(task);
  }
}

// ---- topics

Handled Core::Impl::TopicPart::On(Task*, RequestId request, const TopicPut& ask) {
  if (core_.RefusedStopping(request)) return Handled::kDone;
  auto found = topics_.find(ask.topic);
  const bool there = found != topics_.end();
  if (!ask.condition.Holds(there ? std::optional<std::string_view>(found->second.bytes) : std::nullopt))
    return core_.ReplyAfter(core_.journal_.Barrier(), request, Stale{});
  std::string bytes = EncodeTopic(ask.said);
  const bool unchanged = there && found->second.bytes == bytes;
  if (!unchanged) {
    if (!ask.said.schema.empty())
      if (Result<std::shared_ptr<const Schema>> schema = Schema::Compile(ask.said.schema); !schema.ok())
        return core_.Refuse(request, schema.status().code(), schema.status().detail(), "/schema" + schema.status().field());
    if (Status room = core_.Room("nothing is kept"); !room.ok()) return core_.Refuse(request, room);
    if (!there && topics_.size() >= kMostTopics) return core_.Refuse(request, Code::kTooMany, "there are 100,000 topics already");
    if (Status status = core_.StoreMore(there ? found->second.bytes.size() : 0, bytes.size() + kRecordBytes); !status.ok())
      return core_.Refuse(request, status);
    topics_[ask.topic] = {ask.said, bytes};
    schemas_.Forget(ask.topic);
    core_.WriteRecord(RecordKey{RecordKind::kTopic, ask.topic}, bytes, kWallNever, !there);
    core_.journal_.AskSync();
  }
  return Answer(request, {TopicViewed{{ask.topic, ask.said, std::move(bytes)}, !there}}, unchanged);
}

namespace {

constexpr const char* kNoTopic = "nothing was said of this topic";
constexpr const char* kNoSubscription = "there is no such subscription";

}  // namespace

Handled Core::Impl::TopicPart::On(Task*, RequestId request, const TopicGet& ask) {
  auto found = topics_.find(ask.topic);
  if (found == topics_.end()) return core_.RefuseAfter(request, Code::kNotFound, kNoTopic);
  return Answer(request, {TopicViewed{{ask.topic, found->second.said, found->second.bytes}, false}});
}

Handled Core::Impl::TopicPart::On(Task*, RequestId request, const TopicDelete& ask) {
  if (core_.RefusedStopping(request)) return Handled::kDone;
  auto found = topics_.find(ask.topic);
  if (found == topics_.end()) {
    if (!ask.condition.Holds(std::nullopt)) return core_.ReplyAfter(core_.journal_.Barrier(), request, Stale{});
    return core_.RefuseAfter(request, Code::kNotFound, kNoTopic);
  }
  if (!ask.condition.Holds(found->second.bytes)) return core_.ReplyAfter(core_.journal_.Barrier(), request, Stale{});
  topics_.erase(found);
  schemas_.Forget(ask.topic);
  core_.RemoveRecord(RecordKey{RecordKind::kTopic, ask.topic}, /*was_there=*/true);
  core_.journal_.AskSync();
  return Answer(request, {Removed{}});
}

namespace {

/// Calls `take` with each entry of a map that a page of it has, of which each takes as many bytes as `bytes_of` says; returns the cursor to go on
/// with.
template <class Map, class BytesOf, class Take>
std::optional<std::string> PageOf(const Map& map, const ResourcesQuery& query, BytesOf bytes_of, Take take) {
  auto it = query.after < query.prefix ? map.lower_bound(query.prefix) : map.upper_bound(query.after);
  size_t taken = 0, bytes = 0;
  std::optional<std::string> last;
  for (; it != map.end() && it->first.starts_with(query.prefix); ++it) {
    bytes += bytes_of(*it);
    if (taken == query.limit || (taken > 0 && bytes > kListPageBytes)) return last;
    ++taken;
    take(*it);
    last = it->first;
  }
  return std::nullopt;
}

}  // namespace

Handled Core::Impl::TopicPart::On(Task*, RequestId request, const TopicList& ask) {
  TopicsListed listed;
  listed.next = PageOf(
      topics_, ask.query, [](const auto& topic) { return topic.second.bytes.size(); },
      [&](const auto& topic) {
        listed.items.push_back({topic.first, topic.second.said, topic.second.bytes});
      });
  return Answer(request, {std::move(listed)});
}

// ---- subscriptions

const Core::Impl::TopicPart::Known* Core::Impl::TopicPart::Find(const Name& name) const {
  core_.CheckCatalog();
  auto found = subscriptions_.find(name);
  return found == subscriptions_.end() ? nullptr : found->second.get();
}

bool Core::Impl::TopicPart::IsPaused(const std::string& subscription) const {
  const Known* known = Find(subscription);
  return known && known->record.said->paused;
}

Status Core::Impl::TopicPart::Compile(const Subscription& said, Known* out) {
  if (!said.filter.empty()) {
    Result<EventFilter> filter = EventFilter::Compile(said.filter);
    if (!filter.ok()) return Status(filter.status().code(), filter.status().detail(), "/filter" + filter.status().field());
    out->filter = std::move(*filter);
  }
  if (!said.transform.empty()) {
    Result<Transform> transform = Transform::Compile(said.transform);
    if (!transform.ok()) return Status(transform.status().code(), transform.status().detail(), "/transform" + transform.status().field());
    out->transform = std::move(*transform);
  }
  return DecodeSpecInto(*said.spec, &out->spec);
}

/// Takes it into memory, in the place of what stands there under the name.
Status Core::Impl::TopicPart::Keep(const Name& name, SubscriptionRecord record) {
  auto known = std::make_unique<Known>();
  if (Status status = Compile(*record.said, known.get()); !status.ok()) return status;
  Forget(name);
  known->name = name;
  known->bytes = EncodeSubscription(*record.said);
  known->record = std::move(record);
  known->told = TopicIndex::IsTold(known->record.said->topic);
  index_.Add(known->record.said->topic, known->record.serial);
  guards_.Add(known->record.serial, known->record.said->filter);
  by_serial_[known->record.serial] = known.get();
  subscriptions_[name] = std::move(known);
  ++version_;
  return Status::Ok();
}

void Core::Impl::TopicPart::Forget(const Name& name) {
  auto found = subscriptions_.find(name);
  if (found == subscriptions_.end()) return;
  const SubscriptionRecord& record = found->second->record;
  index_.Remove(record.said->topic, record.serial);
  guards_.Remove(record.serial, record.said->filter);
  by_serial_.erase(record.serial);
  lacks_space_ = false;  // as far as is known: it may have been this one that waits
  full_gone_ = true;
  subscriptions_.erase(found);
  ++version_;
}

void Core::Impl::TopicPart::WriteSubscription(const Known& known, bool fresh) {
  core_.WriteRecord(RecordKey{RecordKind::kSubscription, known.name}, EncodeSubscriptionRecord(known.record), kWallNever, fresh);
  core_.journal_.AskSync();
}

SubscriptionView Core::Impl::TopicPart::ViewOf(const Known& known) const {
  SubscriptionView view{
      known.name, known.record.said, known.bytes, known.record.created_at, 0, 0, known.record.catching_up, known.record.unreachable};
  if (auto backlog = backlogs_.find(known.name); backlog != backlogs_.end()) {
    view.pending = backlog->second.record.pending;
    view.skipped = backlog->second.record.skipped;
  }
  return view;
}

/// Those that its notifies go into: one, or as many as it has partitions.
std::vector<LaneKey> Core::Impl::TopicPart::LanesOf(const Subscription& said) {
  const LaneKey& lane = said.envelope->lane;
  Result<NotifySpec> spec = DecodeSpec(*said.spec);
  if (!spec.ok() || !spec->order_by) return {lane};
  std::vector<LaneKey> lanes;
  for (uint32_t i = 0; i < spec->partitions; ++i) lanes.push_back({lane.mode, lane.name + PartitionSuffix(i, spec->partitions)});
  return lanes;
}

/// Those that are paused because it is.
std::vector<LaneKey> Core::Impl::TopicPart::PausedLanesOf(const SubscriptionRecord& record) {
  if (!record.said->paused) return {};
  std::vector<LaneKey> lanes = LanesOf(*record.said);
  lanes.insert(lanes.end(), record.left_lanes.begin(), record.left_lanes.end());
  return lanes;
}

const std::string* Core::Impl::TopicPart::PauserOf(const LaneKey& lane) const {
  core_.CheckCatalog();
  for (const auto& [name, known] : subscriptions_) {
    const std::vector<LaneKey> lanes = PausedLanesOf(known->record);
    if (std::find(lanes.begin(), lanes.end(), lane) != lanes.end()) return &name;
  }
  return nullptr;
}

bool Core::Impl::TopicPart::NeedLanes(Task* task, const std::vector<LaneKey>& lanes) {
  core_.NeedSwitches(task);
  for (const LaneKey& key : lanes)
    if (Lane* lane = core_.NeedLane(task, key); lane && lane->has_attempted_head()) core_.NeedEntry(task, lane->record.blocked_head);
  return task->missing == 0;
}

/// Returns those of the lanes that are not paused because of a subscription of another name.
std::unordered_set<LaneKey> Core::Impl::TopicPart::NotPausedByOthers(const Name& name, const std::vector<LaneKey>& lanes) const {
  std::unordered_set<LaneKey> free(lanes.begin(), lanes.end());
  std::unordered_multimap<LaneKey, std::pair<uint64_t, const LaneKey*>> partitions;  // by what stands before their number
  for (const LaneKey& lane : lanes) {
    const size_t mark = lane.name.rfind('~');
    if (mark == std::string::npos) continue;
    uint64_t number = 0;
    const char* end = lane.name.data() + lane.name.size();
    if (const auto [at, error] = std::from_chars(lane.name.data() + mark + 1, end, number); error == std::errc() && at == end)
      partitions.emplace(LaneKey{lane.mode, lane.name.substr(0, mark)}, std::pair(number, &lane));
  }
  for (const auto& [other, known] : subscriptions_) {
    if (!known->record.said->paused || other == name) continue;
    const LaneKey& lane = known->record.said->envelope->lane;
    if (!known->spec.order_by) free.erase(lane);
    else
      for (auto [it, last] = partitions.equal_range(lane); it != last; ++it)
        if (it->second.first < known->spec.partitions) free.erase(*it->second.second);
    for (const LaneKey& left : known->record.left_lanes) free.erase(left);
  }
  return free;
}

void Core::Impl::TopicPart::SetPaused(const Name& name, const LaneKey& key, bool paused, const std::string& by) {
  Lane* lane = core_.GetLane(key);
  if (paused ? lane->settings.paused != Paused::kNo : !core_.pauses_->IsOfSubscription(*lane)) return;  // T7
  LaneSettings settings = lane->settings;
  settings.paused = paused ? Paused::kByRequest : Paused::kNo;
  settings.pause = paused ? PausePart::NoteOfSubscription(core_.now_.wall, by, name) : PauseNoteRef();
  core_.PutSettings(lane, settings);
  core_.journal_.AskSync();
  if (paused) core_.PauseLane(lane);
  else core_.ResumeLane(lane);
  core_.Kick(lane);
}

/// Pauses the lanes that a subscription has paused now, also those that somebody resumed meanwhile, and resumes those that it had before and that are
/// not among them. All must be known (NeedLanes).
void Core::Impl::TopicPart::PauseLanes(const Name& name, const std::vector<LaneKey>& before, const std::vector<LaneKey>& after,
                                       const std::string& by) {
  const std::unordered_set<LaneKey> is(after.begin(), after.end());
  std::vector<LaneKey> over;
  std::copy_if(before.begin(), before.end(), std::back_inserter(over), [&](const LaneKey& key) { return !is.contains(key); });
  if (!over.empty()) {
    const std::unordered_set<LaneKey> free = NotPausedByOthers(name, over);
    for (const LaneKey& key : over)
      if (free.contains(key)) SetPaused(name, key, false, {});
  }
  for (const LaneKey& key : after) SetPaused(name, key, true, by);
}

Handled Core::Impl::TopicPart::On(Task* task, RequestId request, const SubscriptionPut& ask) {
  if (core_.RefusedStopping(request)) return Handled::kDone;
  const Known* before = Find(ask.name);
  if (!ask.condition.Holds(before ? std::optional<std::string_view>(before->bytes) : std::nullopt))
    return core_.ReplyAfter(core_.journal_.Barrier(), request, Stale{});
  std::string bytes = EncodeSubscription(*ask.said);
  if (before && before->bytes == bytes) {
    const std::vector<LaneKey> paused = PausedLanesOf(before->record);
    if (!NeedLanes(task, paused)) return Handled::kParked;
    PauseLanes(ask.name, paused, paused, ask.by);
    return Answer(request, {SubscriptionViewed{ViewOf(*before), false}}, /*unchanged=*/paused.empty());
  }
  if (Status room = core_.Room("nothing is kept"); !room.ok()) return core_.Refuse(request, room);
  if (!before && subscriptions_.size() >= kMostSubscriptions) return core_.Refuse(request, Code::kTooMany, "there are 20,000 subscriptions already");
  if (const std::string_view service = ServiceOf(ask.said->envelope->host); !service.empty() && !core_.services_->Knows(service))
    return core_.Refuse(request, Code::kUnacceptable, "there is no service of this name", "/url");
  if (!before && ask.from && *ask.from > core_.now_.wall) return core_.Refuse(request, Code::kUnacceptable, "from lies ahead", "/from");
  Known compiled;
  if (Status status = Compile(*ask.said, &compiled); !status.ok()) return core_.Refuse(request, status);
  const std::vector<LaneKey> was = before ? PausedLanesOf(before->record) : std::vector<LaneKey>();
  SubscriptionRecord record;
  if (before) record = before->record;
  record.said = ask.said;
  record.left_lanes.clear();
  if (ask.said->paused && before && backlogs_.contains(ask.name)) {
    // What waits of it stays where it is.
    const std::vector<LaneKey> own = LanesOf(*ask.said);
    const std::unordered_set<LaneKey> is(own.begin(), own.end());
    std::copy_if(was.begin(), was.end(), std::back_inserter(record.left_lanes), [&](const LaneKey& key) { return !is.contains(key); });
    if (record.left_lanes.size() > kMostLeftLanes)
      return core_.Refuse(request, Code::kConflict, "what waits of it is in too many lanes: let that go before it moves again", "/lane");
  }
  const std::vector<LaneKey> is = PausedLanesOf(record);
  NeedLanes(task, was);
  if (!NeedLanes(task, is)) return Handled::kParked;
  if (Status status = core_.StoreMore(before ? before->bytes.size() : 0, bytes.size() + kRecordBytes); !status.ok())
    return core_.Refuse(request, status);
  if (before) {
    record.unreachable = false;
  } else {
    record.serial = core_.totals_.next_serial++;
    record.created_at = core_.now_.wall;
    if (!ask.from) record.live_after = {core_.totals_.next_id - 1};
    record.catching_up = ask.from.has_value();
    ForgetSkipped(ask.name);  // an earlier notifyd kept that of one that was deleted
  }
  const uint64_t serial = record.serial;
  CHECK(Keep(ask.name, std::move(record)).ok());
  const Known* known = Find(ask.name);
  WriteSubscription(*known, !before);
  PauseLanes(ask.name, was, is, ask.by);
  if (!before && ask.from) CatchUp(serial, *ask.from);
  return Answer(request, {SubscriptionViewed{ViewOf(*known), !before}});
}

Handled Core::Impl::TopicPart::On(Task*, RequestId request, const SubscriptionGet& ask) {
  const Known* known = Find(ask.name);
  if (!known) return core_.RefuseAfter(request, Code::kNotFound, kNoSubscription);
  return Answer(request, {SubscriptionViewed{ViewOf(*known), false}});
}

Handled Core::Impl::TopicPart::On(Task* task, RequestId request, const SubscriptionDelete& ask) {
  if (core_.RefusedStopping(request)) return Handled::kDone;
  const Known* known = Find(ask.name);
  if (!ask.condition.Holds(known ? std::optional<std::string_view>(known->bytes) : std::nullopt))
    return core_.ReplyAfter(core_.journal_.Barrier(), request, Stale{});
  if (!known) return core_.RefuseAfter(request, Code::kNotFound, kNoSubscription);
  const std::vector<LaneKey> paused = PausedLanesOf(known->record);
  if (!NeedLanes(task, paused)) return Handled::kParked;
  Forget(ask.name);
  core_.RemoveRecord(RecordKey{RecordKind::kSubscription, ask.name}, /*was_there=*/true);
  Leave(ask);
  PauseLanes(ask.name, paused, {}, {});
  core_.journal_.AskSync();
  return Answer(request, {Removed{}});
}

Handled Core::Impl::TopicPart::On(Task*, RequestId request, const SubscriptionList& ask) {
  SubscriptionsListed listed;
  listed.next = PageOf(
      subscriptions_, ask.query, [](const auto& each) { return each.second->bytes.size(); },
      [&](const auto& each) { listed.items.push_back(ViewOf(*each.second)); });
  return Answer(request, {std::move(listed)});
}

}  // namespace notifyd
