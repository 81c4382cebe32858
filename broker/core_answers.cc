// Answers that show a notify. What they show of its state is decided with what they answer; the whole of it is read from the store once that is
// written, or durable. Between the two others may send it again, change it or remove it, and retention may end: none of that is seen in the answer.
#include <algorithm>
#include <utility>

#include "broker/core_impl.h"
#include "broker/core_responses.h"
#include "broker/core_topics.h"

namespace notifyd {

void Core::Impl::DecideAnswer(RequestId request, const Entry& entry) {
  CHECK(entry.exists);
  bool fresh = shown_.emplace(request, Shown{entry.id, entry.state, StateOf(entry.state, &entry), nullptr}).second;
  CHECK(fresh);
  shown_by_id_[entry.id].push_back(request);
}

void Core::Impl::ShowAfter(uint64_t batch, RequestId request, const Entry& entry) {
  DecideAnswer(request, entry);
  ReadEffect read{request, entry.id, true};
  if (journal_.IsSynced(batch)) ReadFor(read);
  else journal_.AfterSync(batch, read);
}

void Core::Impl::ShowWritten(uint64_t batch, RequestId request, const Entry& entry) {
  DecideAnswer(request, entry);
  ReadEffect read{request, entry.id, true};
  if (journal_.IsWritten(batch)) ReadFor(read);
  else journal_.AfterWrite(batch, read);
}

void Core::Impl::KeepForAnswers(const Entry& entry) {
  auto found = shown_by_id_.find(entry.id);
  if (found == shown_by_id_.end()) return;
  CHECK(entry.full && entry.full_as == Reads::kWhole);
  for (RequestId request : found->second)
    if (Shown& shown = shown_.at(request); !shown.kept) shown.kept = entry.full;
}

/// Reads what an answer shows, now that it may, or answers at once from what was kept for it meanwhile.
void Core::Impl::ReadFor(const ReadEffect& read) {
  if (shown_.at(read.request).kept) Show(read.request, nullptr);
  else out_->reads.push_back(read);
}

Shown Core::Impl::TakeShown(RequestId request) {
  auto found = shown_.find(request);
  Shown shown = std::move(found->second);
  shown_.erase(found);
  auto of_id = shown_by_id_.find(shown.id);
  std::erase(of_id->second, request);
  if (of_id->second.empty()) shown_by_id_.erase(of_id);
  return shown;
}

void Core::Impl::AnswerUnknown() {
  std::vector<RequestId> refused;
  journal_.TakeUnsynced([&](auto& waiting) {
    const auto* reply = std::get_if<Reply>(&waiting);
    const auto* read = std::get_if<ReadEffect>(&waiting);
    const auto* lanes = std::get_if<LanesEffect>(&waiting);
    if (read) TakeShown(read->request);
    if (lanes) lane_lists_.erase(lanes->request);
    if (!reply && !read && !lanes) return false;
    refused.push_back(reply ? reply->request : read ? read->request : lanes->request);
    return true;
  });
  journal_.TakeUnwritten([&](auto& waiting) {
    const auto* read = std::get_if<ReadEffect>(&waiting);
    if (!read) return false;
    TakeShown(read->request);
    // Whoever only looks is shown what the store has.
    if (responses_->Waits(read->request)) refused.push_back(read->request);
    else out_->reads.push_back(*read);
    return true;
  });
  for (RequestId request : refused) {
    responses_->Forget(request);
    Refuse(request, Code::kOutcomeUnknown, "the database does not write: whether this was done is known once it does again");
  }
  topics_->AnswerAppliesUnknown();
}

/// Answers with the state that was decided, laid over the record. `read`: that as the store has it, or null.
void Core::Impl::Show(RequestId request, std::shared_ptr<NotifyRecord> read) {
  Shown shown = TakeShown(request);
  std::shared_ptr<NotifyRecord> record = shown.kept ? std::make_shared<NotifyRecord>(*shown.kept) : std::move(read);
  // Compaction may just have taken one whose retention is zero.
  if (!record) {
    if (responses_->AnswerRemoved(request)) return;
    Refuse(request, Code::kNotFound, "there is no such notify");
    return;
  }
  record->state = std::move(shown.state);
  std::erase_if(record->attempts, [&](const AttemptRecord& attempt) { return attempt.number > record->state.attempts_made; });
  NotifyView view{std::move(record), shown.as};
  if (!responses_->AnswerSettled(request, view)) out_->replies.push_back({request, Viewed{std::move(view)}, shown.unchanged});
}

void Core::Impl::On(ReadDone& e) {
  --reads_under_way_;
  if (!e.status.ok()) return Fatal(std::move(e.status));
  if (shown_.count(e.request) > 0) return Show(e.request, std::move(e.notify.record));
  if (!e.notify.record) {
    Refuse(e.request, Code::kNotFound, "there is no such notify");
    return;
  }
  State state = StateOf(e.notify);
  ReplyNow(e.request, Viewed{{std::move(e.notify.record), state}});
}

}  // namespace notifyd
