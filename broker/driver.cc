#include "broker/driver.h"

#include <utility>

namespace notifyd {

Driver::Driver(Core* core, Store* store, Sender* sender, ReplySink* replies, Hooks hooks)
    : core_(core), store_(store), sender_(sender), replies_(replies), hooks_(std::move(hooks)) {
  if (hooks_.checks) effects_.decided.emplace();
}

void Driver::Run(const Now& now, std::vector<Event> events) {
  for (Event& event : events) core_->Step(now, std::move(event), &effects_);
  core_->Finish(now, &effects_);
  if (effects_.decided) {
    hooks_.checks(effects_);
    effects_.decided->clear();
  }
  for (WriteBatch& batch : effects_.writes) {
    last_batch_ = batch.number;
    store_->Commit(std::move(batch));
  }
  for (LoadEffect& load : effects_.loads) store_->Load(std::move(load));
  for (PageEffect& page : effects_.pages) store_->LoadPage(std::move(page));
  for (ReadEffect& read : effects_.reads) store_->Read(std::move(read));
  for (ListEffect& list : effects_.lists) store_->List(std::move(list));
  for (LanesEffect& lanes : effects_.lanes) store_->ListLanes(std::move(lanes));
  // Answers first: whoever submitted hears of its notify before the receiver does.
  for (Reply& reply : effects_.replies) replies_->Send(std::move(reply));
  for (StartAttempt& start : effects_.starts) sender_->Start(std::move(start));
  if (hooks_.log)
    for (const AttemptLog& log : effects_.logs) hooks_.log(log);
  if (hooks_.lane_log)
    for (const LaneLog& log : effects_.lane_logs) hooks_.lane_log(log);
  if (hooks_.flow_log)
    for (const FlowLog& log : effects_.flow_logs) hooks_.flow_log(log);
  bool quiet = std::exchange(effects_.quiet, false);
  bool drained = std::exchange(effects_.drained, false);
  std::optional<WorkLeft> closed = std::exchange(effects_.closed, std::nullopt);
  std::optional<Totals> discarded = std::exchange(effects_.discarded, std::nullopt);
  std::optional<Status> fatal = std::exchange(effects_.fatal, std::nullopt);
  effects_.writes.clear();
  effects_.loads.clear();
  effects_.pages.clear();
  effects_.reads.clear();
  effects_.lists.clear();
  effects_.lanes.clear();
  effects_.starts.clear();
  effects_.replies.clear();
  effects_.logs.clear();
  effects_.lane_logs.clear();
  effects_.flow_logs.clear();
  if (fatal && hooks_.fatal) hooks_.fatal(*fatal);
  if (quiet && hooks_.quiet) hooks_.quiet();
  if (drained && hooks_.drained) hooks_.drained();
  if (closed && hooks_.closed) hooks_.closed(*closed);
  if (discarded && hooks_.discarded) hooks_.discarded(*discarded);
}

}  // namespace notifyd
