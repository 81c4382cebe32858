#include "storage/switches_record.h"

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "storage/record_frame.h"
#include "storage/records.h"

namespace notifyd {
namespace {

constexpr ValueTag kSwitchesTag = ValueTag::kRecord;

// Bits of `present`. Never renumber.
constexpr uint64_t kPaused = 1, kRate = 2, kConcurrency = 4;

void PutFields(const CallerSettings& settings, Encoder* out) {
  out->Varint((settings.paused ? kPaused : 0) | (settings.submits_per_s ? kRate : 0));
  if (settings.submits_per_s) out->Double(*settings.submits_per_s);
}
void PutFields(const HostSettings& settings, Encoder* out) {
  out->Varint((settings.paused ? kPaused : 0) | (settings.rate_per_s ? kRate : 0) | (settings.concurrency ? kConcurrency : 0));
  if (settings.rate_per_s) out->Double(*settings.rate_per_s);
  if (settings.concurrency) out->Varint(*settings.concurrency);
}

bool TakeRate(Decoder* in, std::optional<double>* rate) {
  *rate = in->Double();
  return **rate > 0 && **rate <= std::numeric_limits<double>::max();  // so written that a NaN fails
}
bool TakeFields(Decoder* in, CallerSettings* settings) {
  const uint64_t present = in->Varint();
  settings->paused = present & kPaused;
  if ((present & kRate) && !TakeRate(in, &settings->submits_per_s)) return false;
  return (present & ~(kPaused | kRate)) == 0;
}
bool TakeFields(Decoder* in, HostSettings* settings) {
  const uint64_t present = in->Varint();
  settings->paused = present & kPaused;
  if ((present & kRate) && !TakeRate(in, &settings->rate_per_s)) return false;
  if (present & kConcurrency) {
    const uint64_t concurrency = in->Varint();
    if (concurrency == 0 || concurrency > std::numeric_limits<uint32_t>::max()) return false;
    settings->concurrency = static_cast<uint32_t>(concurrency);
  }
  return (present & ~(kPaused | kRate | kConcurrency)) == 0;
}

template <class Settings>
void PutAll(const std::map<std::string, Settings>& all, Encoder* out) {
  out->Varint(all.size());
  for (const auto& [name, settings] : all) {
    out->Text(name);
    PutFields(settings, out);
  }
}
template <class Settings>
bool TakeAll(Decoder* in, std::map<std::string, Settings>* all) {
  for (uint64_t left = in->Varint(); left > 0 && in->ok(); --left) {
    std::string name(in->Text());
    Settings settings;
    // Each stands there once, and says something.
    if (!TakeFields(in, &settings) || settings.IsDefault() || !all->emplace(std::move(name), settings).second) return false;
  }
  return in->ok();
}

/// Where there is none they are left out.
void PutLanes(const std::map<LaneKey, WallTime>& lanes, Encoder* out) {
  if (lanes.empty()) return;
  out->Varint(lanes.size());
  for (const auto& [lane, until] : lanes) {
    out->U8(static_cast<uint8_t>(lane.mode));
    out->Text(lane.name);
    out->Signed(until.ms);
  }
}
bool TakeLanes(Decoder* in, std::map<LaneKey, WallTime>* lanes) {
  for (uint64_t left = in->done() ? 0 : in->Varint(); left > 0 && in->ok(); --left) {
    const uint8_t mode = in->U8();
    LaneKey lane{static_cast<Mode>(mode), std::string(in->Text())};
    if (mode > static_cast<uint8_t>(Mode::kFifo) || !lanes->emplace(std::move(lane), WallTime{in->Signed()}).second) return false;
  }
  return in->ok();
}

}  // namespace

void EncodeSwitches(const Switches& switches, std::string* out) {
  RecordFrame frame(kSwitchesTag, out);
  PutAll(switches.callers, &frame.encoder);
  PutAll(switches.hosts, &frame.encoder);
  PutLanes(switches.lanes, &frame.encoder);
}

Result<std::shared_ptr<const Switches>> DecodeSwitches(std::string_view value) {
  const Status damaged(Code::kCorrupt, "a record of callers and hosts is damaged");
  const std::optional<std::string_view> fields = UnframeRecord(kSwitchesTag, value);
  if (!fields) return damaged;
  Decoder in(*fields);
  auto switches = std::make_shared<Switches>();
  if (!TakeAll(&in, &switches->callers) || !TakeAll(&in, &switches->hosts) || !TakeLanes(&in, &switches->lanes) || !in.done()) return damaged;
  return std::shared_ptr<const Switches>(std::move(switches));
}

}  // namespace notifyd
