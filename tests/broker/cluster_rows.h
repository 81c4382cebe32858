// What a store that several brokers share says of members and units, and does with what it is asked, as a value.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "broker/membership.h"

namespace notifyd {

/// What the store does with what it is asked, where it does it.
class ClusterRows {
 public:
  ClusterImage image;

  MemberRow* Find(const std::string& name) {
    for (MemberRow& member : image.members)
      if (member.name == name) return &member;
    MemberRow row;
    row.name = name;
    return &*image.members.insert(image.members.end(), row);
  }
  UnitRow* Unit(int64_t number) {
    auto found = std::find_if(image.units.begin(), image.units.end(), [&](const UnitRow& row) { return row.unit >= number; });
    if (found != image.units.end() && found->unit == number) return &*found;
    return &*image.units.insert(found, UnitRow{number, 0, {}, ""});
  }
  const MemberRow* OwnerOf(const UnitRow& unit) const {
    for (const MemberRow& member : image.members)
      if (!member.word.free && unit.owner != Incarnation() && member.word.incarnation == unit.owner) return &member;
    return nullptr;
  }

  std::pair<OwnerAnswer, OwnerWord> Do(const std::string& name, const OwnerAsk& ask) {
    OwnerWord* row = &Find(name)->word;
    const bool same = row->epoch == ask.seen.epoch && row->incarnation == ask.seen.incarnation && row->free == ask.seen.free;
    switch (ask.kind) {
      case OwnerAsk::Kind::kLook:
        return {OwnerAnswer::kYes, *row};
      case OwnerAsk::Kind::kAcquire:
        if (!same || (!ask.own && row->renewal != ask.seen.renewal)) return {OwnerAnswer::kNo, {}};
        // What it had it has again.
        for (UnitRow& unit : image.units)
          if (!row->free && unit.owner == row->incarnation) unit = {unit.unit, unit.epoch + 1, ask.incarnation, unit.placed};
        *row = {row->epoch + 1, row->renewal + 1, ask.incarnation, false};
        return {OwnerAnswer::kYes, *row};
      case OwnerAsk::Kind::kRenew:
        if (!same) return {OwnerAnswer::kNo, {}};
        ++row->renewal;
        return {OwnerAnswer::kYes, *row};
      case OwnerAsk::Kind::kRelease:
        if (!same) return {OwnerAnswer::kNo, {}};
        row->free = true;
        return {OwnerAnswer::kYes, *row};
    }
    return {OwnerAnswer::kNo, {}};
  }
  bool Bury(const MemberRow& seen) {
    MemberRow* row = Find(seen.name);
    if (row->word != seen.word) return false;
    for (UnitRow& unit : image.units)
      if (unit.owner == row->word.incarnation) unit = {unit.unit, unit.epoch + 1, {}, unit.placed};
    ++row->word.epoch;
    row->word.free = true;
    return true;
  }
  /// The epoch; 0: it was not given.
  uint64_t Acquire(const OwnerWord& as, int64_t number) {
    const bool lives = std::any_of(image.members.begin(), image.members.end(), [&](const MemberRow& member) {
      return !member.word.free && member.word.incarnation == as.incarnation && member.word.epoch == as.epoch;
    });
    UnitRow* unit = Unit(number);
    const MemberRow* owner = OwnerOf(*unit);
    if (!lives || (owner && owner->word.incarnation != as.incarnation)) return 0;
    *unit = {number, unit->epoch + 1, as.incarnation, unit->placed};
    return unit->epoch;
  }
  bool Release(const UnitRow& seen) {
    UnitRow* unit = Unit(seen.unit);
    if (unit->epoch != seen.epoch || unit->owner != seen.owner) return false;
    *unit = {unit->unit, unit->epoch + 1, {}, unit->placed};
    return true;
  }
};

}  // namespace notifyd
