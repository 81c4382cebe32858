#include "cli/client/import_rows.h"

#include <algorithm>
#include <utility>

#include "base/clocks.h"
#include "cli/client/stop_signal.h"
#include "cli/client/table.h"
#include "cli/import/local_time.h"

namespace notifyd {
namespace {

constexpr uint32_t kBatchRows = 500;
constexpr size_t kRefusalsMost = 100'000;  // remembered
constexpr std::chrono::minutes kAgain{1};

}  // namespace

RowImport::RowImport(ImportWork* work, const TimeZone& zone)
    : work_(work),
      zone_(zone),
      terms_{work->options().mysql->database, work->options().mysql->table, &zone, work->options().caller},
      table_(*work->options().mysql) {}

ImportEnd RowImport::Open() {
  RowCounts counts;
  const ImportEnd end = work_->Reach([&] {
    if (!table_.open()) NOTIFYD_TRY(table_.Open());
    // Before anything is submitted: else the calls were here, and the rows there for ever.
    if (!work_->options().only_looks()) NOTIFYD_TRY(table_.CheckRemoval());
    Result<RowCounts> counted = table_.Count();
    if (!counted.ok()) return std::move(counted).status();
    counts = *counted;
    return Status::Ok();
  });
  if (end != ImportEnd::kDone) return end;
  const bool held = work_->options().held;
  if (!work_->options().follow) total_ = counts.with_time + (held ? counts.without_time : 0);
  if (!held && counts.without_time > 0)
    work_->Say(Grouped(counts.without_time) + (counts.without_time == 1 ? " row has" : " rows have") +
               " no time: what is held until its fKey is triggered stays, for --held was not given");
  return ImportEnd::kDone;
}

ImportEnd RowImport::Pass(bool* moved) {
  RowQuery query;
  query.limit = kBatchRows;
  query.held = work_->options().held;
  if (work_->options().follow) query.due = FormatLocalTime(ReadWall(), zone_);
  for (;;) {
    if (StopAsked()) return ImportEnd::kStopped;
    std::vector<OldRow> rows;
    if (const ImportEnd end = ReadNext(query, &rows); end != ImportEnd::kDone) return end;
    if (rows.empty()) return ImportEnd::kDone;
    query.above = rows.back().id;
    Batch batch;
    batch.session = table_.session();
    Choose(rows, &batch);
    if (const ImportEnd end = Move(batch, moved); end != ImportEnd::kDone) return end;
    work_->ShowProgress(total_);
  }
}

ImportEnd RowImport::ReadNext(const RowQuery& query, std::vector<OldRow>* rows) {
  return work_->Reach([&] {
    if (!table_.open()) NOTIFYD_TRY(table_.Open());
    Result<std::vector<OldRow>> read = table_.Read(query);
    if (!read.ok()) return std::move(read).status();
    *rows = *std::move(read);
    return Status::Ok();
  });
}

void RowImport::Choose(const std::vector<OldRow>& rows, Batch* batch) {
  for (const OldRow& row : rows) {
    if (IsRefused(row.id)) continue;
    if (!refusals_.contains(row.id)) ++work_->rows().read;
    Result<OldCall> call = CallOfRow(row, terms_);
    if (!call.ok()) {
      Refuse(row.id, call.status().detail());
      continue;
    }
    batch->ids.push_back(row.id);
    batch->calls.push_back(*std::move(call));
  }
}

ImportEnd RowImport::Move(const Batch& batch, bool* moved) {
  if (batch.ids.empty()) return ImportEnd::kDone;
  if (work_->options().dry_run) {
    for (const OldCall& call : batch.calls) work_->Show(call);
    work_->rows().accepted += batch.calls.size();
    return ImportEnd::kDone;
  }
  ImportSubmitter::Batch submitted = work_->submitter().Submit(batch.calls);
  for (size_t i = 0; i < batch.ids.size(); ++i) {
    const std::optional<ImportAnswer>& answer = submitted.answers[i];
    if (!answer) continue;
    using Kind = ImportAnswer::Kind;
    if (answer->kind == Kind::kRefused) Refuse(batch.ids[i], answer->why);
    // Something of the row, or of how it is read, has changed since. What was accepted is on its way: whether the row is to go too is for people to
    // say.
    if (answer->kind == Kind::kKeyUsed) Refuse(batch.ids[i], "it was submitted before, as something else (" + answer->why + ")");
    if (answer->kind != Kind::kNew && answer->kind != Kind::kKnown) continue;
    *moved = true;
    ++work_->rows().accepted;
    work_->rows().before += answer->kind == Kind::kKnown;
    work_->rows().stay -= refusals_.erase(batch.ids[i]);
  }
  const ImportEnd removed = work_->options().keep ? ImportEnd::kDone : Remove(batch, submitted.answers);
  return submitted.end != ImportEnd::kDone ? submitted.end : removed;
}

ImportEnd RowImport::Remove(const Batch& batch, const std::vector<std::optional<ImportAnswer>>& answers) {
  std::map<uint64_t, const ImportAnswer*> taken;
  std::vector<uint64_t> ids;
  for (size_t i = 0; i < batch.ids.size(); ++i) {
    if (!answers[i] || (answers[i]->kind != ImportAnswer::Kind::kNew && answers[i]->kind != ImportAnswer::Kind::kKnown)) continue;
    taken[batch.ids[i]] = &*answers[i];
    ids.push_back(batch.ids[i]);
  }
  if (ids.empty()) return ImportEnd::kDone;
  std::vector<uint64_t> there;
  bool first = true, same = true;
  const ImportEnd end = work_->Reach([&] {
    // A removal whose answer was lost may have been made.
    same = first && table_.open() && table_.session() == batch.session;
    first = false;
    if (!table_.open()) NOTIFYD_TRY(table_.Open());
    Result<std::vector<uint64_t>> removed = table_.Remove(ids);
    if (!removed.ok()) return std::move(removed).status();
    there = *std::move(removed);
    return Status::Ok();
  });
  if (end != ImportEnd::kDone) return end;
  work_->rows().removed += there.size();
  if (!same) return ImportEnd::kDone;
  for (uint64_t id : there) taken.erase(id);
  for (const auto& [id, answer] : taken) TakenByOther(id, *answer);
  return ImportEnd::kDone;
}

void RowImport::TakenByOther(uint64_t id, const ImportAnswer& answer) {
  const std::string row = "row " + std::to_string(id) + " was taken by somebody else meanwhile, as a producer's trigger does: ";
  // What was accepted before may be what that one was about; then nothing is left to be taken back.
  const bool cancelled = answer.kind == ImportAnswer::Kind::kNew && work_->submitter().Cancel(answer.id);
  work_->Say(row + (cancelled ? "its notify " + answer.id + " is cancelled" : "its notify " + answer.id + " was sent too, or will be"));
}

void RowImport::Refuse(uint64_t id, const std::string& why) {
  const auto known = refusals_.find(id);
  if (known == refusals_.end()) ++work_->rows().stay;
  if (known == refusals_.end() || known->second.why != why) work_->Stays("row " + std::to_string(id), why);
  if (known == refusals_.end() && refusals_.size() >= kRefusalsMost) return;
  refusals_[id] = {why, Clock::now() + kAgain};
}

bool RowImport::IsRefused(uint64_t id) const {
  const auto known = refusals_.find(id);
  return known != refusals_.end() && (!work_->options().follow || Clock::now() < known->second.again);
}

}  // namespace notifyd
