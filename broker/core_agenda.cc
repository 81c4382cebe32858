// The agenda: what was begun and takes more than the turn in which it was, written with what began it, so that a restart goes on with it. An item is
// a record (kAgenda) under its serial; its first byte says what kind it is, the rest is that kind's own. See core_impl.h.
//
// Items are of several sorts, which have nothing to do with one another: how many fan-outs wait says nothing of when a group goes on. So each sort
// has a line of its own, in the order of serials, and only what is under way, in memory or on disk of its own sort keeps an item waiting. On disk the
// lines lie among one another, as they were written; a page is read for all that have no more in memory, and each takes what is its own.
//
// An item begins once all before it in its line have begun. Its task may park, and others then overtake it; a kind whose items must follow one
// another sees to that itself. Being carried out twice must do no harm: a crash may come between what an item does, and the batch that has it.
#include <algorithm>
#include <iterator>
#include <utility>

#include "base/bytes.h"
#include "broker/core_groups.h"
#include "broker/core_topics.h"

namespace notifyd {
namespace {

/// So many items in memory at most; further ones are read back when these have begun.
constexpr size_t kMostInMemory = 4096;
/// So many tasks of one line are under way at most.
constexpr size_t kMostRunning = 64;

AgendaSort SortOf(const std::string& what) {
  switch (what.empty() ? '\0' : what[0]) {
    case kGroupAgenda:
      return AgendaSort::kGroups;
    case kFanOut:
      return AgendaSort::kFanOuts;
    case kScan:
      return AgendaSort::kScans;
    case kUnsubscribe:
      return AgendaSort::kUnsubscribes;
    default:
      return AgendaSort::kOthers;
  }
}

std::string SerialKey(uint64_t serial) {
  std::string key;
  Encoder(&key).Big64(serial);
  return key;
}

}  // namespace

AgendaLine& Agenda::Of(const std::string& what) {
  return (*this)[SortOf(what)];
}

size_t Agenda::InMemory() const {
  size_t count = 0;
  for (const AgendaLine& line : lines) count += line.due.size();
  return count;
}

/// One line has as many as are left for others at most: however long it is, there is room for these.
bool Agenda::HasRoomFor(const AgendaLine& line) const {
  return line.due.size() < kMostRunning || line.due.size() + InMemory() < kMostInMemory;
}

bool Agenda::IsIdle() const {
  return std::all_of(lines.begin(), lines.end(), [](const AgendaLine& line) { return line.empty() && line.running == 0; });
}

bool Agenda::WantsTurn() const {
  return std::any_of(lines.begin(), lines.end(),
                     [this](const AgendaLine& line) { return line.due.empty() ? line.OnDisk() && !paging : line.running < kMostRunning; });
}

uint64_t Core::Impl::AddToAgenda(std::string what) {
  const uint64_t serial = totals_.next_serial++;
  WriteRecord(RecordKey{RecordKind::kAgenda, SerialKey(serial)}, what, kWallNever, /*fresh=*/true);
  AgendaLine& line = agenda_.Of(what);
  if (!line.OnDisk() && agenda_.HasRoomFor(line)) {
    line.due.push_back({serial, std::move(what)});
    return serial;
  }
  if (!line.OnDisk()) line.from = serial;
  line.until = serial + 1;
  return serial;
}

void Core::Impl::KeepOnAgenda(uint64_t serial, std::string what) {
  WriteRecord(RecordKey{RecordKind::kAgenda, SerialKey(serial)}, what, kWallNever, /*fresh=*/false);
  std::deque<AgendaDue>& due = agenda_.Of(what).due;
  due.push_front({serial, std::move(what)});
}

void Core::Impl::DropFromAgenda(uint64_t serial) {
  RemoveRecord(RecordKey{RecordKind::kAgenda, SerialKey(serial)}, /*was_there=*/true);
}

/// Begins what is next. After a stop was asked for nothing begins any more: it is on disk.
void Core::Impl::RunAgenda() {
  PageCatalog();
  if (stopping_) return;
  PageAgenda();
  for (AgendaLine& line : agenda_.lines) RunLine(&line);
}

void Core::Impl::RunLine(AgendaLine* line) {
  // What an item adds, or keeps, waits for the next turn, and keeps its place until then: those behind it may wait for it. One may take others with
  // it.
  std::vector<uint64_t> begun;
  std::vector<AgendaDue> kept;
  const auto has_place = [&] { return line->running + kept.size() < kMostRunning && begun.size() < kMostRunning; };
  for (size_t waiting = line->due.size(); waiting > 0 && !line->due.empty() && has_place();) {
    AgendaDue due = std::move(line->due.front());
    line->due.pop_front();
    if (std::find(begun.begin(), begun.end(), due.serial) != begun.end()) {
      kept.push_back(std::move(due));
      continue;
    }
    --waiting;
    begun.push_back(due.serial);
    ++line->running;
    RunTask(MakeTask(std::move(due)));
  }
  line->due.insert(line->due.begin(), std::make_move_iterator(kept.begin()), std::make_move_iterator(kept.end()));
}

/// Reads on where a line has no more in memory. One that has some takes what follows on that, as far as there is room, so that it need not be read
/// again.
void Core::Impl::PageAgenda() {
  if (agenda_.paging) return;
  uint64_t from = UINT64_MAX, until = 0;
  for (const AgendaLine& line : agenda_.lines) {
    if (!line.OnDisk()) continue;
    until = std::max(until, line.until);
    if (line.due.empty()) from = std::min(from, line.from);
  }
  if (from >= until) return;
  agenda_.paging = true;
  RecordsPage page{RecordKind::kAgenda, SerialKey(from), SerialKey(until), false};
  AskRecords(std::move(page), limits_.page_items, [this, from, until](std::vector<RecordRow>& rows, bool more) {
    agenda_.paging = false;
    const uint64_t read = more ? Decoder(rows.back().key).Big64() + 1 : until;
    std::vector<AgendaLine*> taking;
    for (AgendaLine& line : agenda_.lines)
      if (line.OnDisk() && line.from >= from && line.from < read) taking.push_back(&line);
    for (RecordRow& row : rows) {
      const uint64_t serial = Decoder(row.key).Big64();
      AgendaLine& line = agenda_.Of(row.record.value);
      auto takes = std::find(taking.begin(), taking.end(), &line);
      if (takes == taking.end() || serial < line.from) continue;
      if (agenda_.HasRoomFor(line)) {
        line.due.push_back({serial, std::move(row.record.value)});
      } else {
        line.from = serial;
        taking.erase(takes);
      }
    }
    for (AgendaLine* line : taking) line->from = read;
  });
}

/// Whoever adds a kind carries it out here; it counts as running until it is done. An item of a kind that this broker does not know is dropped.
Handled Core::Impl::Handle(Task* task, AgendaDue& r) {
  if (!r.what.empty() && static_cast<uint8_t>(r.what[0]) == kGroupAgenda) return groups_->Handle(task, r);
  if (std::optional<Handled> handled = topics_->HandleDue(task, r)) return *handled;
  DropFromAgenda(r.serial);
  EndDue(r);
  return Handled::kDone;
}

}  // namespace notifyd
