#include "sim/describe.h"

#include "sim/workload.h"

namespace notifyd::sim {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

std::string Text(int64_t number) {
  return std::to_string(number);
}
std::string Text(uint64_t number) {
  return std::to_string(number);
}
std::string Text(NotifyId id) {
  return "n" + std::to_string(id.value);
}
std::string Text(const LaneKey& lane) {
  return std::string(ToString(lane.mode)) + "/" + lane.name;
}
std::string Text(const DueKey& key) {
  return std::to_string(key.time_ms) + ":" + Text(key.id);
}
std::string Text(const OrderKey& key) {
  return std::to_string(key.rank) + ":" + std::to_string(key.due.ms) + ":" + Text(key.id);
}
std::string Text(const RequestId& id) {
  return "r" + std::to_string(id.token);
}
std::string Text(WallTime time) {
  return time == kWallNever ? "never" : std::to_string(time.ms);
}
std::string Text(const When& when) {
  return when.kind == When::Kind::kDefault ? "-" : (when.kind == When::Kind::kDelay ? "+" : "@") + std::to_string(when.ms);
}
std::string UnderBase(const std::shared_ptr<const NotifyRecord>& base) {
  return base ? " under " + Text(base->id) + " due " + Text(base->state.due) : "";
}
std::string Text(const NotifyState& s) {
  return "phase " + std::to_string(static_cast<int>(s.phase)) + " due " + Text(s.due) + " retry_at " + std::to_string(s.retry_at.ms) + " made " +
         std::to_string(s.attempts_made) + "-" + std::to_string(s.attempts_before) + " expires " + Text(s.expires_at);
}
std::string Text(const LaneRecord& r) {
  return std::string(r.tail ? "tail from " + Text(r.tail_from) + " " : "") +
         (r.listed ? "sleepers " + r.sleeper_host + ":" + std::to_string(r.sleeper_order) + " " : "") +
         (r.blocked_head.value ? "blocked " + Text(r.blocked_head) : "");
}

std::string Text(const LaneSettings& s) {
  std::string text = s.paused == Paused::kNo ? "runs" : s.paused == Paused::kByRequest ? "paused" : "paused itself";
  if (s.pause.note)
    text += " since " + Text(s.pause.note->since) + " by " + s.pause.note->by + ": " + s.pause.note->reason + Text(s.pause.note->failed);
  if (s.concurrency) text += " concurrency " + std::to_string(*s.concurrency);
  if (s.rate_per_s) text += " rate " + std::to_string(*s.rate_per_s);
  if (s.burst) text += " burst " + std::to_string(*s.burst);
  if (s.on_retry) text += std::string(" ") + ToString(*s.on_retry);
  if (s.on_failure) text += std::string(" ") + ToString(*s.on_failure);
  return text;
}
std::string Text(const IndexCounts& c) {
  std::string out;
  for (int64_t n : c.of) out += (out.empty() ? "" : "/") + std::to_string(n);
  return out;
}

std::string Text(const RecordKey& key) {
  return std::string(1, static_cast<char>(key.kind)) + " " + key.key;
}

std::string Text(const WriteOp& op) {
  return std::visit(
      Overloaded{
          [](const PutNotify& o) {
            return "put " + Text(o.record->id) + " t" + std::to_string(TokenOf(*o.record->spec)) + " " + Text(o.record->envelope->lane) + " " +
                   Text(o.record->state);
          },
          [](const ChangeNotify& o) { return "change " + Text(o.id) + " " + Text(o.change->state); },
          [](const DeleteNotify& o) { return "purge " + Text(o.id); },
          [](const PutLaneSettings& o) { return "settings " + Text(o.lane) + " " + Text(o.settings); },
          [](const DeleteLaneSettings& o) { return "-settings " + Text(o.lane); },
          [](const PutSwitches& o) {
            return "switches " + Text(uint64_t{o.switches->callers.size()}) + " " + Text(uint64_t{o.switches->hosts.size()});
          },
          [](const AddLaneCounts& o) { return "count " + Text(o.lane) + " " + Text(o.change); },
          [](const PutDue& o) { return std::string(o.clock == Clock::kWall ? "+due " : "+mono ") + Text(o.key); },
          [](const DeleteDue& o) { return std::string(o.clock == Clock::kWall ? "-due " : "-mono ") + Text(o.key) + (o.once ? " once" : ""); },
          [](const PutExpiry& o) { return "+expiry " + Text(o.key); },
          [](const DeleteExpiry& o) { return "-expiry " + Text(o.key); },
          [](const PutTail& o) { return "+tail " + Text(o.lane) + " " + Text(o.key); },
          [](const DeleteTail& o) { return "-tail " + Text(o.lane) + " " + Text(o.key); },
          [](const PutLane& o) { return "lane " + Text(o.lane) + " " + Text(o.record); },
          [](const DeleteLane& o) { return "-lane " + Text(o.lane); },
          [](const PutSleeper& o) { return "+sleepers " + o.host + " " + Text(o.lane.order) + " " + Text(o.lane.lane); },
          [](const DeleteSleeper& o) { return "-sleepers " + o.host + " " + Text(o.lane.order) + " " + Text(o.lane.lane); },
          [](const PutFkey& o) { return "fkey " + o.fkey + " " + Text(o.record.id) + " " + Text(o.record.expires_at); },
          [](const ExpireFkey& o) { return "expire fkey " + o.fkey + " " + Text(o.id) + " " + Text(o.expires_at); },
          [](const PutIdempotency& o) { return "key " + o.key.caller + "/" + o.key.key + " " + Text(o.record.id); },
          [](const PutSettled& o) { return "+settled " + Text(o.id); },
          [](const DeleteSettled& o) { return "-settled " + Text(o.id); },
          [](const PutRecord& o) { return "+record " + Text(o.key); },
          [](const AddToCount& o) { return "count " + Text(o.key) + " by " + std::to_string(o.by); },
          [](const DeleteRecord& o) { return "-record " + Text(o.key); },
      },
      op);
}

std::string Text(const std::string& text) {
  return text;
}
std::string Text(const LoadedDue& due) {
  return Text(due.key) + (due.notify.record ? "" : "(none)");
}
std::string Text(const LoadedTail& tail) {
  return Text(tail.key) + (tail.notify.record ? "" : "(none)");
}
std::string Text(const Sleeper& lane) {
  return Text(lane.order) + ":" + Text(lane.lane);
}
std::string Text(const RecordRow& row) {
  return row.key;
}
std::string Text(const PageRows& page) {
  std::string text;
  std::visit(Overloaded{[](const TailCount&) {},
                        [&](const auto& rows) {
                          for (const auto& row : rows) text += " " + Text(row);
                        }},
             page);
  return text;
}

}  // namespace

