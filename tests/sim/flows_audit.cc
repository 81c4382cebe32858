// What must hold all the time in a run of flows of what is pending, and what must be there in its end.
#include <algorithm>

#include "broker/flow.h"
#include "sim/flows_run.h"

namespace notifyd::sim {
namespace {

/// Those that parts have are theirs to look at.
constexpr const char* kOwn[] = {"s0", "s1", "s2", "s3"};

}  // namespace

// ---- what is pending, and what will be

/// An item of the agenda, as docs/storage-format.md has it.
void Flows::NoteFanOut(const std::string& serial, const std::string& what) {
  Decoder decoder(what);
  if (decoder.U8() != 2) return;
  const bool live = decoder.U8() == 0;
  const NotifyId event{decoder.Varint()};
  const bool begun = decoder.Varint() > 0 || decoder.Varint() > 0;
  fan_outs_[serial] = live && !begun ? wanted_[event] : 0;
}

/// What events are still to be made of is promised in each batch, and nothing is where none is to be made of.
void Flows::CheckPromised(const WriteBatch& batch) {
  for (const WriteOp& op : batch.ops) {
    const auto* put = std::get_if<PutRecord>(&op);
    const auto* gone = std::get_if<DeleteRecord>(&op);
    if (put && put->key.kind == RecordKind::kEvent) {
      Result<EventRecord> event = DecodeEvent(put->record->value);
      if (!event.ok()) continue;
      const bool has_number = event->payload.starts_with("{\"n\":");
      wanted_[EventOfKey(put->key.key)] = SubscribedTo(event->topic, has_number ? std::stoll(event->payload.substr(5)) : -1).size();
    }
    if (put && put->key.kind == RecordKind::kAgenda) NoteFanOut(put->key.key, put->record->value);
    if (gone && gone->key.kind == RecordKind::kAgenda) fan_outs_.erase(gone->key.key);
  }
  uint64_t least = 0;
  for (const auto& [serial, left] : fan_outs_) least += left;
  const uint64_t promised = batch.totals.promised;
  if (promised < least || (fan_outs_.empty() && (promised > 0 || batch.totals.promised_bytes > 0)))
    Violation(std::to_string(promised) + " notifies are promised, and " + std::to_string(fan_outs_.size()) + " events are still to be made into " +
              std::to_string(least) + " at least");
}

/// What was judged is never more than may be pending. Callbacks and alerts are not, nor is what events are made into that were held.
void Flows::CheckPending(const FakeImage& image) {
  uint64_t judged = 0;
  for (const auto& [id, record] : image.notifies) {
    if (IsSettled(record->state.phase)) continue;
    const FlowFields* flow = record->envelope->flow.get();
    const std::string_view url = PeekUrl(*record->spec);
    // Callbacks and what alerts say are never refused; an alert's own notify names its target in place of a URL.
    const bool told = url.ends_with("/told") || url.starts_with("https://alerts.test/") || url.starts_with("webhook:");
    judged += !told && !(flow && flow->subscription == "held");
  }
  if (judged > *world_.max_pending)
    Violation(std::to_string(judged) + " are pending that were judged, and no more than " + std::to_string(*world_.max_pending) + " may be");
}

// ---- what must be there in the end

void Flows::CheckGroups(const FakeImage& image) {
  std::map<std::string, std::set<NotifyId>> made, told;  // by URL: groups, and notifies that tell of one
  for (const auto& [id, record] : image.notifies) {
    const FlowFields* flow = record->envelope->flow.get();
    std::string url(PeekUrl(*record->spec));
    url = url.substr(std::min(url.find('/', 8), url.size()));
    if (flow && flow->group.value != 0) made[url].insert(flow->group);
    else told[url].insert(id);
  }
  for (const Wish& wish : wishes_) {
    if (!wish.group) continue;
    const std::string name = "group " + std::to_string(wish.number), url = "/g" + std::to_string(wish.number);
    if (made[url] != std::set{wish.id}) return Violation(name + " is there " + std::to_string(made[url].size()) + " times, or is another");
    auto found = image.records.find({RecordKind::kGroup, GroupKey(wish.id)});
    Result<GroupRecord> record = found == image.records.end() ? Result<GroupRecord>(Status(Code::kNotFound, "")) : DecodeGroup(found->second.value);
    if (!record.ok()) return Violation(name + " was acknowledged, and is not there");
    ++tally_.groups;
    tally_.sequential += record->sequential;
    tally_.stopped += record->stopped;
    if (!record->was_settled()) Violation(name + " is not settled, with nothing pending");
    bool failed = false;
    for (size_t place = 0; place < wish.group->submit.items.size(); ++place) {
      const NotifyRecord* member = image.Find(MemberOf(wish.id, place));
      const std::string which = name + "/" + std::to_string(place);
      if (!member || !IsSettled(member->state.phase)) return Violation(which + " is not there, or not settled");
      const GroupMember& outcome = record->members.at(place);
      if (outcome.phase != member->state.phase || outcome.attempts_made != member->state.attempts_made || outcome.reason != member->state.reason)
        Violation(which + " has another outcome in its group than by itself");
      tally_.retried += member->state.attempts_before > 0;
      const bool ran = member->state.phase == Phase::kSucceeded || member->state.attempts_made > 0;
      if (record->sequential && record->cancel_rest && failed && ran && !wish.retried) Violation(which + " ran although one before it had failed");
      if (!record->stopped && member->state.phase == Phase::kCancelled) Violation(which + " is cancelled, and nobody wanted that");
      failed |= member->state.phase != Phase::kSucceeded;
    }
    if (record->stopped && !wish.withdrawn && !wish.retried && !(record->cancel_rest && failed)) Violation(name + " is stopped, and nothing failed");
    const std::set<NotifyId>& callbacks = told[url + "/told"];
    tally_.told += callbacks.size();
    if (callbacks.size() != (wish.tells.empty() ? 0 : 1)) Violation(name + " is told of " + std::to_string(callbacks.size()) + " times");
    if (callbacks.size() == 1 && *callbacks.begin() != record->callback_id) Violation(name + " is told of by another than it says");
  }
}

void Flows::CheckEvents(const FakeImage& image) {
  std::map<NotifyId, std::multiset<std::string>> reached;
  std::map<std::string, NotifyId> last;  // by subscription: the last event
  for (const auto& [id, record] : image.notifies) {
    const FlowFields* flow = record->envelope->flow.get();
    if (!flow || std::find(std::begin(kOwn), std::end(kOwn), flow->subscription) == std::end(kOwn)) continue;
    ++tally_.notifies;
    reached[flow->event].insert(flow->subscription);
    if (!IsSettled(record->state.phase)) Violation(id.ToString() + " of " + flow->subscription + " is not settled");
    NotifyId& before = last[flow->subscription];
    if (flow->event < before) Violation(id.ToString() + " of " + flow->subscription + " is not in the order of the events");
    before = std::max(before, flow->event);
  }
  for (const Wish& wish : wishes_) {
    if (!wish.event) continue;
    ++tally_.events;
    const std::multiset<std::string> own = reached[wish.id];
    reached.erase(wish.id);
    if (own != std::multiset<std::string>(wish.subscribed.begin(), wish.subscribed.end()))
      Violation("event " + std::to_string(wish.number) + " (" + wish.id.ToString() + ") of " + wish.event->topic + " has " +
                std::to_string(own.size()) + " notifies, or those of others, in place of " + std::to_string(wish.subscribed.size()));
  }
  for (const auto& [id, own] : reached)
    if (!own.empty()) Violation("event " + id.ToString() + " is there, and is nobody's, or a second time");
}

void Flows::CheckCalls(const FakeImage& image) {
  std::map<std::string, std::set<NotifyId>> made;
  for (const auto& [id, record] : image.notifies)
    if (record->envelope->host == kService) made[std::string(PeekUrl(*record->spec))].insert(id);
  for (const Wish& wish : wishes_)
    if (wish.call && made[std::string(PeekUrl(*wish.call->spec))] != std::set{wish.id})
      Violation("call " + std::to_string(wish.number) + " of the service is not there once");
}

void Flows::CheckSchedules(const FakeImage& image) {
  std::map<std::string, std::multiset<int64_t>> made;  // times, by schedule
  for (const auto& [id, record] : image.notifies)
    if (const FlowFields* flow = record->envelope->flow.get(); flow && !flow->schedule.empty()) made[flow->schedule].insert(flow->scheduled_at.ms);
  for (const Wish& wish : wishes_) {
    if (!wish.schedule) continue;
    const std::multiset<int64_t>& own = made[wish.schedule->name];
    tally_.runs += own.size();
    if (!CheckTimes(wish.schedule->name, *wish.schedule->said, image, own, world_)) return;
  }
}

}  // namespace notifyd::sim
