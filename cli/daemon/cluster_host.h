// ClusterHost: keeps this broker a member among those that share its store. A thread of its own looks at the store, some times a second, and does
// what broker/membership.h decides of what is there: takes what is placed here, hands over what is placed elsewhere, buries who is gone, follows the
// registry or leads; and, where it leads, places namespaces as broker/placement.h decides. Contract section 23.
//
// I1 a namespace is said to be here (Of) only between the end of `gained` and the beginning of `leave`.
// I2 it is released only once `leave` has ended, and all of it is durable.
// I3 who could not look for a whole lease, or not read what has changed since, knows nothing of tokens any more: `lost`, whatever it waits for.
// I4 what members say to each other (cluster_words.cc) only has them look sooner: what is done is decided by what the store says then.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "broker/cluster_report.h"
#include "broker/cluster_store.h"
#include "broker/events.h"
#include "broker/member_word.h"
#include "broker/membership.h"
#include "broker/placement.h"
#include "broker/places.h"

namespace notifyd {

class ClusterHost : public Places {
 public:
  /// Functions are called on its thread, those that it hands out may be on any.
  struct Setup {
    std::string name;
    LeaseTimes times = {};
    int64_t grace_ms = 0;  // for attempts in flight of what is handed over
    std::function<MonoTime()> now;
    std::function<WallTime()> wall;
    std::function<OwnerWord()> lease;  // this member's own
    /// Takes a word to the member `to`; `then`, where there is one, whether it was taken; on any thread. Any thread.
    std::function<void(const MemberAt& to, MemberWord word, std::function<void(bool)> then)> tell;
    /// The registry's rows are these now: `then` once all go by them. `leads`: and this member goes on with it.
    std::function<void(RegistryImage, bool leads, std::function<void()> then)> registry;
    /// The registry is to be another member's: `then` once nothing of it is written any more, which may be never.
    std::function<void(std::function<void()> then)> yield;
    /// They are served from now on: `then` once they take requests.
    std::function<void(std::vector<NamespaceAtStart>, std::function<void()> then)> gained;
    /// It is served no more: `then` once it is let go of.
    std::function<void(NamespaceNumber, std::function<void()> then)> leave;
    /// What is in flight of it is not waited for any more.
    std::function<void(NamespaceNumber)> cut;
    /// Takes it to the namespace's core, which is here.
    std::function<void(NamespaceNumber, Event)> post;
    /// All namespaces, those that are being removed `with_leader`.
    std::function<std::vector<PlacedNamespace>()> namespaces;
    /// How much one that is served here has to do: a load as PlacedNamespace's.
    std::function<uint64_t(NamespaceNumber)> load;
    /// The members that this one does not reach, by name; null: not known yet. Empty where nobody looks.
    std::function<std::shared_ptr<const std::set<std::string>>()> unreached = {};
    /// By how much the clock here is ahead of the store's; nothing: not known yet. Empty where nobody looks.
    std::function<std::optional<int64_t>()> clock_ahead_ms = {};
    std::function<void(const char* why)> lost;  // may not return
    std::function<void(const std::vector<Member>&)> members_changed;
  };
  explicit ClusterHost(Setup setup);
  ~ClusterHost() override;

  /// The registry as it is now, before anything runs: followed. Then the thread begins. `store` is borrowed until Stop.
  void Start(std::unique_ptr<ClusterStore> store);
  /// This member stops: what it serves goes to the others, each namespace once what is in flight of it has ended, or, `most_ms` from now, without.
  /// `then` on any thread, once that is done, or nobody takes it. Not where this ends first.
  void Depart(int64_t most_ms, std::function<void()> then);
  /// Nothing is taken, handed over or placed from now on.
  void Quiesce();
  /// Ends the thread; no function is called any more.
  void Stop();

  Place Of(NamespaceNumber number) const override;
  Place OfRegistry() const override;
  std::vector<Member> Members() const override;
  void Await(NamespaceNumber number, int64_t most_ms, std::function<void()> then) override;
  void LookAnew(std::function<void()> then) override;

  /// It is known who serves what, and the store answers. Any thread, like all below.
  bool ready() const { return ready_; }
  bool Serves(NamespaceNumber number) const { return here_since_[number] != kNotHere; }
  bool leads() const { return leads_since_ != kNotHere; }
  ClusterReport Report() const;
  /// What the registry, which is here, has to say to a namespace's core: that is brought here first.
  void Summon(NamespaceNumber number, Event event);
  /// Another member says something. `then` on any thread: whether it was taken, and looked at where that was asked for.
  void Hear(MemberWord word, std::function<void(bool)> then);
  /// The store has confirmed this member's lease once more: those that watch it are told.
  void Renewed();
  /// Namespaces came, or went.
  void Kick();
  /// `then` on any thread. Its status: kNotFound: there is no such member; kUnavailable.
  void SetDraining(std::string member, bool draining, std::function<void(Status)> then);