std::string Describe(const Event& event) {
  return std::visit(Overloaded{
                        [](const SubmitRequest& e) {
                          std::string text = "submit " + Text(e.request);
                          for (const SubmitItem& item : e.items)
                            text += " [t" + std::to_string(TokenOf(*item.spec)) + " " + Text(item.envelope->lane) + " " + item.envelope->host +
                                    " when " + Text(item.when) + " ttl " + Text(item.ttl) + " p" + std::to_string(item.envelope->priority) +
                                    (item.envelope->fkey.empty() ? "" : " fkey " + item.envelope->fkey + " " + ToString(item.on_held)) +
                                    (item.steps_aside ? " steps aside" : "") +
                                    (item.idempotency_key.empty() ? "" : " key " + item.envelope->caller + "/" + item.idempotency_key) + "]";
                          return text;
                        },
                        [](const TriggerRequest& e) {
                          return "trigger " + Text(e.request) + " " + e.fkey + " when " + Text(e.when) + " " + e.data.value_or("") +
                                 (e.remember_ms > 0 ? " remember " + Text(e.remember_ms) : "") + (e.merge ? " merged" : "");
                        },
                        [](const FkeyGetRequest& e) { return "fkey get " + Text(e.request) + " " + e.fkey; },
                        [](const FkeyCancelRequest& e) { return "fkey cancel " + Text(e.request) + " " + e.fkey; },
                        [](const GetRequest& e) { return "get " + Text(e.request) + " " + Text(e.id) + " wait " + Text(e.wait_ms); },
                        [](const CancelRequest& e) { return "cancel " + Text(e.request) + " " + Text(e.id) + UnderBase(e.base); },
                        [](const RetryRequest& e) { return "retry " + Text(e.request) + " " + Text(e.id) + UnderBase(e.base); },
                        [](const ListRequest& e) { return "list " + Text(e.request); },
                        [](const ChangeReadRequest& e) { return "change read " + Text(e.request) + " " + Text(e.id); },
                        [](const ChangeRequest& e) {
                          return "change " + Text(e.request) + " " + Text(e.id) + (e.when ? " when " + Text(*e.when) : "") +
                                 (e.ttl ? " ttl " + Text(*e.ttl) : "");
                        },
                        [](const ExplainRequest& e) { return "explain " + Text(e.request) + " " + Text(e.id); },
                        [](const BulkRequest& e) {
                          return "bulk " + std::to_string(static_cast<int>(e.kind)) + " " + Text(e.request) + (e.dry_run ? " dry" : "") + " " +
                                 e.query.lane.value_or("") + " " + e.query.caller.value_or("") + " above " + Text(e.query.above);
                        },
                        [](const LanesRequest& e) { return "lanes " + Text(e.request); },
                        [](const LaneChangeRequest& e) {
                          return "lane " + Text(e.request) + " " + Text(e.lane) + (e.patch.paused ? *e.patch.paused ? " pause" : " resume" : " set");
                        },
                        [](const CallersRequest& e) { return "callers " + Text(e.request); },
                        [](const CallerChangeRequest& e) { return "caller " + Text(e.request) + " " + e.caller; },
                        [](const HostsRequest& e) { return "hosts " + Text(e.request); },
                        [](const HostChangeRequest& e) { return "host " + Text(e.request) + " " + e.host; },
                        [](const ServiceRequest& e) { return "service " + Text(e.request); },
                        [](const TopicRequest& e) { return "topic " + Text(e.request); },
                        [](const GroupRequest& e) { return "group " + Text(e.request); },
                        [](const ScheduleRequest& e) { return "schedule " + Text(e.request); },
                        [](const FiguresRequest& e) { return "figures " + Text(e.request); },
                        [](const AlertRequest& e) { return "alert " + Text(e.request); },
                        [](const ResponseRequest& e) { return "response " + Text(e.request) + " " + Text(e.id); },
                        [](const FlowSettingsChanged&) { return std::string("flow settings"); },
                        [](const LanesDone& e) { return "lanes done " + Text(e.request); },
                        [](const HoldAttempts&) { return std::string("hold"); },
                        [](const LimitsChanged&) { return std::string("limits"); },
                        [](const GrantChanged& e) {
                          return "grant " + Text(e.number) + " in flight " + Text(uint64_t{e.max_in_flight}) + " loaded " + Text(uint64_t{e.max_loaded});
                        },
                        [](const CloseIfEmpty&) { return std::string("close if empty"); },
                        [](const Drain&) { return std::string("drain"); },
                        [](const PrepareSleep&) { return std::string("prepare sleep"); },
                        [](const StoredBytes& e) { return "stored " + Text(e.bytes) + " bytes"; },
                        [](const StatsRequest& e) { return "stats " + Text(e.request); },
                        [](const Disconnected& e) { return "disconnected " + Text(e.request); },
                        [](const Committed& e) { return "committed " + Text(e.batch) + " synced " + Text(e.synced); },
                        [](const WriteFailed&) { return std::string("write failed"); },
                        [](const DiskSpace& e) {
                          return std::string(e.lost ? "store lost" : e.low ? "disk low" : "disk not low");
                        },
                        [](const Loaded& e) { return "loaded " + Text(e.ticket); },
                        [](const PageLoaded& e) {
                          std::string text = "page " + Text(e.ticket) + (e.more ? " more" : "");
                          return text + Text(e.rows);
                        },
                        [](const ReadDone& e) { return "read done " + Text(e.request); },
                        [](const ListDone& e) { return "list done " + Text(e.request); },
                        [](const AttemptReached& e) { return "reached " + Text(e.id) + "#" + std::to_string(e.number); },
                        [](const AttemptEnded& e) {
                          return "ended " + Text(e.id) + "#" + std::to_string(e.result.record.number) + " verdict " +
                                 std::to_string(static_cast<int>(e.result.verdict)) + " retry after " + Text(e.result.retry_after_ms);
                        },
                        [](const Tick&) { return std::string("tick"); },
                        [](const StopRequested&) { return std::string("stop"); },
                    },
                    event);
}

