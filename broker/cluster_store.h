// ClusterStore: what one of several brokers on one store asks of it beside what it writes (broker/membership.h decides). Contract sections 22 and 23.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "broker/membership.h"
#include "broker/placement.h"
#include "broker/ports.h"

namespace notifyd {

/// One thread, and once the store is started; each call blocks until it is answered, or given up after some seconds. Errors: kUnavailable: not
/// answered, and whether it was done, or will be, is not known; else what the store says.
class ClusterStore {
 public:
  virtual ~ClusterStore() = default;

  virtual Result<ClusterImage> Look() = 0;
  /// Returns whether it was still as it was seen: then it is gone, and nothing that it has still under way is written. Synced.
  virtual Result<bool> Bury(const MemberRow& seen) = 0;
  /// Takes namespaces that nobody has, or none of them. Returns each as a start would find it, but with totals where it is awake, too. Synced. Error:
  /// kConflict: another member has one of them.
  virtual Result<std::vector<NamespaceAtStart>> Acquire(const std::vector<NamespaceNumber>& numbers) = 0;
  /// Takes the registry: from then on StoreHost::Commit of its batches, and retention, are this member's. Synced. Error: kConflict: another member
  /// leads.
  virtual Status Lead() = 0;
  /// Nothing of the registry is committed any more. It does not block: Release leaves it out until what is under way of it has ended, and so does
  /// Lead refuse (kUnavailable). Retention and compaction are not this member's any more, and end behind the step that is under way, which beside
  /// another one's does no harm.
  virtual void EndLead() = 0;
  /// As it is now. Of namespaces it says nothing. Any thread.
  virtual Result<RegistryImage> ReadRegistry() = 0;
  /// A namespace was let go of here: what is not written of it yet is written, and then no more. It does not block, since the database may not answer
  /// for long: Release leaves it out until then.
  virtual void Forget(NamespaceNumber number) = 0;
  /// Whether some of that is still to be written: until then it is not to be acquired again, under which its transactions would end as another
  /// owner's. Never blocks; any thread.
  virtual bool MayStillWrite(NamespaceNumber) const { return false; }
  /// Returns those that were still as they were seen, and of which all is written: they are nobody's from now on, all that was written of them
  /// durable. All are one owner's. What it leaves out is to be asked for again.
  virtual Result<std::vector<int64_t>> Release(const std::vector<UnitRow>& seen) = 0;
  /// Would a namespace that is let go of now be released only once a database is reached again, on which what it has written is to be synced? Never
  /// blocks; any thread.
  virtual bool IsStranded(NamespaceNumber) const { return false; }
  /// Where they are to be from now on. Synced. Error: kConflict: another member leads.
  virtual Status Place(const std::vector<PlacementMove>& moves) = 0;
  /// What namespaces have to do, as UnitRow::load. Of those that are placed nowhere nothing is kept.
  virtual Status TellLoads(const std::map<NamespaceNumber, uint64_t>& loads) = 0;
  /// Which members this one does not reach, as Reach has it: kept until it says otherwise, or begins anew.
  virtual Status TellReach(const std::set<std::string>& unreached) = 0;
  /// By how much this member's clock is ahead of the store's: kept likewise.
  virtual Status TellClock(int64_t ahead_ms) = 0;
  /// Returns whether there is such a member. Synced.
  virtual Result<bool> SetDraining(const std::string& member, bool draining) = 0;
};

}  // namespace notifyd
