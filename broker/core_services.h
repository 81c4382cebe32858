// The core's part of services and their instances: contract section 11. All of them are in memory (the catalog); which instance takes an attempt is
// chosen here when it starts (broker/services.h chooses), and what an end says of it is noted here. Included by broker/core*.cc alone. See
// core_impl.h.
//
// What waits for a service waits at its host, "service://NAME", which is shut while no instance may take a call, as a paused host is. A notify that
// named a pool or an instance of its own has a host of its own, "service://NAME?...", which is shut while the service's is paused, or while what it
// wants is there and has no place free: whom else it waits for, its neighbours in the lane do not. Where there is none for it that can be reached, it
// looks again once one may take it, or after a while. People see both as one host.
//
// A call that goes to an instance counts at the host that this is at, too, as any other there does (core_instance_hosts.cc): one that is at its cap,
// paused, without a token or behind an open breaker takes none, and its instances are not chosen as long as that is so.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/core_impl.h"
#include "broker/resource.h"
#include "broker/service_events.h"
#include "broker/services.h"

namespace notifyd {

struct FileService;

class Core::Impl::ServicePart {
 public:
  explicit ServicePart(Core::Impl* core) : core_(*core) {}
  Handled Handle(Task* task, ServiceRequest& r);

  static bool IsServiceHost(std::string_view host) { return host.starts_with("service://"); }
  static bool IsService(const Host& host) { return IsServiceHost(host.name); }
  /// Was there ever such a service? The catalog must be known, as for all that answers from it.
  bool Knows(std::string_view name) const { return core_.CheckCatalog(), services_.contains(name); }
  /// The ids of its instances that take calls, of a pool where that is not empty.
  std::vector<std::string> AliveOf(std::string_view name, std::string_view pool) const;

  // ---- the start, and time
  void OnRow(RecordKind kind, const RecordRow& row);
  void OnCatalogKnown();
  /// What the file says of services holds from now on; the catalog is known.
  void ApplyFile();
  void Fire();
  MonoTime NextWake() const;
  /// A call has ended that was no notify's, but an instance's probe. Returns whether it was one.
  bool EndedProbe(const AttemptEnded& e);
  /// A connection came about for a call. Returns whether that was an instance's probe.
  bool ReachedProbe(const AttemptReached& e);
  bool MayRest() const { return timed_.empty() && watches_.empty(); }
  void BeginStop();
  void OnDisconnected(RequestId request) { Unwatch(request); }
  /// Answers a request that waits for a change now; does nothing for any other.
  void EndWatch(RequestId request) {
    if (watches_.contains(request)) AnswerUnchanged(request);
  }
  /// Other settings of breakers hold.
  void OnBreakerSettings();

  // ---- attempts of a service's notifies
  /// Nobody has a turn at the host, as far as instances go.
  bool Shuts(const Host& host) const;
  /// What has its turn at the host is to fail there, without an attempt: as the host's own breaker says, or those of all instances.
  bool Refuses(const Host& host) const;
  /// Since when nothing of the host can be reached: its own breaker is open, or those of all instances that its calls may go to.
  std::optional<MonoTime> OpenSince(const Host& host) const;
  const BreakerSettings& BreakerOf(const Host& host) const;
  /// The earliest time at which somebody may have waited for a service's open breakers for as long as one does; and the least such wait, hosts
  /// included, in ms.
  MonoTime FirstWaitOver() const;
  int64_t LeastMaxWaitMs() const;
  /// An attempt of the entry begins. Returns where it goes; null where no instance may take it.
  std::shared_ptr<const StartAttempt::Instance> Begin(Entry* entry, const std::string& spec);
  /// Gives the entry's place in flight back, which Begin found nothing for.
  void PutBack(Entry* entry);
  /// An attempt that went to an instance has ended; notes in the result which one that was. Does nothing for any other. Returns whether it was a
  /// probe in vain.
  bool End(Entry* entry, AttemptResult* result);
  /// The entry's attempt, which starts now, is to tell when a connection came about: a breaker that it counts at is not closed.
  bool IsToTell(const Entry& entry) const;
  /// A connection came about for the entry's attempt, whose end is to come. Returns whether it went to an instance; does nothing for any other.
  bool Reached(const Entry& entry);
  /// After End, of an attempt that is not the last: may the notify go on to another instance at once, in the same round?
  bool FailsOver(Entry* entry, const AttemptResult& result);
  void Forget(NotifyId id) {
    if (!calls_.empty()) calls_.erase(id);
  }
  /// It waits until there is somebody for it, and looks again after a while (PutBack).
  bool LooksAgain(const Entry& entry) const;
  /// Lets it look now, where there is somebody for it; its lane is known.
  void LookNow(Entry* entry);
  /// Says, for people, that there is no instance that the entry may go to; nothing where there is one.
  std::optional<std::string> NoInstanceFor(const Entry& entry) const;
  /// Says that those cannot be reached, where that is so.
  void ExplainBreakers(const Entry& entry, Explained* out) const;
  void ProbeByHand(const Host& host);