std::string Describe(const WriteBatch& batch) {
  std::string text = "  commit " + Text(batch.number) + (batch.sync ? " sync" : "");
  for (const WriteOp& op : batch.ops) text += " | " + Text(op);
  return text;
}

std::string Describe(const LoadEffect& load) {
  std::string text = "  load " + Text(load.ticket);
  for (const LoadKey& key : load.keys)
    text += " " + std::visit(Overloaded{[](NotifyId id) { return Text(id); }, [](const std::string& fkey) { return fkey; },
                                        [](const IdempotencyKey& k) { return k.caller + "/" + k.key; },
                                        [](const LaneKey& lane) { return Text(lane); }, [](SwitchesKey) { return std::string("switches"); },
                                        [](const RecordKey& k) { return Text(k); }, [](BeginningKey k) { return "the beginning of " + Text(k.id); },
                                        [](StoredKey k) { return Text(k.id) + " as stored"; }, [](EndKey k) { return "the end of " + Text(k.id); },
                                        [](const RememberedKey& k) { return "all of " + k.fkey; }},
                             key);
  return text;
}

std::string Describe(const PageEffect& page) {
  return "  page " + Text(page.ticket) + " limit " + Text(static_cast<uint64_t>(page.limit)) + " " +
         std::visit(Overloaded{[](const DuePage& p) {
                                 return std::string(p.clock == Clock::kWall ? "due " : "mono ") + Text(p.from) + " to " + Text(p.to_ms);
                               },
                               [](const ExpiryPage& p) { return "expiry " + Text(p.from) + " to " + Text(p.to_ms); },
                               [](const TailPage& p) { return "tail " + Text(p.lane) + " " + Text(p.from); },
                               [](const TailCountPage& p) { return "tail count " + Text(p.lane) + " " + Text(p.from) + " to " + Text(p.to); },
                               [](const SleepersPage& p) { return "sleepers " + p.host + " " + Text(p.from); },
                               [](const SleeperHostsPage& p) { return "sleeper hosts after " + p.after; },
                               [](const RecordsPage& p) { return "records " + std::string(1, static_cast<char>(p.kind)) + " from " + p.from; }},
                    page.page);
}

