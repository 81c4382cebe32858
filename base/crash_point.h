// Named places at which a test may have the process die, as kill -9 would: before and after each step that a crash must not come between, at the
// edges of the product. For tests alone: NOTIFYD_CRASH_AT=NAME:N in the environment of notifyd and its commands (docs/evidence.md). A restart in
// place takes it along, and counts anew. tests/torture/points.py has the process die at each of them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "base/status.h"

namespace notifyd {

/// In the order of kCrashPointNames.
enum class CrashPoint : uint8_t {
  kCommitBeforeWrite,
  kCommitAfterWrite,
  kCommitBeforeSync,
  kCommitAfterSync,
  kCommitBeforeSyncedFile,
  kCommitAfterSyncedFile,
  kCommitBeforeReport,
  kCommitAfterReport,
  kCommitBeforeMark,
  kEventBeforeWrite,
  kEventAfterWrite,
  kGroupBeforeWrite,
  kGroupAfterWrite,
  kRunBeforeWrite,
  kRunAfterWrite,
  kAgendaBeforeWrite,
  kAgendaAfterWrite,
  kAnswerBeforeSend,
  kAnswerAfterSend,
  kAttemptBeforeSend,
  kAttemptAfterSend,
  kAttemptEnded,
  kStartLocked,
  kStartLogsRead,
  kStartRecovered,
  kStartSyncedFile,
  kStartLogBegun,
  kStartStoreOpen,
  kStartRegistryRead,
  kStartListening,
  kNewBeforeFormat,
  kNewAfterFormat,
  kNewBeforeRows,
  kNewAfterRows,
  kStopBegun,
  kStopClosing,
  kStopDrained,
  kCloseSynced,
  kCloseDatabaseClosed,
  kCloseChecked,
  kCloseDone,
  kRestartChecked,
  kRestartSettling,
  kRestartHolding,
  kRestartLeaving,
  kRestartReleased,
  kRestartStoreClosed,
  kRestartBeforeExec,
  kRestartAfterExec,
  kBackupBegun,
  kBackupCheckpoint,
  kBackupBeforeFile,
  kBackupBeforeManifest,
  kBackupBeforeRename,
  kBackupAfterRename,
  kRestoreBeforeFile,
  kRestoreCopied,
  kRestoreBeforeRename,
  kRekeyBeforeRenewal,
  kRekeyAfterRenewal,
  kRekeyCompacted,
  kRekeyDone,
  kMoveBeforeBatch,
  kMoveBeforeFinish,
  kMoveStoreClosed,
  kUpgradeBeforeFormatFile,
  kUpgradeAfterFormatFile,
  kUpgradeBeforeBatch,
  kUpgradeBeforeFormatRow,
  kPgBeforeSend,
  kPgAfterSend,
  kPgAfterCommit,
  kPgBeforeAcquire,
  kPgAfterAcquire,
  kLeaseBeforeAcquire,
  kLeaseAcquired,
  kLeaseBeforeRelease,
  kCellBegun,
  kCellBeforeChunk,
  kCellStood,
  kCellWhole,
  kCellDeparted,
  kCellSwitched,
  kCellActive,
  kCellBeforeClean,
  kCellCleaned,
};

inline constexpr const char* kCrashPointNames[] = {
    // The commit thread: a group's write (without its sync), the log's sync, SYNCED, what is told to the cores, the mark of an idle log.
    "commit.before_write",
    "commit.after_write",
    "commit.before_sync",
    "commit.after_sync",
    "commit.before_synced_file",
    "commit.after_synced_file",
    "commit.before_report",
    "commit.after_report",
    "commit.before_mark",
    // The write of what holds an event with its notifies, a group, a schedule's run, or a step of what goes on over restarts. Of either store.
    "event.before_write",
    "event.after_write",
    "group.before_write",
    "group.after_write",
    "run.before_write",
    "run.after_write",
    "agenda.before_write",
    "agenda.after_write",
    // An answer to a client; a call: its request, and its end before the core hears of it.
    "answer.before_send",
    "answer.after_send",
    "attempt.before_send",
    "attempt.after_send",
    "attempt.ended",
    // A start.
    "start.locked",
    "start.logs_read",
    "start.recovered",
    "start.synced_file",
    "start.log_begun",
    "start.store_open",
    "start.registry_read",
    "start.listening",
    // A store that is made.
    "new.before_format",
    "new.after_format",
    "new.before_rows",
    "new.after_rows",
    // A clean stop, and the store's closing in it.
    "stop.begun",
    "stop.closing",
    "stop.drained",
    "close.synced",
    "close.database_closed",
    "close.checked",
    "close.done",
    // A restart in place.
    "restart.checked",
    "restart.settling",
    "restart.holding",
    "restart.leaving",
    "restart.released",
    "restart.store_closed",
    "restart.before_exec",
    "restart.after_exec",
    // A backup, and notifyd restore.
    "backup.begun",
    "backup.checkpoint",
    "backup.before_file",
    "backup.before_manifest",
    "backup.before_rename",
    "backup.after_rename",
    "restore.before_file",
    "restore.copied",
    "restore.before_rename",
    // notifyd rekey, and notifyd move.
    "rekey.before_renewal",
    "rekey.after_renewal",
    "rekey.compacted",
    "rekey.done",
    "move.before_batch",
    "move.before_finish",
    "move.store_closed",
    // An upgrade of the store's format.
    "upgrade.before_format_file",
    "upgrade.after_format_file",
    "upgrade.before_batch",
    "upgrade.before_format_row",
    // The store on PostgreSQL: a transaction, what is found out over a new connection, and the lease.
    "pg.before_send",
    "pg.after_send",
    "pg.after_commit",
    "pg.before_acquire",
    "pg.after_acquire",
    "lease.before_acquire",
    "lease.acquired",
    "lease.before_release",
    // A move of a namespace to another cell: its copy, that it is whole, what the cell that it left says, the row of the namespace, the first owner
    // there; and what lay where it was.
    "cell.begun",
    "cell.before_chunk",
    "cell.stood",
    "cell.whole",
    "cell.departed",
    "cell.switched",
    "cell.active",
    "cell.before_clean",
    "cell.cleaned",
};
static_assert(std::size(kCrashPointNames) == static_cast<size_t>(CrashPoint::kCellCleaned) + 1);

inline constexpr char kCrashVariable[] = "NOTIFYD_CRASH_AT";

namespace internal {
inline constexpr uint8_t kNoCrashPoint = UINT8_MAX;
inline std::atomic<uint8_t> armed_crash_point = kNoCrashPoint;
void CountPassage();
}  // namespace internal

inline bool CrashPointsArmed() {
  return internal::armed_crash_point.load(std::memory_order_relaxed) != internal::kNoCrashPoint;
}

/// Ends the process where `point` is the one that was armed, and this the passage that was asked for. Any thread.
inline void PassCrashPoint(CrashPoint point) {
  if (internal::armed_crash_point.load(std::memory_order_relaxed) == static_cast<uint8_t>(point)) internal::CountPassage();
}

/// "NAME:N": the Nth passage of that point is the process's end; "NAME" alone is the first. Before there are other threads. Error: kUnacceptable; it
/// lists the points where there is none of that name.
Status ArmCrashPoint(std::string_view text);

}  // namespace notifyd