  // ---- the hosts that instances are at (core_instance_hosts.cc)
  /// Whether a call may go to the host may be another matter now: lets those know who have instances there.
  void OnHost(Host* host);
  /// Calls that are lent of the host, which is of a shared rule, would be of use to a service.
  bool WaitsAt(const Host& host) const;
  /// It stays in memory: nothing is lent of a shared rule but to hosts that are there.
  bool Keeps(const Host& host) const;
  /// Other rules of hosts hold; or other caps of all hosts.
  void OnRules();
  void OnCaps();
  void CheckHosts(std::map<const Host*, uint32_t>* in_flight) const;

  // ---- a service's host, and those beside it (core_service_hosts.cc)
  /// A host is kept in memory from now on, or not any more.
  void OnHostMade(Host* host);
  void OnHostDropped(const Host& host);
  /// The names of the hosts in memory beside that one, in order.
  std::vector<std::string> Beside(std::string_view host) const;
  /// Is it paused, or beside a service's that is?
  bool IsPaused(const Host& host) const;
  /// Other settings hold for the host, which `resumed` where it was paused.
  void OnHostSettings(Host* host, bool resumed);
  /// The name of the host that people know it by.
  static std::string_view ShownName(std::string_view host) { return host.substr(0, IsServiceHost(host) ? host.find('?') : host.npos); }
  /// Adds what is of those beside the host.
  void AddBeside(HostView* view) const;
  size_t open_breakers() const { return open_; }
  uint64_t breakers_opened() const { return opened_; }
  void AddHeld(HeldKinds* kinds) const {
    kinds->push_back({"services", services_.size()});
    kinds->push_back({"instances", instances_});
    kinds->push_back({"service_calls", calls_.size()});
    kinds->push_back({"service_watches", watches_.size()});
    kinds->push_back({"probes", probes_.size()});
  }

 private:
  /// The place of a call at the host that its instance is at, while it is in flight.
  struct Seat {
    Host* host = nullptr;
    bool at_breaker = false;  // it counts at that host's breaker, too
    Breaker::Call call = 0;   // as that knows it
  };
  /// What instances are told of the host that they are at; of one that is not in memory nothing holds a call back.
  struct AtHost {
    bool takes = true;
    MonoTime open_since = kMonoNever;
    std::map<std::string, size_t, std::less<>> instances;  // how many, by service
    std::string last;                                      // the service's host whose turn was the last call that began there
  };
  /// What is known of a notify's attempts, while it is in memory.
  struct Call {
    std::shared_ptr<Instance> instance;  // while one is in flight
    Breaker::Call call = 0;
    Seat seat;
    std::vector<std::string> tried;  // in this round; before the first of a round, where the last attempt failed
    uint32_t failovers = 0;          // of this round
  };
  /// A GET that asks whether an instance is back, in flight.
  struct Probe {
    std::string service;
    std::shared_ptr<Instance> instance;
    Breaker::Call call = 0;
    Seat seat;
  };
  /// Somebody waits for the list of a service's instances to change.
  struct Watch {
    std::string service, digest;     // the list as they know it
    std::vector<Fingerprint> known;  // and others that they have, too
    MonoTime until;
    ResourcesQuery page;
  };
  /// Views of one service's instances as they are now, each made once however many answers it stands in.
  using InstanceViews = std::unordered_map<std::string_view, std::shared_ptr<const InstanceView>>;

  Handled Do(RequestId request, const ListServices& ask);
  Handled Do(RequestId request, const GetService& ask);
  Handled Do(RequestId request, const PutService& ask);
  Handled Do(RequestId request, const DeleteService& ask);
  Handled Do(RequestId request, const ListInstances& ask);
  Handled Do(RequestId request, const GetInstance& ask);
  Handled Do(RequestId request, const PutInstance& ask);
  Handled Do(RequestId request, const DeleteInstance& ask);
  Handled NoService(RequestId request) { return core_.Refuse(request, Code::kNotFound, "there is no such service"); }
  Handled NoInstance(RequestId request) { return core_.Refuse(request, Code::kNotFound, "the service has no such instance"); }
  Handled Answer(uint64_t batch, RequestId request, ServiceAnswer answer, bool unchanged = false);
  /// May that be changed by the API? Says so where it may not.
  bool RefusedFromFile(RequestId request, bool from_file);