  ClusterFigures figures() const;

 private:
  static constexpr int64_t kNotHere = 0;
  struct View;
  struct Waiter {
    NamespaceNumber number;
    MonoTime until;
    std::function<void()> then;
  };
  struct Leaving {
    MonoTime cut_at;
    bool left = false, cut = false;
  };
  /// What is to be left: since when that has been seen, and whether whoever is to have it has seen it, too.
  struct ToLeave {
    MonoTime since;
    std::string to;
    std::shared_ptr<std::atomic<bool>> told;
  };
  /// See Depart.
  struct Departure {
    MonoTime began, until;
    std::function<void()> then;
    bool told = false, failed = false;
  };

  void Run();
  /// When the next one is due.
  MonoTime Round();
  void EndLeaves();
  bool Look();
  void LoseIfBlind();
  bool Bury();
  bool LearnRegistry(bool leads);
  void AcquireRegistry();
  void AcquireNamespaces(bool told);
  std::vector<NamespaceAtStart> Acquire(std::vector<NamespaceNumber>* wanted);
  void BeginLeaves();
  void BeginLeave(NamespaceNumber number);
  void ReleaseLeft();
  void PlaceAll();
  void TellLoads();
  void TellReach();
  void TellClock();
  void LogCutOff();
  void Yield();
  void AnswerLooks(MonoTime looked_at);
  void Drain();
  // What is said between members (cluster_words.cc).
  void Tell(const MemberAt& to, bool look, bool leaving, std::function<void(bool)> then = nullptr);
  void TellOthersToLook(bool leaving = false);
  void TellOwnersToBe(const std::set<std::string>& names);
  void TakeHeard();
  void AnswerAskers(const std::vector<std::function<void(bool)>>& askers, bool looked);
  bool departing() const;
  bool IsLeaving(const MemberRow& member) const;
  std::set<std::string> LeavingMembers() const;
  void GoOnDeparting();
  void GiveUpDeparting();
  void Show();
  void AnswerWaiters();
  void Deliver();
  bool AwaitDone(const std::function<void(std::function<void()>)>& begin);
  MonoTime Next();
  std::shared_ptr<const View> view() const;
  int64_t SinceNow() const { return std::max<int64_t>(1, setup_.wall().ms); }

  const Setup setup_;
  std::unique_ptr<ClusterStore> store_;
  std::vector<std::atomic<int64_t>> here_since_;  // by number: ms of the wall clock from which on it is served, or kNotHere
  std::atomic<int64_t> leads_since_ = kNotHere;   // likewise
  std::atomic<bool> ready_ = false;
  std::atomic<uint64_t> moves_made_ = 0, taken_ = 0, handed_over_ = 0, buried_ = 0;
  std::atomic<int64_t> looked_at_ms_ = 0, learned_at_ms_ = 0;  // the latter: by which look it goes, of namespaces and tokens; 0: it does not run yet

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool kicked_ = false, hurried_ = false, quiet_ = false, ending_ = false;
  bool yielded_ = false;                                           // nothing of the registry is written any more
  std::vector<std::pair<MonoTime, std::function<void()>>> looks_;  // since when they are asked for
  std::shared_ptr<const View> view_;
  std::vector<Waiter> waiters_;
  std::map<NamespaceNumber, std::vector<Event>> summoned_;
  std::map<NamespaceNumber, MonoTime> summoned_until_;  // it stays here for a moment
  struct DrainAsk {
    std::string member;
    bool draining;
    std::function<void(Status)> then;
  };
  std::deque<DrainAsk> drains_;
  std::map<std::string, std::pair<OwnerWord, MonoTime>> heard_;  // by member: its lease as it said last, and when
  std::map<std::string, Incarnation> leaving_members_;           // that said so
  std::vector<std::function<void(bool)>> askers_;                // wait for the next look
  std::optional<Departure> departure_;
  std::map<NamespaceNumber, Leaving> leaving_;
  std::deque<ClusterReport::Move> moves_;
  std::thread thread_;

  // Of the thread alone.
  Membership membership_;
  std::optional<Placement> placement_;  // where it leads
  bool yielding_ = false;               // it leads, and gives that up
  std::optional<uint64_t> registry_;    // the version that is followed
  std::map<NamespaceNumber, uint64_t> told_loads_;
  std::optional<std::set<std::string>> told_reach_;
  std::optional<int64_t> told_clock_ms_;
  std::set<std::string> cut_off_;  // as was logged
  std::map<int64_t, ToLeave> to_leave_;
  std::map<NamespaceNumber, MonoTime> untaken_until_;  // what of them lies in the store is damaged, say
  MonoTime looked_at_, told_at_, moving_since_;
  int failed_looks_ = 0;  // since one was answered
};

}  // namespace notifyd
