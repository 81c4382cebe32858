// LeaseKeeper: keeps what this process owns of a store that several share (broker/ownership.h decides), by a thread that asks the store, and one that
// sees to it that everything is given up in time where the store no longer answers.
//
// I1 once it was acquired, a lease that ends, or is somebody else's, is lost for good: `lost` is called, once, and must not return into the process.
//    So is one of a store that lost what it had confirmed, whoever has it.
// I2 MayAct says no from the moment the lease is over, whatever any thread does.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "broker/ownership.h"

namespace notifyd {

class LeaseKeeper : public OwnerHandle {
 public:
  struct Setup {
    std::unique_ptr<OwnerStore> store;
    LeaseTimes times = {};
    std::optional<OwnerWord> inherited = {};  // of the process whose place this one took
    int64_t refused_each_ms = 60'000;         // that it lacks a right is logged so often
  };
  explicit LeaseKeeper(Setup setup);
  /// Ends the threads; what is owned stays so until its lease is over.
  ~LeaseKeeper() override;

  /// `acquired`: it may act from now on; on the keeper's thread, once. Begins at once.
  void Start(std::function<void()> acquired);
  /// Before it is acquired. `lost` is called on any thread.
  void OnLost(std::function<void(const char* why)> lost);
  /// `renewed` is called each time that the store has confirmed the lease anew, on the keeper's thread; null: nobody is told any more, and no call is
  /// under way. Any thread but from inside.
  void OnRenewed(std::function<void()> renewed);
  /// Look directly before whatever nobody may see of one who is not the owner. Any thread; costs a read of the clock.
  bool MayAct();
  /// Somebody found that it is lost, and has called what OnLost said.
  bool lost() const { return lost_.load(); }
  /// As Ownership's. Whoever waits for a store of which that is so is told by OnLost's call, too. Any thread.
  bool went_back() const;
  static constexpr const char* kWentBack =
      "the store has not what it had confirmed to be durable: its lease is as it was before this broker renewed it last, or the store is another one";
  /// The address of a living member that has the name of this one, which waits for it; empty: there is none, or it is not known to live. Any thread.
  std::string namesake() const;
  /// What the last answer of the store was. Any thread.
  enum class Sight : uint8_t {
    kNothing,   // none is there yet
    kSilent,    // there was none: the store is not reached
    kRefused,   // the store is there, and this broker lacks a right in it
    kAnothers,  // another one has what this one waits for
    kOwn,       // it is, or soon will be, this one's
  };
  Sight sight() const;
  /// For how long it may act, unless that is renewed. Any thread.
  int64_t left_ms() const;
  /// By how much this machine's clock is ahead of the store's, as OwnerStore says. Any thread.
  std::optional<int64_t> clock_ahead_ms() const;
  /// Nothing is acted on any more: gives it back, `most_ms` at most. Whether the store has confirmed that.
  bool Release(int64_t most_ms);
  /// As it is now; nothing where it is not owned.
  std::optional<OwnerWord> owned() const;
  /// OwnerStore's, as of the last answer. Any thread.
  std::string mark() const;

  OwnerWord word() const override;
  void Fenced() override;
  /// As Fenced, for another reason.
  void GiveUp(const char* why) { Lose(why, /*given_up=*/true); }

 private:
  void Ask();
  void Watch();
  void NoteNamesake(const OwnerAsk& ask, OwnerAnswer answer, const OwnerWord& word);
  void NoteSight(const OwnerAsk& ask, OwnerAnswer answer, const OwnerWord& word);
  void NoteClock(const OwnerAsk& ask, OwnerAnswer answer);
  void Noted(const OwnerAsk& ask, OwnerAnswer answer, std::unique_lock<std::mutex>* lock);
  void Lose(const char* why, bool given_up = false);

  const std::unique_ptr<OwnerStore> store_;
  const LeaseTimes times_;
  const int64_t refused_each_ms_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Ownership owner_;
  std::optional<OwnerWord> looked_at_;  // the last word of another one
  std::string namesake_;
  std::string mark_;  // the store's
  Sight sight_ = Sight::kNothing;
  std::string fault_;  // as was logged last; empty: the store answers
  MonoTime fault_at_;
  bool fault_of_look_ = false;  // and not of a change, which a server may not take that answers looks
  std::optional<int64_t> clock_ahead_ms_;
  bool clock_differs_ = false;  // as was logged last
  bool held_ = false;       // it was acquired
  bool releasing_ = false;  // on purpose
  bool ending_ = false;
  std::atomic<bool> lost_ = false;
  std::atomic<int64_t> until_ms_ = 0;  // CLOCK_BOOTTIME
  std::function<void()> acquired_;
  std::function<void(const char*)> on_lost_;
  std::mutex renewed_mutex_;  // held while it is called
  std::function<void()> renewed_;
  std::thread asker_, watcher_;
};

}  // namespace notifyd
