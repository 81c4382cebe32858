// Registry: namespaces and tokens, as a state machine beside the core. Events in, effects out in the order in which they must happen; no clock, no
// system call, no thread, no random bytes. Contract sections 7, 8 and 10.
//
// I1  What is answered is durable, and so is all that was decided before it; what is published is durable.
// I2  A namespace's number, and a row's version, is never given twice, over restarts and removals too.
// I3  `default` (0) and `system` (1) exist always.
// I4  Each token names namespaces that exist and are not being deleted, or all of them. Who makes another namespace of an old name lets in no old
// token. I5  Nobody makes, changes, sees or removes what lies beyond his own grant. I6  A namespace that is marked deleting is deleted, over restarts
// too; its totals enter the sums of those removed once, in the batch in which it goes.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "broker/access_table.h"
#include "broker/namespace_settings.h"
#include "broker/registry_events.h"

namespace notifyd {

struct RegistryLimits {
  size_t max_tokens = 100'000;
  /// What whoever is no admin of all namespaces may fill of them: so much together, and so much with those of any one namespace. The others may go on
  /// making tokens whatever one does.
  size_t MostOfSome() const { return max_tokens - max_tokens / 10; }
  size_t MostOfOne() const { return max_tokens / 10; }
  NamespaceDefaults defaults;
};

class Registry {
 public:
  explicit Registry(RegistryLimits limits) : limits_(limits) {}

  // At a start, before the first Step: all rows of the store, in any order, then Begin.
  void Load(const RegistryHead& head) { head_ = head; }
  void Load(std::shared_ptr<const NamespaceRow> row);
  void Load(std::shared_ptr<const TokenRow> row);
  void LoadUse(const std::string& id, WallTime used_at);
  /// Writes what must exist and does not, goes on with deletions, and publishes.
  void Begin(const Now& now, RegistryEffects* out);

  void Step(const Now& now, const RegistryEvent& event, RegistryEffects* out);

  /// Some uses of tokens are not written yet, or some namespace is asked to close.
  bool wants_tick() const { return !unwritten_uses_.empty() || !closing_.empty(); }
  /// All that was decided is durable and answered, and nobody's answer is waited for.
  bool idle() const { return closing_.empty() && waiting_.empty() && durable_batch_ == last_batch_ && unwritten_uses_.empty(); }
  /// As decided; what is published lags behind it until it is durable.
  const AccessTable& decided() const { return table_; }
  const RegistryHead& head() const { return head_; }

 private:
  /// One batch while it is made.
  struct Draft {
    std::vector<RegistryWrite> writes;
    bool rows = false;  // some row changed: to be synced and published
  };
  /// What happens once a batch is durable.
  struct Waiting {
    uint64_t batch;
    RegistryEffects effects;
  };

  void On(const Now& now, const PutNamespace& event, RegistryEffects* out);
  void On(const Now& now, const RemoveNamespace& event, RegistryEffects* out);
  void On(const Now& now, const PutSigningKey& event, RegistryEffects* out);
  void On(const Now& now, const RemoveSigningKey& event, RegistryEffects* out);
  void On(const Now& now, const MakeTokenRequest& event, RegistryEffects* out);
  void On(const Now& now, const ChangeToken& event, RegistryEffects* out);
  void On(const Now& now, const RotateToken& event, RegistryEffects* out);
  void On(const Now& now, const RemoveToken& event, RegistryEffects* out);
  void On(const Now& now, const ListTokens& event, RegistryEffects* out);
  void On(const Now& now, const TokenUsed& event, RegistryEffects* out);
  void On(const Now& now, const NamespaceClosed& event, RegistryEffects* out);
  void On(const Now& now, const NamespaceDrained& event, RegistryEffects* out);
  void On(const Now& now, const NamespaceMoved& event, RegistryEffects* out);
  void On(const Now& now, const RegistryCommitted& event, RegistryEffects* out);
  void On(const Now& now, const RegistryTick& event, RegistryEffects* out);

  // registry.cc
  void Put(NamespaceRow row, Draft* draft);
  void Put(TokenRow row, Draft* draft);
  void Drop(const std::string& token_id, Draft* draft);
  /// Ends the batch: `then` happens once it is durable, after the table is published. What `then` has for the audit is written in the batch itself.
  void Commit(Draft draft, RegistryEffects then, RegistryEffects* out);
  /// Once all that was decided so far is durable: at once where it is.
  void Reply(RegistryReply reply, RegistryEffects* out);
  void Refuse(uint64_t request, Status status, RegistryEffects* out) { Reply({.request = request, .status = std::move(status)}, out); }
  void Stale(uint64_t request, RegistryEffects* out);
  void WriteUses(Draft* draft);

  // registry_namespaces.cc
  /// The row, where the actor may change it; else refuses.
  std::shared_ptr<const NamespaceRow> Changeable(uint64_t request, const Actor& actor, const std::string& name, RegistryEffects* out);
  /// Ends the close of it: it goes.
  void MarkDeleting(const Now& now, NamespaceNumber number, RegistryEffects* out);
  /// What is to be discarded does not wait for whoever does not answer.
  bool TookOver(const Now& now, const RemoveNamespace& event, RegistryEffects* out);
  void DiscardUnanswered(const Now& now, RegistryEffects* out);

  // registry_tokens.cc
  /// The row, where the actor sees it; else refuses it as one that does not exist.
  std::shared_ptr<const TokenRow> Visible(uint64_t request, const Actor& actor, const std::string& id, RegistryEffects* out);
  /// But for when it expires.
  Status CheckNewGrant(const Actor& actor, const std::string& name, const Grant& grant) const;
  /// Are there places for one more token of these namespaces? Error: kTooMany, naming the bound.
  Status CheckPlaces(const Actor& actor, const Grant& grant) const;

  const RegistryLimits limits_;
  AccessTable table_;
  RegistryHead head_;
  std::map<std::string, WallTime> uses_;
  std::set<std::string> unwritten_uses_;
  /// A namespace's core was asked to close it.
  struct Closing {
    RemoveNamespace asked;
    MonoTime since;
  };
  std::map<NamespaceNumber, Closing> closing_;
  uint64_t last_batch_ = 0, durable_batch_ = 0;
  std::deque<Waiting> waiting_;  // by batch
};

}  // namespace notifyd
