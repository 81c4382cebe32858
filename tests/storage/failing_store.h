// What failing_store.cc writes, and its test looks for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "broker/notify.h"

namespace notifyd {

/// Between a start and the stop that follows.
inline constexpr uint64_t kIdsALife = 24;
/// Of those, from one sync to the next, where it has long tails.
inline constexpr uint64_t kIdsATail = 9;

/// The notify that is committed under this id: its bytes are like no other's, and do not compress.
inline NotifyRecord RecordAtFailingStore(uint64_t id) {
  NotifyRecord record;
  record.id = {id};
  record.created_at = {1000 + static_cast<int64_t>(id)};
  auto envelope = std::make_shared<Envelope>();
  envelope->lane = {Mode::kConcurrent, "http://h/x"};
  envelope->host = "h:80";
  record.envelope = std::move(envelope);
  std::string spec(6'000, '\0');
  for (size_t i = 0; i < spec.size(); ++i) spec[i] = static_cast<char>((i * 2654435761u + id * 40503u) >> 7);
  record.spec = std::make_shared<const std::string>(std::move(spec));
  record.state.due = {1000};
  return record;
}

}  // namespace notifyd
