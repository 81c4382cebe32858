// Bulk retry, cancel and purge. The store's list finds them, oldest first, a page after the other; what is found is then looked at again as it is
// now, and all that it still applies to is changed in one turn, and so in one batch.
#include <algorithm>
#include <utility>

#include "broker/core_groups.h"
#include "broker/core_responses.h"
#include "broker/core_topics.h"
#include "broker/flow.h"

namespace notifyd {
namespace {

/// How many pages one call asks for at most: with a rare filter over a long history it ends early, and the next call goes on.
constexpr uint32_t kBulkPages = 8;
/// So many bytes of what it changes memory takes at once, and the batch: beyond that it ends early, too.
constexpr size_t kBulkBytes = 8 << 20;
/// What is read of one that is cancelled takes so many at most, with what its callback says of it.
constexpr size_t kMostEndBytes = 8 << 10;

/// What has to be read of a notify before it is changed, beyond what stands before its spec. What only moves needs nothing of that.
size_t BytesToRead(BulkKind kind, State state, const LoadedNotify& item) {
  if (kind == BulkKind::kRetry) return IsSettled(state) ? item.bytes : 0;
  const Envelope& envelope = *item.record->envelope;
  if (kind == BulkKind::kPurge || (!envelope.callback && !(envelope.flow && envelope.flow->group.value != 0))) return 0;
  return std::min(item.bytes, kMostEndBytes);
}

}  // namespace

void Core::Impl::On(BulkRequest& e) {
  if (RefusedStopping(e.request)) return Decide(Decided::Kind::kRequest, {}, e.request);
  auto applies = [&](State state) { return e.kind == BulkKind::kRetry || IsSettled(state) == (e.kind == BulkKind::kPurge); };
  auto& states = e.query.states;
  states.erase(std::remove_if(states.begin(), states.end(), [&](State state) { return !applies(state); }), states.end());
  if (states.empty()) {
    ReplyNow(e.request, BulkDone{});
    return Decide(Decided::Kind::kRequest, {}, e.request);
  }
  e.query.oldest_first = true;
  out_->lists.push_back(ListOf(e.request, e.query));
  RequestId request = e.request;
  bulks_[request].asked = std::move(e);
}

bool Core::Impl::Applies(BulkKind kind, const Entry& entry) {
  if (!entry.exists) return false;
  switch (kind) {
    case BulkKind::kRetry:
      return !entry.in_flight() && !GroupPart::AwaitsTurn(entry) && !TopicPart::HasReleased(entry);
    case BulkKind::kCancel:
      return entry.pending();
    case BulkKind::kPurge:
      break;
  }
  return !entry.pending() && !entry.in_flight();
}

void Core::Impl::OnBulkList(ListDone& e) {
  auto found = bulks_.find(e.request);
  if (!e.status.ok()) return Fatal(std::move(e.status));
  Bulk& bulk = found->second;
  ListQuery& query = bulk.asked.query;
  for (LoadedNotify& item : e.items) {
    Entry* entry = FindEntry(item.record->id);
    State state = StateOf(item);
    bool in_flight = entry && entry->in_flight();
    if (std::find(query.states.begin(), query.states.end(), state) == query.states.end()) continue;
    if (in_flight && bulk.asked.kind != BulkKind::kCancel) continue;
    if (bulk.asked.kind == BulkKind::kRetry && TopicPart::HasReleased(*item.record)) continue;
    bulk.ids.push_back(item.record->id);
    if (!bulk.asked.dry_run) bulk.bytes += BytesToRead(bulk.asked.kind, state, item);
    if (bulk.bytes < kBulkBytes) continue;
    if (&item != &e.items.back()) e.next = item.record->id;
    bulk.pages = kBulkPages;
    break;
  }
  bool complete = e.next.value == 0;
  query.limit -= std::min(query.limit, e.items.size());
  if (!complete && query.limit > 0 && bulk.pages + 1 < kBulkPages) {
    ++bulk.pages;
    query.above = e.next;
    out_->lists.push_back(ListOf(e.request, query));
    return;
  }
  BulkApply apply{std::move(bulk.asked), std::move(bulk.ids), e.next};
  bulks_.erase(found);
  if (apply.bulk.dry_run || apply.ids.empty()) {
    ReplyNow(e.request, BulkDone{apply.ids.size(), apply.next});
    return Decide(Decided::Kind::kRequest, {}, e.request);
  }
  RunTask(MakeTask(std::move(apply)));
}

Handled Core::Impl::Handle(Task* task, BulkApply& r) {
  if (RefusedStopping(r.bulk.request)) return Handled::kDone;
  BulkKind kind = r.bulk.kind;
  auto wanted = [&](const Entry& entry) {
    const auto& states = r.bulk.query.states;
    // What was listed may be gone by now, and has no contents any more.
    if (!Applies(kind, entry) || (kind == BulkKind::kRetry && topics_->IsLeaving(entry))) return false;
    return std::find(states.begin(), states.end(), StateOf(entry.state, &entry)) != states.end();
  };
  // Where all are settled it reads at once what that takes.
  const bool settled = std::all_of(r.bulk.query.states.begin(), r.bulk.query.states.end(), [](State state) { return IsSettled(state); });
  const Reads first = kind == BulkKind::kRetry && settled ? Reads::kStored : Reads::kBeginning;
  if (!topics_->KnowsLeaving()) NeedCatalog(task);
  for (NotifyId id : r.ids) {
    Entry* entry = FindEntry(id) ? NeedEntry(task, id) : NeedEntry(task, id, first);
    if (!entry || !wanted(*entry)) continue;
    if (kind != BulkKind::kPurge) NeedLane(task, entry->envelope->lane);
    const bool revives = kind == BulkKind::kRetry && !entry->pending();
    if (revives) NeedEntry(task, id, Reads::kStored);
    else if (kind == BulkKind::kCancel && LacksLastAttempt(*entry)) NeedEntry(task, id, Reads::kEnd);
    else if (kind == BulkKind::kPurge && IsShown(id)) NeedEntry(task, id, Reads::kWhole);
    if (revives) groups_->NeedGroupOf(task, *entry);
  }
  if (task->missing > 0) return Handled::kParked;
  if (kind == BulkKind::kRetry) {
    // Those that settled are pending again, which the quota counts as it does new ones. All of a page or none.
    const auto revived = std::count_if(r.ids.begin(), r.ids.end(), [&](NotifyId id) { return wanted(*FindEntry(id)) && !FindEntry(id)->pending(); });
    if (revived > 0 && totals_.claimed() + static_cast<uint64_t>(revived) > limits_.max_pending) return Refuse(r.bulk.request, TooManyPending());
  }
  BulkDone done;
  done.next = r.next;
  std::vector<Entry*> revived;
  bool changed = false;
  for (NotifyId id : r.ids) {
    Entry* entry = FindEntry(id);
    if (!wanted(*entry)) continue;
    ++done.count;
    if (kind == BulkKind::kRetry && !entry->pending()) revived.push_back(entry);
    changed |= kind != BulkKind::kRetry;
    if (kind == BulkKind::kRetry) changed |= ApplyRetry(entry, r.bulk.via);
    else if (kind == BulkKind::kCancel) Settle(entry, Phase::kCancelled, "cancelled", std::nullopt);
    else ApplyPurge(entry);
    Decide(Decided::Kind::kItem, id, r.bulk.request);
  }
  groups_->OnRevived(task, revived);
  journal_.AskSync();
  return ReplyAfter(journal_.Barrier(), r.bulk.request, done, !changed);
}

/// Removes a settled notify and what points to it. Its idempotency key goes on answering with its id, and the totals stay.
void Core::Impl::ApplyPurge(Entry* entry) {
  KeepForAnswers(*entry);
  Write(DeleteNotify{entry->id});
  responses_->Remove(*entry);
  if (entry->state.phase != Phase::kSucceeded) Write(DeleteSettled{entry->state.phase, entry->id});
  if (!entry->envelope->fkey.empty()) EndFkey(*entry, now_.wall);
  KeepSpec(entry, nullptr);
  entry->full = nullptr;
  entry->exists = false;
  ++stored_.purged;
  ++entry->changes;
  Touch(entry);
}

}  // namespace notifyd
