// Ownership: whether this broker may act for what several could (all of a shared store, or a namespace of it), by a lease that it renews in the
// store, and an epoch that fences off what it writes. A state machine of its own: it knows no database and no clock. Contract section 22.
//
//   watching   somebody else has it, or nobody. It is looked at; what says the same for a whole lease and a tenth is asked for, what is free at once.
//   owning     it may act until its lease ends: so long after the moment before the last renewal that the store confirmed was sent. A lease that
//   ended
//              begins again with a renewal that comes through after all: nobody has taken it then.
//   releasing  it is given back; nothing is done for it any more.
//
// I1 of several that keep to this at most one may act at any time, as long as their clocks run alike within a tenth: only times of one clock are ever
//    compared, and the tenth is more than the difference of two clocks over a lease.
// I2 what the store did not confirm counts for nothing: a lease is not longer for it, and an epoch not one's own.
// I3 the lease is for who may act; that nobody else's writes count is the epoch's matter, which each batch shows (the fence). So a clock that runs
//    wrong may double an attempt, but loses nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"

namespace notifyd {

/// 128 random bits: by them an owner's epoch is told from the same one of a store that was restored from a copy, or of another that asked at that
/// time.
struct Incarnation {
  uint64_t high = 0, low = 0;
  bool operator==(const Incarnation&) const = default;
};

/// What the store says of an owner.
struct OwnerWord {
  uint64_t epoch = 0;    // one more with each that becomes the owner
  uint64_t renewal = 0;  // one more with each renewal
  Incarnation incarnation;
  bool free = true;  // nobody has it, or who had it gave it back
  bool operator==(const OwnerWord&) const = default;
};

/// What is to be asked of the store.
struct OwnerAsk {
  enum class Kind : uint8_t {
    kLook,     // returns the word, free and of epoch 0 where there is none yet
    kAcquire,  // where the word is still `seen`: epoch and renewal one more, `incarnation`, not free. Synced
    kRenew,    // where epoch and incarnation are still those of `seen`: renewal one more. Synced
    kRelease,  // where epoch and incarnation are still those of `seen`: free. Synced
  };
  Kind kind = Kind::kLook;
  OwnerWord seen;
  bool own = false;  // kAcquire: `seen` is this broker's own, and its renewal need not be the same
  Incarnation incarnation;
};

enum class OwnerAnswer : uint8_t {
  kYes,      // it is so, and durable
  kNo,       // it is not, and nothing was changed
  kUnknown,  // it may have been done, or be done yet: no answer, or one with a warning
  kGone,     // the store that was there is not any more, or another one is in its place; nothing was done
};

struct LeaseTimes {
  int64_t renew_ms = 2'000;
  int64_t lease_ms = 6'000;
  int64_t stale_ms = 6'600;  // a candidate waits for so long from the first sight of what does not change any more: a lease and a tenth
  int64_t look_ms = 50;      // from one look to the next: a renewal may be seen so late, and what follows from it be as late
  int64_t retry_ms = 100;    // what was not answered is asked again so soon: once the store is back, all waits for that
};

class Ownership {
 public:
  enum class Standing : uint8_t { kWatching, kOwning, kReleasing };

  /// `draw` gives another incarnation each time.
  Ownership(LeaseTimes times, std::function<Incarnation()> draw) : times_(times), draw_(std::move(draw)) {}

  /// Of an owner that is no more, and handed its word on: what is its is taken over at once.
  void Inherit(const OwnerWord& word) {
    asked_.push_back(word.incarnation);
    inherited_ = word;
  }

  /// Returns what is to be asked now, at `now` before it is sent; nothing where one is on its way, or it is too early (see next_at).
  std::optional<OwnerAsk> Ask(MonoTime now);
  /// What came of it, `now` behind its arrival. `word`: with kYes as the store has it now, or, of a look, had it; with kNo to a renewal the epoch at
  /// which the store has it now, 0 where that is not known.
  void Answer(MonoTime now, OwnerAnswer answer, const OwnerWord& word = {});
  /// When Ask has something, unless something happens before; kMonoNever while one is on its way, and once it is given back.
  MonoTime next_at() const;

  /// Something was refused by the fence: somebody else has it.
  void Fenced();
  /// It is not needed any more, and all that it did is done.
  void Release();

  Standing standing() const { return standing_; }
  /// May it act? Look directly before each act.
  bool MayAct(MonoTime now) const { return standing_ == Standing::kOwning && now < until_; }
  /// Where it is kOwning: until then it may act, unless its lease is renewed.
  MonoTime until() const { return until_; }
  /// Where it is kOwning: as it was when it was acquired, but for the renewals.
  const OwnerWord& word() const { return word_; }
  bool released() const { return released_; }
  /// The store has less than it had confirmed, to this one or to whoever handed its word on: it was put back to a copy, or another one took its place
  /// without that. So it may have lost what else it had confirmed.
  bool went_back() const { return went_back_; }
  /// Whether it is this one's by what was asked for, or inherited, and not answered yet.
  bool IsOwn(const Incarnation& incarnation) const;

 private:
  OwnerAsk Choose(MonoTime now) const;
  void Seen(MonoTime now, const OwnerWord& word);
  void Acquired(const OwnerWord& word);
  void Lose();

  const LeaseTimes times_;
  const std::function<Incarnation()> draw_;
  Standing standing_ = Standing::kWatching;
  std::optional<OwnerAsk> under_way_;
  MonoTime sent_at_, next_at_;
  // Watching: the last sight, and since when it has been the same. Owning: what is one's own.
  std::optional<OwnerWord> seen_;
  MonoTime seen_since_;
  OwnerWord word_;
  MonoTime until_;
  bool released_ = false;  // releasing: the store has confirmed it, or somebody else has it
  bool went_back_ = false;
  std::optional<OwnerWord> inherited_;
  // Incarnations by which it was asked for and that may have come through, the newest last.
  std::vector<Incarnation> asked_;
};

/// Where owners' words are kept: what carries asks out. One thread; each blocks until it is answered, or given up.
class OwnerStore {
 public:
  virtual ~OwnerStore() = default;
  /// The word as Ownership::Answer takes it.
  virtual std::pair<OwnerAnswer, OwnerWord> Do(const OwnerAsk& ask) = 0;
  /// By how much this machine's clock is ahead of the store's, at least, as the last renewal showed; less than 0: it is behind. Nothing: none did.
  virtual std::optional<int64_t> ClockAheadMs() const { return std::nullopt; }
  /// Where the word that was looked at last is a member's of the very name that this one has: its address. Else empty.
  virtual std::string Namesake() const { return {}; }
  /// What tells this store, and where it is, from any other, for OwnerStores of later processes; empty: not known, or there is nothing to tell.
  virtual std::string Mark() const { return {}; }
  /// Why the last one was answered by kUnknown or kGone, for people, without a password; empty: it was not.
  virtual std::string Fault() const { return {}; }
  /// That was not for want of an answer: the store is there, and this broker lacks a right in it, which somebody has to give it.
  virtual bool Refuses() const { return false; }
};

/// What whoever writes under an epoch knows of it. Any thread.
class OwnerHandle {
 public:
  virtual ~OwnerHandle() = default;
  /// As it was acquired last: what each batch shows.
  virtual OwnerWord word() const = 0;
  /// The fence refused something: somebody else has it. The process gives everything up.
  virtual void Fenced() = 0;
};

}  // namespace notifyd
