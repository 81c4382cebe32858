// A namespace of a shard that is awake or about to be, and what its events are. The shard's own: nobody else includes it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "cli/daemon/shard.h"

namespace notifyd {

/// Is the event a request, which is answered by a Reply?
inline bool IsRequest(const Event& event) {
  return std::visit(
      [](const auto& each) {
        using T = std::decay_t<decltype(each)>;
        constexpr bool answer = std::is_same_v<T, ReadDone> || std::is_same_v<T, ListDone> || std::is_same_v<T, LanesDone>;
        return requires {
          each.request;
        }
        &&!answer && !std::is_same_v<T, Disconnected>;
      },
      event);
}

/// What is said of a namespace whose cell is lost.
inline Status CellNotReached() {
  return Status(Code::kUnavailable, "the cell of the namespace is not reached");
}

/// Whose request the event is, or is of.
inline std::optional<RequestId> RequestOf(const Event& event) {
  return std::visit(
      [](const auto& each) -> std::optional<RequestId> {
        if constexpr (requires { each.request; }) return each.request;
        else return std::nullopt;
      },
      event);
}

/// Is the event a request of who only looks, so that the namespace rests all the same?
inline bool IsObserver(const Event& event) {
  const std::optional<RequestId> request = RequestOf(event);
  return request && request->thread == kObserverThread;
}

/// Must a namespace that sleeps be woken for it? All else says nothing to one that knows nothing.
inline bool WakesUp(const Event& event) {
  return IsRequest(event) || std::holds_alternative<CloseIfEmpty>(event) || std::holds_alternative<Drain>(event);
}

/// Is it something to do, so that the namespace does not rest?
inline bool IsWork(const Event& event) {
  return std::holds_alternative<AttemptEnded>(event) || (WakesUp(event) && !IsObserver(event));
}

inline std::vector<Event> Events(Event event) {
  std::vector<Event> out;
  out.push_back(std::move(event));
  return out;
}

/// Opens a namespace's part of the store, and measures it, on another thread. Shared by that and the shard, one after the other.
struct OpeningJob {
  std::optional<Result<OpenedNamespace>> result;
  uint64_t stored_bytes = 0;  // where it was opened
};

struct Shard::Slot {
  /// Where the store's answers to this namespace go.
  struct Inbox : EventSink {
    Shard* shard;
    NamespaceNumber number;
    void Post(Event event) override { shard->Post(number, std::move(event)); }
  };

  /// Knows of what the core was given who is not answered yet, and passes answers on. Where the namespace may be moved to another cell.
  struct Outbox : ReplySink {
    ReplySink* to = nullptr;
    std::set<RequestId> owed;
    void Took(const Event& event) {
      const std::optional<RequestId> request = RequestOf(event);
      if (!request || request->token == 0) return;  // of what is not answered
      if (std::holds_alternative<Disconnected>(event)) owed.erase(*request);
      else if (IsRequest(event)) owed.insert(*request);
    }
    void Send(Reply reply) override {
      owed.erase(reply.request);
      to->Send(std::move(reply));
    }
  };

  NamespaceNumber number = kDefaultNumber;
  bool for_good = false;  // it never sleeps
  std::shared_ptr<const NamespaceRow> row;
  Inbox inbox;
  Outbox outbox;
  std::shared_ptr<OpeningJob> opening;  // while that is under way
  std::vector<Event> waiting;           // until the core is there
  std::optional<Status> untaken;        // it could not be opened, and is tried again only after a while: what requests are answered until then

  std::unique_ptr<NamespaceStore> store;
  std::optional<BrokerClock> clock;
  std::unique_ptr<Core> core;
  std::unique_ptr<Driver> driver;

  std::shared_ptr<const FlowSettings> flow;  // as it was told
  CoreUsage usage, told;  // as the governor was told
  uint64_t may_be_in_flight = 0;
  Lookout::Work work;
  bool unshown = false, unmeasured = true;
  StoredUse measured_with;  // what its core said as it was measured last
  /// More than 0: it is to fall asleep, and is asked to in its next runs, so many at most; nothing came since.
  int sleep_tries = 0;
  static constexpr int kSleepTries = 16;
  bool quiet = false, drained = false;
  bool told_to_stop = false;  // by StopStranded
  std::optional<RemovedTotals> discarded;
  std::function<void()> left;        // it goes to another member, or stands still
  std::optional<MonoTime> stops_by;  // it is to stop once what it took in is answered, then at the latest
};

}  // namespace notifyd
