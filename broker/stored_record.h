// What a namespace keeps beside its notifies: services, topics, subscriptions, events, groups, schedules, responses (contract part 3), and what was
// begun and goes on. A store keeps them as bytes under a key, whose order it keeps; what they mean, those say who write them.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace notifyd {

/// Stored: the letter stands in keys. Never renumber, never use one again. Add new ones to kRecordKinds, too, at its end.
enum class RecordKind : char {
  kAgenda = 'a',        // serial, big64: what was begun and goes on, over restarts (broker/core_agenda.cc)
  kResponse = 'b',      // notify's id, big64: the answer that is kept for it
  kEvent = 'e',         // event's id, big64
  kGroup = 'g',         // group's id, big64
  kSchedule = 'h',      // name
  kInstance = 'j',      // service's name, 00, instance's id
  kTopicEvent = 'k',    // topic, 00, event's id, big64
  kHistory = 'o',       // a point of the history (broker/history_records.h)
  kBacklog = 'p',       // subscription's name: how much of it is pending
  kRun = 'r',           // time of the next run, time64, schedule's serial, big64
  kTopic = 't',         // name
  kSubscription = 'u',  // name
  kService = 'v',       // name
  kDueCount = 'y',      // minute, time64: how many notifies fall due in it (a count: AddToCount alone writes it)
  kAlert = '{',         // alert's name: what was said of it, and to whom; no letter is left
};
/// In the order in which Totals::records counts them. Stored: append, never insert.
inline constexpr RecordKind kRecordKinds[] = {
    RecordKind::kAgenda,       RecordKind::kResponse,   RecordKind::kEvent,    RecordKind::kGroup,   RecordKind::kSchedule,
    RecordKind::kInstance,     RecordKind::kTopicEvent, RecordKind::kBacklog,  RecordKind::kRun,     RecordKind::kTopic,
    RecordKind::kSubscription, RecordKind::kService,    RecordKind::kDueCount, RecordKind::kHistory, RecordKind::kAlert,
};

/// How many records of each kind there are that do not end by themselves. With room for further kinds, of which the last two places are taken in the
/// store (EncodeTotals).
struct RecordCounts {
  static constexpr size_t kRoom = 20;
  std::array<uint64_t, kRoom> of{};

  uint64_t& operator[](RecordKind kind) { return of[PlaceOf(kind)]; }
  uint64_t operator[](RecordKind kind) const { return of[PlaceOf(kind)]; }
  bool operator==(const RecordCounts&) const = default;

 private:
  static constexpr size_t PlaceOf(RecordKind kind) {
    size_t place = 0;
    while (kRecordKinds[place] != kind) ++place;
    return place;
  }
};

/// `key`: any bytes, not empty; of a kind they lie in the order of their bytes.
struct RecordKey {
  RecordKind kind = RecordKind::kAgenda;
  std::string key;
  auto operator<=>(const RecordKey&) const = default;
};
struct StoredRecord {
  std::string value;
  WallTime expires_at = kWallNever;  // as good as gone from then on
  bool operator==(const StoredRecord&) const = default;
};

/// The value of a record that is a count.
std::string EncodeCount(int64_t count);
/// Nothing where it is none.
std::optional<int64_t> DecodeCount(std::string_view value);

}  // namespace notifyd
