// How a shard opens the parts of the store of its namespaces, and what becomes of one that cannot be opened now.
#include <optional>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "cli/daemon/shard.h"
#include "cli/daemon/shard_slot.h"

namespace notifyd {
namespace {

/// So many parts of the store are opened at once, of one shard: others want the pool, too.
constexpr size_t kOpeningMost = 2;
constexpr int64_t kOpenAgainMs = 1'000;      // what lies where the store did not reach it
constexpr int64_t kUntakenAgainMs = 60'000;  // what lies there and is damaged, say

}  // namespace

/// What cannot be opened now is tried again after a pause, of which its requests do not wait for the end. What the registry asks of it waits on.
void Shard::OpenLater(Slot* slot, const Status& why, int64_t pause_ms) {
  RefuseLost(&slot->waiting, why);
  // Before it may be said that all is drained.
  Flush();
  if (stopping_) {
    EraseSlot(slot->number);
  } else {
    if (pause_ms > kOpenAgainMs) slot->untaken = why;
    roster_.SetWake(slot->number, {kWallNever, MonoTime{Read().mono.ms + pause_ms}});
  }
  // Whoever holds all attempts, or stops, waits for what is being opened.
  CheckHeld();
}

/// Returns what requests are answered of which a server has its own words: those are not for clients.
Status Shard::NotOpenYet(const Slot& slot) {
  if (slot.row && slot.row->settings.cell) return CellNotReached();
  return Status(Code::kUnavailable,
                "the namespace cannot be opened yet: the database is not reached, or has not committed what was written of it last");
}

/// Is it this namespace alone of which something is wrong? One in a cell has that to itself, and so has one that is damaged where others that
/// are whole are served by the same members: whoever would have it next would end by it, too. Not where the store says that somebody else has it.
bool Shard::IsItsOwnFault(const Slot& slot, const Status& fault) const {
  if (slot.for_good || slot.number == kDefaultNumber) return false;
  if (fault.code() == Code::kCorrupt && setup_.among_members) return true;
  const bool in_cell = slot.row && slot.row->settings.cell;
  return in_cell && (fault.code() == Code::kCorrupt || fault.code() == Code::kIo || fault.code() == Code::kUnacceptable);
}

/// Returns what its requests are answered.
Status Shard::Untaken(const Slot& slot, const Status& fault) {
  const std::optional<std::string> cell = slot.row ? slot.row->settings.cell : std::nullopt;
  Log(LogLevel::kError, "namespaces are not taken",
      {{"detail", fault.detail()}, {"count", 1}, {"namespace", NameOf(slot)}, {"cell", cell.value_or(std::string())}});
  return Status(Code::kUnavailable,
                "the namespace cannot be opened: something is wrong with what lies of it in the store, and the log of the broker says what");
}

Status Shard::OpenForGood(NamespaceNumber number) {
  Slot* slot = SlotOf(number);
  slot->for_good = true;
  Result<OpenedNamespace> opened = setup_.store->OpenNamespace(number, &slot->inbox);
  if (!opened.ok()) return std::move(opened).status();
  Begin(slot, *std::move(opened), setup_.store->StoredBytes(number));
  return Status::Ok();
}

void Shard::OpenNext() {
  while (opening_ < kOpeningMost && !to_open_.empty()) {
    const NamespaceNumber number = to_open_.front();
    to_open_.pop_front();
    Slot* slot = Find(number);
    if (!slot) {
      // One that a start found awake.
      if (stopping_ || !setup_.tables->Get()->FindNamespace(number)) continue;
      slot = SlotOf(number);
    }
    if (slot->core || slot->opening) continue;
    slot->untaken.reset();
    ++opening_;
    slot->opening = std::make_shared<OpeningJob>();
    Aside(
        [job = slot->opening, store = setup_.store, number, inbox = &slot->inbox] {
          job->result.emplace(store->OpenNamespace(number, inbox));
          if (job->result->ok()) job->stored_bytes = store->StoredBytes(number);
        },
        [this, number] { Opened(number); });
  }
}

void Shard::Opened(NamespaceNumber number) {
  --opening_;
  Slot* slot = Find(number);
  CHECK(slot != nullptr && slot->opening);
  const std::shared_ptr<OpeningJob> job = std::exchange(slot->opening, nullptr);
  Result<OpenedNamespace> opened = *std::move(job->result);
  const bool unreached = !opened.ok() && opened.status().code() == Code::kUnavailable;
  const bool untaken = !opened.ok() && !unreached && IsItsOwnFault(*slot, opened.status());
  if (!opened.ok() && !unreached && !untaken) return setup_.fatal(opened.status());
  if (!opened.ok() && !slot->left) {
    if (untaken) OpenLater(slot, Untaken(*slot, opened.status()), kUntakenAgainMs);
    else OpenLater(slot, opened.status().field().empty() ? NotOpenYet(*slot) : opened.status(), kOpenAgainMs);
    armed_ = false;
    return OpenNext();
  }
  if (slot->left) {
    if (opened.ok()) opened->store.reset();
    std::function<void()> left = std::exchange(slot->left, nullptr);
    if (standing_.contains(number)) StandStill(number, std::move(left));
    else Leave(number, std::move(left));
    CheckHeld();
    return OpenNext();
  }
  Begin(slot, *std::move(opened), job->stored_bytes);
  Flush();
  armed_ = false;
  OpenNext();
}

}  // namespace notifyd
