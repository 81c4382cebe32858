// Space: one namespace of a simulated broker (several.h): its clients, its receivers, its auditor, and, while it is awake, its core and driver over
// its view of the store. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/random.h"
#include "broker/driver.h"
#include "broker/shared_caps.h"
#include "fakes/fake_store.h"
#include "sim/auditor.h"
#include "sim/profile.h"
#include "sim/receiver.h"
#include "sim/workload.h"

namespace notifyd::sim {

/// What a namespace needs of the world around it.
class SpaceHost {
 public:
  virtual ~SpaceHost() = default;
  virtual FakeStore* store() = 0;
  virtual Random& random() = 0;
  virtual Mutation mutation() const = 0;
  virtual Trace& trace() = 0;
  virtual int64_t t() const = 0;
  /// One more call is in flight.
  virtual void OnStarted() = 0;
};

/// Of the store, the crashes and the clock.
Profile SharedProfile(uint64_t seed);
/// Of a namespace, which may have so many calls in flight and notifies loaded at most.
Profile SpaceProfile(const Profile& shared, NamespaceNumber number, uint32_t max_in_flight, size_t max_loaded);

class Space : public EventSink, ReplySink {
 public:
  Space(SpaceHost* host, Profile profile, const SimClock& clock);

  NamespaceNumber number() const { return profile.number; }
  bool awake() const { return core != nullptr; }

  /// Makes its core, over its view of the store.
  void Open();
  /// Lets go of both.
  void Close();
  void FallAsleep(WallTime until);
  /// The machine stopped, and `image` is on the disk.
  void Crashed(const FakeImage& image);
  /// A broker starts, in which it may be asleep still.
  void Booted();
  void Stop();
  /// Lets its core take what has come.
  void Run();
  /// Lets its clients ask. Some of it goes to `other`, where that is the fault.
  void DrawRequests(Space* other);
  void Request(Event event);
  void Post(Event event) override;

  int64_t WakeAt() const;
  /// When something is to be done for it next.
  int64_t NextAt(bool calm, bool stopping) const;

  const Profile profile;
  SimClock clock;
  Auditor auditor;
  Receiver receiver;
  Workload workload;
  std::unique_ptr<Core> core;  // null: it is asleep
  std::vector<Event> inbox;
  // Under way between it and the governor.
  std::deque<std::pair<int64_t, GrantChanged>> grants;
  std::deque<std::pair<int64_t, CoreUsage>> reports;
  int64_t last_grant_at = 0, last_report_at = 0;
  // Likewise, of a shared rule.
  std::deque<std::pair<int64_t, SharedGrant>> shared_grants;
  std::deque<std::pair<int64_t, SharedUse>> uses;
  int64_t last_shared_grant_at = 0, last_use_at = 0;
  CoreUsage told;
  uint32_t lent = 0;
  uint64_t grant = 0;  // that of `lent`
  CoreUsage usage;     // as the governor was told last
  bool lent_once = false;
  WallTime wake = kWallNever;
  int64_t sleep_look_at = 0, down_ms = 0;
  bool drained = false, fatal = false;
  std::optional<WorkLeft> closed;
  std::optional<Totals> discarded;
  bool removing = false, gone = false, removed = false;  // marked; drained; its range is dropped
  RequestId final_request;
  std::optional<Reply> final_reply;

 private:
  class StorePort;
  class SenderPort;
  void Send(Reply reply) override;

  SpaceHost* host_;
  std::unique_ptr<NamespaceStore> view_;
  std::unique_ptr<Store> store_port_;
  std::unique_ptr<Sender> sender_port_;
  std::unique_ptr<Driver> driver_;
  int64_t last_tick_ = -1, slept_at_ = 0;
};

}  // namespace notifyd::sim
