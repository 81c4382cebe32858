// The crash points of batches by what they hold (base/crash_point.h). Costs nothing where none is armed.
#pragma once

#include <cstdint>
#include <variant>

#include "base/crash_point.h"
#include "broker/effects.h"
#include "broker/stored_record.h"

namespace notifyd {

/// What is written in one go.
class BatchPoints {
 public:
  void Add(const WriteBatch& batch) {
    if (!CrashPointsArmed()) return;
    for (const WriteOp& op : batch.ops)
      if (const auto* put = std::get_if<PutRecord>(&op)) Note(put->key.kind);
  }
  void BeforeWrite() const {
    for (size_t i = 0; i < std::size(kPoints); ++i)
      if ((held_ >> i & 1) != 0) PassCrashPoint(kPoints[i].before);
  }
  void AfterWrite() const {
    for (size_t i = 0; i < std::size(kPoints); ++i)
      if ((held_ >> i & 1) != 0) PassCrashPoint(kPoints[i].after);
  }

 private:
  struct Points {
    RecordKind kind;
    CrashPoint before, after;
  };
  static constexpr Points kPoints[] = {
      {RecordKind::kEvent, CrashPoint::kEventBeforeWrite, CrashPoint::kEventAfterWrite},
      {RecordKind::kGroup, CrashPoint::kGroupBeforeWrite, CrashPoint::kGroupAfterWrite},
      {RecordKind::kRun, CrashPoint::kRunBeforeWrite, CrashPoint::kRunAfterWrite},
      {RecordKind::kAgenda, CrashPoint::kAgendaBeforeWrite, CrashPoint::kAgendaAfterWrite},
  };
  void Note(RecordKind kind) {
    for (size_t i = 0; i < std::size(kPoints); ++i)
      if (kPoints[i].kind == kind) held_ |= 1u << i;
  }

  uint32_t held_ = 0;  // of kPoints
};

}  // namespace notifyd