std::string Describe(const StartAttempt& start) {
  return "  start " + Text(start.id) + "#" + std::to_string(start.number) + " " + Text(start.envelope->lane) + " " + start.envelope->host;
}

std::string Describe(const Reply& reply) {
  return "  reply " + Text(reply.request) + " " +
         std::visit(
             Overloaded{[](const Refused& r) { return "refused " + std::to_string(static_cast<int>(r.status.code())) + " " + r.status.detail(); },
                        [](const Submitted& r) {
                          std::string text = "submitted";
                          for (const SubmittedItem& i : r.items)
                            text += " " + Text(i.id) + " " + ToString(i.state) + (i.removed ? " removed" : "") + (i.duplicate ? " duplicate" : "") +
                                    (i.kept ? " kept" : "");
                          return text;
                        },
                        [](const Triggered& r) { return "triggered " + Text(r.id) + (r.fresh ? " fresh" : ""); },
                        [](const Unmerged&) { return std::string("to be merged"); },
                        [](const Remembered&) { return std::string("remembered"); },
                        [](const RememberedViewed& r) { return "remembered trigger of " + r.fkey; },
                        [](const Withdrawn&) { return std::string("withdrawn"); },
                        [](const Stale&) { return std::string("stale"); },
                        [](const BulkDone& r) { return "bulk done " + Text(r.count) + " next " + Text(r.next); },
                        [](const Explained& r) {
                          std::string text = "explained " + Text(r.id);
                          for (const auto& reason : r.reasons) text += " " + reason.code;
                          return text;
                        },
                        [](const LanesListed& r) { return "lanes " + Text(static_cast<uint64_t>(r.lanes.size())); },
                        [](const LaneViewed& r) { return "lane " + Text(r.lane.lane) + " " + Text(r.lane.own); },
                        [](const Viewed& r) { return "viewed " + Text(r.view.record->id) + " " + ToString(r.view.state); },
                        [](const Retried& r) { return "retried " + Text(r.id); },
                        [](const Listed& r) { return "listed " + Text(static_cast<uint64_t>(r.items.size())); },
                        [](const CallersListed&) { return std::string("callers listed"); },
                        [](const CallerViewed&) { return std::string("caller viewed"); },
                        [](const HostsListed&) { return std::string("hosts listed"); },
                        [](const HostViewed&) { return std::string("host viewed"); },
                        [](const Waited& r) { return "waited " + Text(r.item.id) + (r.view ? " settled" : ""); },
                        [](const ServiceAnswered&) { return std::string("service answered"); },
                        [](const TopicAnswered&) { return std::string("topic answered"); },
                        [](const GroupAnswered&) { return std::string("group answered"); },
                        [](const ScheduleAnswered&) { return std::string("schedule answered"); },
                        [](const FiguresAnswered&) { return std::string("figures answered"); },
                        [](const AlertAnswered&) { return std::string("alert answered"); },
                        [](const ResponseViewed& r) { return "response of " + Text(r.id); },
                        [](const StatsView& r) { return "stats accepted " + Text(r.totals.accepted) + " in flight " + Text(r.in_flight); }},
             reply.body);
}

}  // namespace notifyd::sim
