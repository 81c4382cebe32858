// Mailbox: events on their way to the cores of a shard, gathered by namespace. Post from any thread; Take and the wake-up belong to the thread that
// runs the cores.
//
// I1. The events of one namespace are taken in the order in which they were posted.
// I2. An event that another thread posts into an empty mailbox wakes the cores' thread; one that that thread posts itself does not, because it looks
//     into the mailbox before it sleeps (AdoptThread).
#pragma once

#include <functional>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/ports.h"

namespace notifyd {

class Mailbox {
 public:
  /// What came for one namespace.
  struct Mail {
    NamespaceNumber to;
    std::vector<Event> events;
  };

  /// `wake` is called on the posting thread, outside of any lock. Set it before another thread posts.
  void OnWake(std::function<void()> wake) { wake_ = std::move(wake); }
  /// The calling thread is the cores', from now on.
  void AdoptThread() { adopted = this; }

  void Post(NamespaceNumber to, Event&& event) {
    bool first;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      first = mail_.empty();
      PlaceOf(to).push_back(std::move(event));
    }
    if (first && adopted != this) wake_();
  }

  /// All that is there: who was posted to first comes first.
  std::vector<Mail> Take() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (places_.size() > 0) places_.clear();
    return std::exchange(mail_, {});
  }
  bool empty() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return mail_.empty();
  }

 private:
  std::vector<Event>& PlaceOf(NamespaceNumber to) {
    // Most of what comes is for the one that something came for just now.
    if (!mail_.empty() && mail_[last_].to == to) return mail_[last_].events;
    auto [place, made] = places_.try_emplace(to, mail_.size());
    if (made) mail_.push_back({to, {}});
    last_ = place->second;
    return mail_[last_].events;
  }

  static inline thread_local const Mailbox* adopted = nullptr;
  std::function<void()> wake_ = [] {};
  mutable std::mutex mutex_;
  std::vector<Mail> mail_;
  std::unordered_map<NamespaceNumber, size_t> places_;  // in mail_
  size_t last_ = 0;                                     // the place that was asked for last
};

}  // namespace notifyd
