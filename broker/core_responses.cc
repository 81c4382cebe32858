// See core_responses.h.
#include "broker/core_responses.h"

#include <algorithm>
#include <utility>

#include "broker/core_groups.h"
#include "broker/core_history.h"
#include "broker/core_services.h"
#include "broker/flow.h"
#include "broker/response_records.h"

namespace notifyd {
namespace {

uint32_t KeepOf(const Envelope& envelope) {
  return envelope.flow ? envelope.flow->keep_response_bytes : 0;
}

/// The answer with so much of its body at most.
std::shared_ptr<const Response> Cut(std::shared_ptr<const Response> response, size_t most) {
  if (!response || response->body.size() <= most) return response;
  auto cut = std::make_shared<Response>();
  cut->status = response->status;
  cut->headers = response->headers;
  cut->body = response->body.substr(0, most);
  cut->truncated = true;
  cut->received_at = response->received_at;
  return cut;
}

constexpr int64_t kShortestWaitMs = 1;  // none at all is another answer

/// Of what makes something, or waits on for its end, where it is that request.
void ShortenWait(RequestId of, TaskEvent* event) {
  if (SubmitRequest* submit = std::get_if<SubmitRequest>(event)) {
    if (submit->request == of) submit->wait_ms = std::min(submit->wait_ms, kShortestWaitMs);
  } else if (GetRequest* get = std::get_if<GetRequest>(event)) {
    if (get->request == of) get->wait_ms = std::min(get->wait_ms, kShortestWaitMs);
  } else if (GroupRequest* group = std::get_if<GroupRequest>(event)) {
    if (group->request != of || group->ask->wait_ms <= kShortestWaitMs) return;
    auto ask = std::make_shared<GroupAsk>(*group->ask);
    ask->wait_ms = kShortestWaitMs;
    group->ask = std::move(ask);
  } else if (FiguresRequest* figures = std::get_if<FiguresRequest>(event); figures && figures->request == of) {
    const WaitOnAsk* wait_on = std::get_if<WaitOnAsk>(&figures->ask->what);
    if (wait_on) figures->ask = std::make_shared<const FiguresAsk>(FiguresAsk{WaitOnAsk{wait_on->id, wait_on->as, kShortestWaitMs}});
  }
}

}  // namespace

Handled Core::Impl::Handle(Task* task, ResponseRequest& r) {
  return responses_->Handle(task, r);
}

Handled Core::Impl::ResponsePart::Handle(Task* task, ResponseRequest& r) {
  Entry* entry = core_.NeedEntry(task, r.id);
  if (!entry) return Handled::kParked;
  if (!entry->exists) return core_.Refuse(r.request, Code::kNotFound, "there is no such notify");
  Read(r.id, [this, request = r.request, id = r.id](std::shared_ptr<const Response> response) {
    if (response) core_.ReplyNow(request, ResponseViewed{id, std::move(response)});
    else core_.Refuse(request, Code::kNotFound, "no answer is kept for this notify");
  });
  return Handled::kDone;
}

void Core::Impl::ResponsePart::Read(NotifyId id, std::function<void(std::shared_ptr<const Response>)> then) {
  std::string from = ResponseKey(id).key, to = ResponseKey({id.value + 1}).key;
  core_.AskRecords({RecordKind::kResponse, std::move(from), std::move(to)}, 1, [then = std::move(then)](std::vector<RecordRow>& rows, bool) {
    std::shared_ptr<const Response> response;
    if (!rows.empty())
      if (Result<Response> decoded = DecodeResponse(rows[0].record.value); decoded.ok())
        response = std::make_shared<const Response>(*std::move(decoded));
    then(std::move(response));
  });
}

// ---- submit and wait

void Core::Impl::ResponsePart::Wait(RequestId request, Entry* entry, SubmittedItem item, int64_t wait_ms) {
  const uint64_t batch = core_.journal_.Barrier();
  waits_.emplace(request, Waiting{std::move(item), batch, {core_.now_.mono.ms + wait_ms}, nullptr});
  if (entry->pending()) return core_.AddPoll(request, entry, wait_ms);
  if (KeepOf(*entry->envelope) == 0) {
    waits_.at(request).response = EarlyAnswer(entry->id);
    return core_.ShowAfter(batch, request, *entry);
  }
  // A duplicate of one that is settled: it may have kept its answer.
  core_.DecideAnswer(request, *entry);
  Read(entry->id, [this, request, batch, id = entry->id](std::shared_ptr<const Response> response) {
    if (auto waiting = waits_.find(request); waiting != waits_.end()) waiting->second.response = Cut(std::move(response), kWaitedResponseBytes);
    ReadEffect read{request, id, true};
    if (core_.journal_.IsSynced(batch)) core_.ReadFor(read);
    else core_.journal_.AfterSync(batch, read);
  });
}

Handled Core::Impl::HistoryPart::Do(Task* task, RequestId request, const WaitOnAsk& ask) {
  return core_.responses_->WaitOn(task, request, ask);
}

Handled Core::Impl::HistoryPart::Do(Task*, RequestId, const HandOverAsk& ask) {
  core_.responses_->HandOver(ask.over);
  return Handled::kDone;
}

Handled Core::Impl::HistoryPart::Do(Task*, RequestId, const EndWaitAsk& ask) {
  core_.EndPoll(ask.of, true);
  core_.groups_->EndPoll(ask.of);
  core_.services_->EndWatch(ask.of);
  // Or it does not wait yet, since the store is asked for it: then it hardly begins to.
  for (auto& [raw, task] : core_.parked_) ShortenWait(ask.of, &task->event);
  return Handled::kDone;
}

Handled Core::Impl::ResponsePart::WaitOn(Task* task, RequestId request, const WaitOnAsk& ask) {
  if (core_.RefusedStopping(request)) return Handled::kDone;
  Entry* entry = core_.NeedEntry(task, ask.id);
  if (!entry) return Handled::kParked;
  if (!entry->exists) return core_.Refuse(request, Code::kNotFound, "there is no such notify");
  SubmittedItem item;
  item.id = ask.id;
  item.state = core_.StateOf(entry->state, entry);
  item.due = entry->state.due;
  item.lane = entry->envelope->lane;
  item.duplicate = ask.as == TakenAs::kDuplicate;
  item.kept = ask.as == TakenAs::kKept;
  Wait(request, entry, std::move(item), ask.wait_ms);
  return Handled::kDone;
}

void Core::Impl::ResponsePart::HandOver(bool over) {
  hands_over_ = !over;
  if (core_.stopping_) EndPolls();
  else if (over) come_until_ = {core_.now_.mono.ms + kComeMs};
}

void Core::Impl::ResponsePart::ForgetEarly() {
  if (early_.empty() || Awaits()) return;
  early_.clear();
  early_bytes_ = 0;
}

void Core::Impl::ResponsePart::KeepEarly(NotifyId id, std::shared_ptr<const Response> answer) {
  early_bytes_ += answer->body.size();
  early_.emplace_back(id, std::move(answer));
  while (early_.size() > kMostEarly || early_bytes_ > kMostEarlyBytes) {
    early_bytes_ -= early_.front().second->body.size();
    early_.pop_front();
  }
}

std::shared_ptr<const Response> Core::Impl::ResponsePart::EarlyAnswer(NotifyId id) const {
  if (!Awaits()) return nullptr;
  const auto found = std::find_if(early_.rbegin(), early_.rend(), [id](const auto& each) { return each.first == id; });
  return found == early_.rend() ? nullptr : found->second;
}

bool Core::Impl::ResponsePart::Keeps(RequestId request) const {
  const auto waiting = waits_.find(request);
  return hands_over_ && waiting != waits_.end() && core_.entries_.at(waiting->second.item.id)->in_flight();
}

void Core::Impl::ResponsePart::EndPolls() {
  std::vector<std::pair<RequestId, NotifyId>> kept;
  while (std::optional<RequestId> waiting = core_.polls_.First()) {
    if (Keeps(*waiting)) kept.emplace_back(*waiting, *core_.polls_.Remove(*waiting));
    else core_.EndPoll(*waiting, true);
  }
  for (const auto& [request, id] : kept) core_.polls_.Add(request, id, waits_.at(request).until);
}

bool Core::Impl::ResponsePart::AnswerUnsettled(RequestId request, const Entry& entry) {
  auto found = waits_.find(request);
  if (found == waits_.end()) return false;
  Waiting waiting = std::move(found->second);
  waits_.erase(found);
  waiting.item.state = core_.StateOf(entry.state, &entry);
  waiting.item.due = entry.state.due;
  core_.ReplyAfter(waiting.batch, request, Waited{std::move(waiting.item), std::nullopt, nullptr});
  return true;
}

bool Core::Impl::ResponsePart::AnswerSettled(RequestId request, const NotifyView& view) {
  auto found = waits_.find(request);
  if (found == waits_.end()) return false;
  Waiting waiting = std::move(found->second);
  waits_.erase(found);
  waiting.item.state = view.state;
  core_.ReplyNow(request, Waited{std::move(waiting.item), view, std::move(waiting.response)});
  return true;
}

bool Core::Impl::ResponsePart::AnswerRemoved(RequestId request) {
  auto found = waits_.find(request);
  if (found == waits_.end()) return false;
  Waiting waiting = std::move(found->second);
  waits_.erase(found);
  waiting.item.removed = true;
  core_.ReplyNow(request, Waited{std::move(waiting.item), std::nullopt, nullptr});
  return true;
}

// ---- attempts

void Core::Impl::ResponsePart::SetCapture(const Entry& entry, StartAttempt* start) const {
  if (entry.envelope->reply_none) return;
  const size_t keep = KeepOf(*entry.envelope);
  // Nobody tells the attempt that a wait has ended: it knows from its start.
  MonoTime until = Awaits() ? come_until_ : core_.now_.mono;
  if (!waits_.empty()) {
    for (RequestId request : core_.polls_.WaitingFor(entry.id))
      if (auto waiting = waits_.find(request); waiting != waits_.end()) until = std::max(until, waiting->second.until);
  }
  const int64_t waited_ms = until.ms - core_.now_.mono.ms;
  start->capture_bytes = static_cast<uint32_t>(std::min(std::max(keep, waited_ms > 0 ? kWaitedResponseBytes : 0), kMostResponseBytes));
  start->capture_ms = keep > 0 ? kMonoNever.ms : waited_ms;
}

void Core::Impl::ResponsePart::TakeAnswer(NotifyId id, std::shared_ptr<const Response> response) {
  answered_ = id;
  answer_ = std::move(response);
}

void Core::Impl::ResponsePart::OnSettling(const Entry& entry, const AttemptRecord* attempt) {
  const NotifyState& state = entry.state;
  std::shared_ptr<const Response> answer;
  if (attempt && answered_ == entry.id) answer = std::move(answer_);
  answer_ = nullptr;
  if (const uint32_t keep = KeepOf(*entry.envelope); keep > 0 && answer) {
    const int64_t kept_ms = state.phase == Phase::kSucceeded ? core_.limits_.retention_succeeded_ms : core_.limits_.retention_settled_ms;
    std::string value = EncodeResponse(*Cut(answer, keep));
    core_.stored_.bytes += value.size() + kRecordBytes;
    unwritten_.emplace_back(core_.journal_.open(), answer);
    core_.WriteRecord(ResponseKey(entry.id), std::move(value), {core_.now_.wall.ms + kept_ms}, /*fresh=*/false);
  }
  whole_ = nullptr;
  // That of an end before this one, which was sent again since, is nobody's any more.
  std::erase_if(early_, [&](const auto& each) {
    if (each.first != entry.id) return false;
    early_bytes_ -= each.second->body.size();
    return true;
  });
  if (answer && Awaits()) KeepEarly(entry.id, Cut(answer, kWaitedResponseBytes));
  const std::vector<RequestId> waiting = core_.polls_.WaitingFor(entry.id);
  if (waiting.empty()) return;
  bool submitted = false;
  for (RequestId request : waiting) {
    auto found = waits_.find(request);
    if (found == waits_.end()) continue;
    submitted = true;
    found->second.response = Cut(answer, kWaitedResponseBytes);
  }
  // Where this was its only attempt all that is shown is here, and nobody need wait for the disk.
  const uint32_t others = state.attempts_made - (attempt ? 1 : 0);
  if (!submitted || !entry.spec || others > 0) return;
  whole_ = std::make_shared<NotifyRecord>();
  whole_->id = entry.id;
  whole_->created_at = entry.created_at;
  whole_->envelope = entry.envelope;
  whole_->spec = entry.spec;
  whole_->state = state;
  if (attempt) whole_->attempts.push_back(*attempt);
}

void Core::Impl::ResponsePart::ShowSettled(RequestId request, const Entry& entry) {
  // What was submitted may not be durable yet, where somebody cancelled it at once.
  auto found = waits_.find(request);
  const bool durable = found == waits_.end() || core_.journal_.IsSynced(found->second.batch);
  core_.DecideAnswer(request, entry);
  if (whole_ && found != waits_.end()) core_.shown_.at(request).kept = whole_;
  ReadEffect read{request, entry.id, true};
  const uint64_t batch = core_.journal_.open();
  if (durable) return core_.journal_.AfterWrite(batch, read);
  core_.journal_.AskSync();
  core_.journal_.AfterSync(batch, read);
}

void Core::Impl::ResponsePart::OnWritten(uint64_t batch) {
  while (!unwritten_.empty() && unwritten_.front().first <= batch) unwritten_.pop_front();
}

void Core::Impl::ResponsePart::Remove(const Entry& entry) {
  if (KeepOf(*entry.envelope) > 0) core_.RemoveRecord(ResponseKey(entry.id), /*was_there=*/false);
}

}  // namespace notifyd
