// Places: which of several brokers serves which namespace, as this one knows it. Contract section 23.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "broker/ownership.h"

namespace notifyd {

/// A member, as it is asked or told something.
struct MemberAt {
  std::string name;
  std::string address;           // HOST:PORT at which other members reach it
  Incarnation incarnation = {};  // under which it has its lease: at the address may be another one by now
  bool operator==(const MemberAt&) const = default;
};

/// Where something is served now.
struct Place {
  enum class Kind : uint8_t {
    kHere,
    kThere,   // by `member`
    kMoving,  // by nobody for the moment: it is on its way, or whoever had it is gone
  };
  Kind kind = Kind::kHere;
  std::string member;   // kThere: its name. kMoving: who had it, and lets go of it once he reaches its cell; empty: nothing holds it
  std::string address;  // kThere: HOST:PORT at which other members reach it
  WallTime since = {};  // kHere: before that another member may have served it
  Incarnation incarnation = {};  // kThere: MemberAt::incarnation

  static Place There(MemberAt at) {
    Place place;
    place.kind = Kind::kThere;
    place.member = std::move(at.name);
    place.address = std::move(at.address);
    place.incarnation = at.incarnation;
    return place;
  }
};

/// One of the brokers that share a store.
struct Member {
  std::string name;
  std::string address;  // HOST:PORT at which other members reach it
  bool self = false;
  bool leading = false;  // it serves the registry, and spreads the namespaces
  bool draining = false;
  bool alive = true;        // its lease was renewed in time, as far as is known here
  uint64_t namespaces = 0;  // that it serves
  std::string version;      // of its program
  int64_t heartbeat_age_ms = 0;
  std::vector<std::string> unreached_by = {};  // members that say that they do not reach it, by name
  bool cut_off = false;                        // those are so many that nothing is to be placed there (broker/reach.h)
  std::optional<std::set<std::string>> cells = {};  // of the store, that its settings name, as it says; nothing: it does not say
  std::optional<int64_t> clock_ahead_ms = {};       // of the store's clock, likewise; less than 0: it is behind
  Incarnation incarnation = {};                     // MemberAt::incarnation
  MemberAt at() const { return {name, address, incarnation}; }
};

/// Any thread. What is said may be over the moment after: whoever is asked in another's place says so.
class Places {
 public:
  virtual ~Places() = default;
  virtual Place Of(NamespaceNumber number) const = 0;
  /// Of what concerns no namespace alone: namespaces themselves, tokens, the audit.
  virtual Place OfRegistry() const = 0;
  virtual std::vector<Member> Members() const = 0;
  /// Calls `then`, once, on any thread, as soon as Of(number) may say something else than kMoving, or after `most_ms`.
  virtual void Await(NamespaceNumber number, int64_t most_ms, std::function<void()> then) = 0;
  /// Calls `then`, once, on any thread: once what is known here of namespaces and tokens is as it was at some moment after this call, or that cannot
  /// be had soon. However often it is called, the store is looked at some times a second at most.
  virtual void LookAnew(std::function<void()> then) = 0;
};

}  // namespace notifyd
