// The core's part of alerts: when they fire, repeat and end, and their messages. It does so in namespace `system` alone (contract section 17).
// Included by broker/core*.cc alone. See core_impl.h.
//
// Whoever has figures hands them in, about once a second, with what the file says of alerts; between two of them nothing happens here. Memory has
// where each alert stands; what changes of that is written in the batch of the messages that say so. A message is a notify of `system` for one
// target, of all alerts that had something to say to it at once, in a fifo lane of the target's: it is made past every bound that submits have.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/alert_records.h"
#include "broker/alert_text.h"
#include "broker/core_impl.h"

namespace notifyd {

class Core::Impl::AlertPart {
 public:
  explicit AlertPart(Core::Impl* core) : core_(*core) {}
  Handled Handle(Task* task, AlertRequest& r);
  /// A notify of the namespace is settled.
  void OnSettled(NotifyId id);

 private:
  using Figures = std::shared_ptr<const AlertFigures>;
  /// A message that is not synced yet.
  struct Unsynced {
    uint64_t batch = 0;
    MonoTime since;
    bool said = false;  // that the store does not take it
    AlertUnstored message;
  };
  /// So long the store may take for one.
  static constexpr int64_t kStoreMostMs = 5'000;
  /// A message that nobody takes for so long is given up.
  static constexpr int64_t kMessageTtlMs = 7LL * 24 * 3600 * 1000;
  static constexpr size_t kPageRows = 1000;

  Handled Do(RequestId request, const Figures& figures);
  Handled Do(RequestId request, const AlertList& ask);
  Handled Do(RequestId request, const AlertGet& ask);
  Handled Do(RequestId request, const AlertTest& ask);
  Handled Answer(RequestId request, AlertAnswer answer);
  /// Says how all stands, where that was asked for.
  Handled Judged(RequestId request);

  void Load(std::string from);
  void OnRows(std::vector<RecordRow>& rows, bool more);
  void ForgetRemoved();
  void Judge(const AlertFigures& figures);
  /// Makes one message for each target of what there is news of.
  void Tell(std::vector<AlertNews> news);
  NotifyId Submit(const AlertTarget& target, const AlertMessage& message);
  void WriteState(const std::string& name);
  AlertView ViewOf(const AlertRule& rule, size_t most_causes) const;
  uint64_t Firing() const;
  std::vector<AlertUnstored> TakeUnstored();
  const AlertRule* FindRule(const std::string& name) const;

  Core::Impl& core_;
  std::shared_ptr<const AlertSettings> settings_;  // null: nobody said any
  bool loading_ = false, loaded_ = false;
  std::vector<AlertRequest> waiting_;       // until it is loaded
  std::vector<NotifyId> settled_unloaded_;  // before that; of `system` alone, which has alerts in its store
  std::map<std::string, AlertState> states_;
  std::map<std::string, bool> stored_;  // of states_, those that the store has
  std::vector<Unsynced> unsynced_;
  std::vector<std::string> missing_;  // members, as the last figures had it
};

}  // namespace notifyd