  Service* Find(std::string_view name) const;
  /// That of the host's calls; null where it is none.
  const Service* ServiceAt(const Host& host) const;
  Service* ServiceOf(const Entry& entry) const;
  Service* Create(std::string_view name, const ServiceSettings& settings);
  static Service::Wanted WantedOf(const Entry& entry);
  /// `service`: its own.
  static std::string WhomItWants(const Entry& entry, const Service& service, const char* not_one, const char* none);
  uint64_t HashOf(const Service& service, const Entry& entry, const std::string& spec) const;
  const BreakerSettings& BreakerOf(const Service& service) const {
    return service.settings.breaker ? *service.settings.breaker : core_.limits_.breaker;
  }
  void ApplyFileService(const FileService& of_file);
  void RemoveOfFile(Service* service, const std::set<std::string>& but);
  void LeaveFile(Service* service);
  /// Puts a fresh one of that id there, without settings.
  Instance* Add(Service* service, const std::string& id);
  void Remove(Service* service, Instance* instance);
  /// This is said of it from now on.
  void Say(Service* service, Instance* instance, const InstanceSettings& settings);
  void Gone(Service* service, Instance* instance);
  void SetTimer(const Service& service, Instance* instance);
  void Untime(const Service& service, Instance* instance);
  void CountOpen(Instance* instance);
  /// Its breaker was told of a call's end.
  void Follow(Service* service, Instance* instance, Breaker::Change change, MonoTime open_since, const std::string& error);
  /// Its instances are asked whether they are back, as things stand.
  bool Probes(const Service& service) const;
  void MaybeProbe(Service* service, Instance* instance);
  /// Its instances, or what they may take, changed: who waits for them is looked at again.
  void Review(const Service& service);
  void ReviewHostOf(const std::string& host);
  // Of the hosts that instances are at.
  void Move(Service* service, Instance* instance, std::string host);
  Seat Sit(const Instance& instance, const std::string& turn_of);
  void ReachAt(const Seat& seat);
  bool IsToTell(const Seat& seat) const { return seat.at_breaker && seat.host->breaker.state() != Breaker::State::kClosed; }
  /// Returns whether the call was a probe in vain of that host.
  bool Leave(Seat* seat, const AttemptResult& result);
  AtHost Judge(const Host& host) const;
  void Tell(const std::string& host, AtHost* at, const AtHost& now);
  std::vector<Host*> WhoWaitsFor(const std::string& host, const AtHost& at) const;
  /// Hosts of shared rules that its instances are at come into memory, or may go, as something of the service is there.
  void Meet(const Service& service);
  bool InMemory(std::string_view service) const;
  /// Shows `see` the hosts in memory at which calls of the service wait for their turn.
  template <class See>
  void EachHost(std::string_view service, See see) const;
  void ExplainHosts(const Entry& entry, const Service& service, Explained* out) const;
  /// Pauses the service's host where none of its instances was reached for so long that nobody seems to look after them.
  void MaybeDisable(const Service& service);
  /// What it says of its instances' breakers may be other than before: that holds for waits that are under way, too.
  void FollowSettings(Service* service);
  void Look(const Entry& entry);
  void StopLooking(const Entry& entry);
  /// Lets those look again who want what may be had now.
  void WakeLookers(const Service& service);
  void TellWatchers(const Service& service);
  Watch Unwatch(RequestId request);
  void AnswerUnchanged(RequestId request);
  void LogRemoved(const Service& service, const Instance& instance);

  InstanceView ViewOf(const Service& service, const Instance& instance) const;
  ServiceView ViewOf(const Service& service) const;
  ServiceAnswer PageOf(const Service& service, const ResourcesQuery& page, std::string digest, InstanceViews* views) const;
  static std::string DigestOfList(const Service& service);

  Core::Impl& core_;
  std::map<std::string, std::unique_ptr<Service>, std::less<>> services_;
  std::set<std::pair<MonoTime, std::pair<std::string, std::string>>> timed_;  // service and instance, by when they are looked at again
  std::unordered_map<NotifyId, Call> calls_;
  // Who waits, and the same by service and by when the wait ends.
  std::map<RequestId, Watch> watches_;
  std::map<std::string, std::set<RequestId>, std::less<>> watchers_of_;
  std::set<std::pair<MonoTime, RequestId>> watch_ends_;
  std::map<std::string, std::set<NotifyId>, std::less<>> lookers_;  // those that PutBack put off, by host
  std::set<std::string, std::less<>> beside_;                       // hosts
  std::map<std::string, AtHost, std::less<>> at_hosts_;             // that instances are at
  size_t looking_ = 0;                                              // of all of them
  std::vector<NotifyId> woken_;
  std::map<NotifyId, Probe> probes_;  // by ids that no notify ever gets
  uint64_t next_probe_ = 0;
  size_t instances_ = 0;  // of all services
  size_t open_ = 0;
  uint64_t opened_ = 0;
};

}  // namespace notifyd
