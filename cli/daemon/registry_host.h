// RegistryHost: runs the registry on one loop: its batches go to the store, its questions to the namespaces' cores, its tables to whoever judges by
// them, its answers to whoever asked. All on the loop's thread, or before it runs, but Post.
//
// I1. Effects are carried out in the order in which the registry has them: who is answered finds the table published that the answer speaks of.
// I2. It writes nothing but from Begin to the end of Resign.
// I3. A namespace's retention holds in the store from when it is published, and from the start on.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "broker/ports.h"
#include "broker/registry.h"
#include "cli/daemon/board.h"
#include "cli/daemon/clocks.h"
#include "net/loop.h"

namespace notifyd {

class RegistryHost {
 public:
  static constexpr int kTimerSlot = 4;

  struct Setup {
    Loop* loop = nullptr;  // borrowed, like the next three
    StoreHost* store = nullptr;
    Switchboard* switchboard = nullptr;
    Board* board = nullptr;
    std::function<void(std::shared_ptr<const AccessTable>)> publish;
    std::function<void(RegistryReply)> reply;
    std::function<void(const AuditEntry&)> log;
    /// A namespace of that name is there no more. Empty: nobody asks.
    std::function<void(const std::string& space)> gone = {};
  };
  RegistryHost(Setup setup, RegistryLimits limits) : setup_(std::move(setup)), limits_(limits) { registry_.emplace(limits); }

  /// What the store had, before it is started. Publishes that.
  void Load(const RegistryImage& image);
  /// Once the store is started: writes what must exist, and goes on with removals.
  void Begin();
  /// Another member has it, and wrote this: publishes that, and writes nothing. Until a Load and Begin, on the loop.
  void Follow(const RegistryImage& image);
  /// On the loop: another member is to have it. What was begun ends, what comes from now on is refused, then `then`: nothing is written any more, and
  /// totals of removed namespaces are in the board's sums no more.
  void Resign(std::function<void()> then);
  /// Any thread.
  void Post(RegistryEvent event);

 private:
  void Step(const RegistryEvent& event);
  bool Refuses(const RegistryEvent& event);
  void CarryOut(RegistryEffects effects);
  void Do(RegistryBatch& batch);
  void Do(CloseNamespace& close) { setup_.switchboard->Post(close.number, CloseIfEmpty{}); }
  void Do(DrainNamespace& drain) { setup_.switchboard->Post(drain.number, Drain{}); }
  void Do(PublishTable& publish);
  void Do(const AuditEntry& entry) { setup_.log(entry); }
  void Do(RegistryReply& reply) { setup_.reply(std::move(reply)); }
  void TellGone(NamespaceNumber number);
  void PublishDecided();
  void SetRetention(const NamespaceRow& row);
  void ArmTick();
  static Now Read() { return {ReadWall(), MonoTime{ReadClockMs(CLOCK_BOOTTIME)}}; }

  void LoadRows(const RegistryImage& image);

  const Setup setup_;
  const RegistryLimits limits_;
  std::optional<Registry> registry_;
  std::shared_ptr<const AccessTable> published_;
  std::vector<std::shared_ptr<const NamespaceRow>> unpublished_;  // whose retention may be another one
  bool armed_ = false;
  bool writes_ = false;             // from Begin to the end of Resign
  std::function<void()> resigned_;  // while it resigns
};

}  // namespace notifyd
