// The agenda: what was begun and takes more than the turn in which it was, written with what began it, so that a restart goes on with it. An item is
// a record (kAgenda) under its serial; its first byte says what kind it is, the rest is that kind's own. See core_impl.h.
//
// An item begins once all before it have begun. Its task may park, and others then overtake it; a kind whose items must follow one another sees to
// that itself. Being carried out twice must do no harm: a crash may come between what an item does, and the batch that has it.
#include <algorithm>
#include <iterator>
#include <utility>

#include "base/bytes.h"
#include "broker/core_groups.h"
#include "broker/core_topics.h"

namespace notifyd {
namespace {

// So many items in memory at most; further ones are read back when these have begun.
constexpr size_t kMostInMemory = 4096;

std::string SerialKey(uint64_t serial) {
  std::string key;
  Encoder(&key).Big64(serial);
  return key;
}

}  // namespace

uint64_t Core::Impl::AddToAgenda(std::string what) {
  const uint64_t serial = totals_.next_serial++;
  WriteRecord(RecordKey{RecordKind::kAgenda, SerialKey(serial)}, what, kWallNever, /*fresh=*/true);
  if (!AgendaOnDisk() && agenda_.size() < kMostInMemory) {
    agenda_.push_back({serial, std::move(what)});
    return serial;
  }
  if (!AgendaOnDisk()) agenda_from_ = serial;
  agenda_until_ = serial + 1;
  return serial;
}

void Core::Impl::KeepOnAgenda(uint64_t serial, std::string what) {
  WriteRecord(RecordKey{RecordKind::kAgenda, SerialKey(serial)}, what, kWallNever, /*fresh=*/false);
  agenda_.push_front({serial, std::move(what)});
}

void Core::Impl::DropFromAgenda(uint64_t serial) {
  RemoveRecord(RecordKey{RecordKind::kAgenda, SerialKey(serial)}, /*was_there=*/true);
}

/// Begins what is next. After a stop was asked for nothing begins any more: it is on disk.
void Core::Impl::RunAgenda() {
  PageCatalog();
  if (stopping_) return;
  PageAgenda();
  // What an item adds, or keeps, waits for the next turn. One may take others with it.
  std::vector<uint64_t> begun;
  std::vector<AgendaDue> kept;
  for (size_t waiting = agenda_.size(); waiting > 0 && !agenda_.empty() && begun.size() < kMostAgendaTasks;) {
    // Those that wait for room, maybe for long, hold up none but their like.
    const bool full = agenda_running_ >= kMostAgendaTasks;
    if (full && (!topics_->WaitsForRoom() || agenda_running_ >= 2 * kMostAgendaTasks)) break;
    AgendaDue due = std::move(agenda_.front());
    agenda_.pop_front();
    if ((full && TopicPart::MakesNotifies(due)) || std::find(begun.begin(), begun.end(), due.serial) != begun.end()) {
      kept.push_back(std::move(due));
      continue;
    }
    --waiting;
    begun.push_back(due.serial);
    ++agenda_running_;
    RunTask(MakeTask(std::move(due)));
  }
  agenda_.insert(agenda_.begin(), std::make_move_iterator(kept.begin()), std::make_move_iterator(kept.end()));
}

void Core::Impl::PageAgenda() {
  if (!AgendaOnDisk() || agenda_paging_ || !agenda_.empty()) return;
  agenda_paging_ = true;
  const uint64_t until = agenda_until_;
  RecordsPage page{RecordKind::kAgenda, SerialKey(agenda_from_), SerialKey(until), false};
  AskRecords(std::move(page), limits_.page_items, [this, until](std::vector<RecordRow>& rows, bool more) {
    agenda_paging_ = false;
    for (RecordRow& row : rows) agenda_.push_back({Decoder(row.key).Big64(), std::move(row.record.value)});
    agenda_from_ = more ? agenda_.back().serial + 1 : until;
  });
}

/// Whoever adds a kind carries it out here; it counts as running until it is done. An item of a kind that this broker does not know is dropped.
Handled Core::Impl::Handle(Task* task, AgendaDue& r) {
  if (!r.what.empty() && static_cast<uint8_t>(r.what[0]) == kGroupAgenda) return groups_->Handle(task, r);
  if (std::optional<Handled> handled = topics_->HandleDue(task, r)) return *handled;
  DropFromAgenda(r.serial);
  --agenda_running_;
  return Handled::kDone;
}

}  // namespace notifyd
