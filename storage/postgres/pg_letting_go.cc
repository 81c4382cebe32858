// How the commit thread lets go of units that are to be another owner's, and what is known of that meanwhile. Who releases a unit waits until
// MayWrite says no: from then on nothing of it is under way, and nothing is kept that would be sent again over a new connection, for which the unit
// would be acquired anew. What a server that stands still does later with what it was sent is kept out by the fence, since a release moves the epoch.
#include <algorithm>
#include <utility>

#include "storage/postgres/pg_committer_impl.h"
#include "storage/postgres/pg_schema.h"

namespace notifyd {

void PgCommitter::BeginForget(NamespaceNumber number) {
  {
    std::lock_guard lock(mutex_);
    if (stopped_ || !units_.contains(number)) return;
    if (std::find(forgetting_.begin(), forgetting_.end(), number) == forgetting_.end()) forgetting_.push_back(number);
  }
  Wake();
}

bool PgCommitter::Knows(NamespaceNumber number) {
  std::lock_guard lock(mutex_);
  return units_.contains(number);
}

bool PgCommitter::Keeps(NamespaceNumber number) {
  std::lock_guard lock(mutex_);
  return open_.contains(number) || unsynced_.contains(number);
}

bool PgCommitter::IsStranded(NamespaceNumber number) {
  std::lock_guard lock(mutex_);
  const auto unit = units_.find(number);
  return unit != units_.end() && lines_away_[unit->second->line_] && (open_.contains(number) || unsynced_.contains(number));
}

/// Under the mutex.
bool PgCommitter::MayWriteLocked(int64_t unit) const {
  return unit == kRegistryUnit ? ending_lead_ != nullptr : units_.contains(static_cast<NamespaceNumber>(unit));
}

bool PgCommitter::MayWrite(int64_t unit) {
  std::lock_guard lock(mutex_);
  return MayWriteLocked(unit);
}

bool PgCommitter::AwaitForgotten(const std::vector<int64_t>& units, std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  const auto some = [&] { return std::any_of(units.begin(), units.end(), [this](int64_t unit) { return MayWriteLocked(unit); }); };
  return !settled_.wait_for(lock, most, [&] { return stopped_ || !some(); }) || some();
}

/// What was committed of it, and not synced yet, is under the sync of its release, where that is in the same database.
void PgCommitter::ForgetSome() {
  std::vector<Unit> unsynced;
  {
    std::lock_guard lock(mutex_);
    std::erase_if(forgetting_, [&](NamespaceNumber number) { return MayForget(number, &unsynced); });
    if (ending_lead_ && MayLetGo(ending_lead_)) {
      LetGo(lines_[ending_lead_->line_].get(), kRegistryUnit);
      ending_lead_->kept_.clear();
      ending_lead_.reset();
    }
    // A sync is asked for: one that fell asleep, or has nothing more to do, asks for none itself.
    std::erase_if(untold_, [&](int64_t number) {
      const auto line = std::find_if(lines_.begin(), lines_.end(), [&](const auto& each) { return each->holding.contains(number); });
      if (line == lines_.end()) return true;
      if (const Unit& unit = (*line)->holding.at(number); !failed_ && MayLetGo(unit)) unsynced.push_back(unit);
      return false;
    });
  }
  for (const Unit& unit : unsynced) {
    Line* line = lines_[unit->line_].get();
    if (line->connection && MayLetGo(unit)) Send(line, MakeSync(line, unit));
  }
  settled_.notify_all();
}

/// Under the mutex. Whether it is forgotten, or was. `unsynced`: what is to be synced before.
bool PgCommitter::MayForget(NamespaceNumber number, std::vector<Unit>* unsynced) {
  auto found = units_.find(number);
  if (found == units_.end()) return true;
  if (open_.contains(number)) return false;
  if (!MayLetGo(found->second)) return false;
  Line* line = lines_[found->second->line_].get();
  if (setup_.syncs_what_it_forgets && !failed_ && line->holding.contains(number)) {
    unsynced->push_back(found->second);
    return false;
  }
  LetGo(line, number);
  found->second->kept_.clear();
  units_.erase(found);
  return true;
}

void PgCommitter::Lead(const PgStand& registry) {
  registry_ = Queue(new PgQueue(kDefaultNumber, nullptr, Unit(new PgUnit(kRegistryUnit, 0, registry))));
  std::lock_guard lock(mutex_);
  led_ = registry_;
}

void PgCommitter::EndLead() {
  const Queue registry = std::exchange(registry_, nullptr);
  {
    std::lock_guard lock(mutex_);
    if (stopped_) return;
    ending_lead_ = registry->unit_;
  }
  Wake();
}

/// Nothing of it is under way; over a connection that was lost it is being acquired anew, or will be.
bool PgCommitter::MayLetGo(const Unit& unit) {
  const Line* line = lines_[unit->line_].get();
  const bool kept = !failed_ && line->holding.contains(unit->number_) && (!line->connection || line->acquiring);
  return !kept && std::none_of(line->flight.begin(), line->flight.end(), [&](const auto& sent) { return sent->unit == unit; });
}

}  // namespace notifyd
