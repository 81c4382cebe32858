// Drives the core over the fake store in its simple mode, with a clock and a sender that the test moves by hand.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/core.h"
#include "broker/driver.h"
#include "broker/payload.h"
#include "broker/spec.h"
#include "fakes/fake_store.h"

namespace notifyd {

/// A store whose reads (of one notify, or of lanes), pages, commits or loads of whole notifies can be held back, as a busy disk does; all else goes
/// on meanwhile.
class ReadGate : public Store {
 public:
  explicit ReadGate(Store* store) : store_(store) {}
  void Commit(WriteBatch batch) override { commits_closed_ ? commits_.push_back(std::move(batch)) : store_->Commit(std::move(batch)); }
  void Load(LoadEffect load) override {
    size_t notifies = 0;
    for (const LoadKey& key : load.keys) {
      whole_ += std::holds_alternative<NotifyId>(key);
      remembered_ += std::holds_alternative<RememberedKey>(key);
      notifies += std::holds_alternative<NotifyId>(key) || std::holds_alternative<BeginningKey>(key) || std::holds_alternative<StoredKey>(key) ||
                  std::holds_alternative<EndKey>(key);
    }
    most_notifies_ = std::max(most_notifies_, notifies);
    const bool whole = std::any_of(load.keys.begin(), load.keys.end(), [](const LoadKey& key) { return std::holds_alternative<NotifyId>(key); });
    whole&& loads_closed_ ? loads_.push_back(std::move(load)) : store_->Load(std::move(load));
  }
  /// How many notifies one load asked for, at most.
  size_t most_notifies() const { return most_notifies_; }
  /// How many notifies were loaded with their bodies, and triggers with data that a look-up leaves out, so far.
  size_t whole() const { return whole_; }
  size_t remembered() const { return remembered_; }
  void LoadPage(PageEffect page) override { pages_closed_ ? pages_.push_back(std::move(page)) : store_->LoadPage(std::move(page)); }
  void List(ListEffect list) override { lists_closed_ ? lists_.push_back(std::move(list)) : store_->List(std::move(list)); }
  /// Until they are taken, whoever answers them.
  void CloseLists() { lists_closed_ = true; }
  std::vector<ListEffect> TakeLists() {
    lists_closed_ = false;
    return std::exchange(lists_, {});
  }
  void Read(ReadEffect read) override { closed_ ? reads_.push_back(read) : store_->Read(read); }
  void ListLanes(LanesEffect lanes) override { closed_ ? lanes_.push_back(std::move(lanes)) : store_->ListLanes(std::move(lanes)); }
  void Close() { closed_ = true; }
  void Open() {
    closed_ = false;
    for (const ReadEffect& read : std::exchange(reads_, {})) store_->Read(read);
    for (LanesEffect& lanes : std::exchange(lanes_, {})) store_->ListLanes(std::move(lanes));
  }
  size_t held() const { return reads_.size() + lanes_.size(); }
  void CloseCommits() { commits_closed_ = true; }
  void OpenCommits() {
    commits_closed_ = false;
    for (WriteBatch& batch : std::exchange(commits_, {})) store_->Commit(std::move(batch));
  }
  void CloseLoads() { loads_closed_ = true; }
  void OpenLoads() {
    loads_closed_ = false;
    for (LoadEffect& load : std::exchange(loads_, {})) store_->Load(std::move(load));
  }
  void ClosePages() { pages_closed_ = true; }
  /// How many of those that are held back are of events.
  size_t held_event_pages() const {
    return static_cast<size_t>(std::count_if(pages_.begin(), pages_.end(), [](const PageEffect& each) {
      const auto* records = std::get_if<RecordsPage>(&each.page);
      return records && records->kind == RecordKind::kEvent;
    }));
  }
  void OpenPages() {
    pages_closed_ = false;
    for (PageEffect& page : std::exchange(pages_, {})) store_->LoadPage(std::move(page));
  }

 private:
  Store* store_;
  bool closed_ = false, pages_closed_ = false, commits_closed_ = false, loads_closed_ = false, lists_closed_ = false;
  size_t most_notifies_ = 0, whole_ = 0, remembered_ = 0;
  std::vector<WriteBatch> commits_;
  std::vector<ListEffect> lists_;
  std::vector<LoadEffect> loads_;
  std::vector<ReadEffect> reads_;
  std::vector<LanesEffect> lanes_;
  std::vector<PageEffect> pages_;
};

class CoreFixture : public EventSink, public Sender, public ReplySink {
 public:
  explicit CoreFixture(CoreLimits limits = {}, FakeImage image = {}) : limits_(limits) { Open(std::move(image)); }

  // ---- the world
  Now now{{1'000'000}, {1'000}};
  std::deque<StartAttempt> starts;  // under way, oldest first
  std::map<uint64_t, Reply> replies;
  std::vector<AttemptLog> logs;
  std::vector<FlowLog> flow_logs;
  bool drained = false, quiet = false;
  std::optional<Status> fatal;
  std::optional<WorkLeft> closed;
  std::optional<Totals> discarded;
  uint64_t next_token = 1;
  uint64_t check_every = 1;  // runs; a look at all that is in memory takes its time where that is much

  void Post(Event event) override { events_.push_back(std::move(event)); }
  void Start(StartAttempt attempt) override {
    starts.push_back(attempt);
    sent.push_back(std::move(attempt));
  }
  void Send(Reply reply) override { replies[reply.request.token] = std::move(reply); }
  std::vector<StartAttempt> sent;  // all ever

  /// One turn of the driver, and what the store does with it.
  void Turn() {
    std::vector<Event> events = std::move(events_);
    events_.clear();
    driver_->Run(now, std::move(events));
    store_->Deliver();
  }
  /// Runs until nothing is left to do at this moment.
  void Run() {
    do Turn();
    while (!events_.empty());
    if (++runs_ % check_every == 0) core_->CheckInvariants();
  }
  /// Time passes in both clocks, in steps where something may happen.
  void Pass(int64_t ms) {
    int64_t end = now.wall.ms + ms;
    while (now.wall.ms < end) {
      Wake wake = core_->NextWake();
      int64_t step = std::min(end - now.wall.ms, std::max<int64_t>(1, std::min(wake.wall.ms - now.wall.ms, wake.mono.ms - now.mono.ms)));
      now.wall.ms += step;
      now.mono.ms += step;
      events_.push_back(Tick{});
      Run();
    }
  }
  /// A crash that keeps what was written, and a new start.
  void Restart(CrashKind kind = CrashKind::kKill, bool pages = true) {
    FakeImage image = store_->Crash(kind);
    starts.clear();
    events_.clear();
    Open(std::move(image));
    if (!pages) gate_->ClosePages();
    Run();
  }
  Core& core() { return *core_; }
  FakeStore& store() { return *store_; }
  ReadGate& reads() { return *gate_; }
  const FakeImage& image() const { return store_->written(); }

  // ---- requests
  struct Fields {
    std::string lane = "lane", host = "host:80", fkey, caller = "unknown", idempotency_key, data;
    Mode mode = Mode::kConcurrent;
    uint8_t priority = 4;
    bool reply_none = false;
    OnHeld on_held = OnHeld::kReject;
    When when, ttl;
    std::optional<RetryPolicy> retry;
    std::string callback;  // its host; empty: none
  };
  static SubmitItem Item(const Fields& f) {
    auto envelope = std::make_shared<Envelope>();
    envelope->lane = {f.mode, f.lane};
    envelope->host = f.host;
    envelope->priority = f.priority;
    envelope->reply_none = f.reply_none;
    envelope->fkey = f.fkey;
    envelope->caller = f.caller;
    if (f.retry) envelope->retry = std::make_shared<RetryPolicy>(*f.retry);
    if (!f.callback.empty())
      envelope->callback =
          std::make_shared<Callback>(Callback{"http://" + f.callback + "/cb", "http://" + f.callback + "/cb", f.callback, "http://" + f.host + "/"});
    NotifySpec spec;
    spec.url = "http://" + f.host + "/";
    if (!f.data.empty()) {
      spec.payload_kind = PayloadKind::kData;
      spec.payload = f.data;
    }
    SubmitItem item;
    item.envelope = envelope;
    item.spec = std::make_shared<const std::string>(EncodeSpec(spec));
    item.when = f.when;
    item.ttl = f.ttl;
    item.on_held = f.on_held;
    item.idempotency_key = f.idempotency_key;
    item.fields = FingerprintOf(f.lane + f.data);
    return item;
  }
  template <class T>
  uint64_t Ask(T request) {
    request.request = {0, next_token++};
    uint64_t token = request.request.token;
    events_.push_back(std::move(request));
    return token;
  }
  template <class T>
  const Reply& Do(T request) {
    uint64_t token = Ask(std::move(request));
    Run();
    if (!replies.count(token)) CheckFailed(__FILE__, __LINE__, "no reply");
    return replies.at(token);
  }
  const Reply& TrySubmit(const std::vector<Fields>& items, bool batch = true) {
    SubmitRequest r;
    r.batch = batch;
    for (const Fields& f : items) r.items.push_back(Item(f));
    return Do(std::move(r));
  }
  /// Must be accepted.
  SubmittedItem Submit(const Fields& f) { return std::get<Submitted>(TrySubmit({f}, false).body).items.at(0); }
  NotifyView Get(NotifyId id) {
    GetRequest r;
    r.id = id;
    return std::get<Viewed>(Do(r).body).view;
  }
  State StateOf(NotifyId id) { return Get(id).state; }
  StatsView Stats() { return std::get<StatsView>(Do(StatsRequest{}).body); }
  template <class T>
  const Reply& ById(NotifyId id) {
    T r;
    r.id = id;
    return Do(std::move(r));
  }
  const Reply& Trigger(const std::string& fkey, std::optional<std::string> data = {}, When when = {}) {
    TriggerRequest r;
    r.fkey = fkey;
    r.data = std::move(data);
    r.when = when;
    return DoTrigger(std::move(r));
  }
  /// As the API does it: merges where the core asks for that.
  const Reply& DoTrigger(TriggerRequest r) {
    for (;;) {
      const Reply& reply = Do(r);
      const auto* unmerged = std::get_if<Unmerged>(&reply.body);
      if (!unmerged) return reply;
      NotifySpec merged = *MergeTriggerData(*DecodeSpec(*unmerged->spec), *r.data, limits_.max_body_bytes);
      r.merge = TriggerRequest::Merge{unmerged->spec, std::make_shared<const std::string>(EncodeSpec(merged))};
    }
  }
  /// As the API does it: read, then change. `edit` gets the request to fill in.
  template <class Edit>
  const Reply& Change(NotifyId id, Edit edit) {
    ChangeReadRequest read;
    read.id = id;
    const Reply& base = Do(std::move(read));
    if (!std::holds_alternative<Viewed>(base.body)) return base;
    ChangeRequest change;
    change.id = id;
    change.base = std::get<Viewed>(base.body).view.record;
    change.envelope = change.base->envelope;
    change.spec = change.base->spec;
    edit(change);
    return Do(std::move(change));
  }
  LaneView SetLane(const LaneKey& lane, const LanePatch& patch) {
    LaneChangeRequest r;
    r.lane = lane;
    r.patch = patch;
    return std::get<LaneViewed>(Do(std::move(r)).body).lane;
  }
  LaneView Pause(const LaneKey& lane) {
    LanePatch patch;
    patch.paused = true;
    return SetLane(lane, patch);
  }
  LaneView Resume(const LaneKey& lane) {
    LanePatch patch;
    patch.paused = false;
    return SetLane(lane, patch);
  }
  const Reply& TryLane(const LaneKey& lane) {
    LanesRequest r;
    r.query.only = lane;
    return Do(std::move(r));
  }
  LaneView LaneOf(const LaneKey& lane) { return std::get<LaneViewed>(TryLane(lane).body).lane; }
  Explained Explain(NotifyId id) { return std::get<Explained>(ById<ExplainRequest>(id).body); }
  /// The codes of its reasons.
  std::vector<std::string> Why(NotifyId id) {
    std::vector<std::string> codes;
    for (const auto& reason : Explain(id).reasons) codes.push_back(reason.code);
    return codes;
  }
  BulkDone Bulk(BulkKind kind, std::vector<State> states, size_t limit = 10'000, NotifyId above = {}, bool dry_run = false) {
    BulkRequest r;
    r.kind = kind;
    r.query.states = std::move(states);
    r.query.limit = limit;
    r.query.above = above;
    r.dry_run = dry_run;
    return std::get<BulkDone>(Do(std::move(r)).body);
  }
  static Code CodeOf(const Reply& reply) {
    const Refused* refused = std::get_if<Refused>(&reply.body);
    return refused ? refused->status.code() : Code::kOk;
  }

  // ---- attempts
  void End(const StartAttempt& start, Verdict verdict, int64_t retry_after_ms = -1, std::string error = "unexpected_answer") {
    AttemptEnded e;
    e.id = start.id;
    e.result.verdict = verdict;
    e.result.retry_after_ms = retry_after_ms;
    e.result.record.number = start.number;
    e.result.record.started_at = start.at;
    e.result.record.status = verdict == Verdict::kSuccess ? 200 : 500;
    if (verdict != Verdict::kSuccess) e.result.record.error = std::move(error);
    std::erase_if(starts, [&](const StartAttempt& s) { return s.id == e.id; });
    events_.push_back(std::move(e));
  }
  /// Says that it got to its host, where it is to say so; it goes on.
  void Reach(const StartAttempt& start) {
    if (!start.tell_reached) return;
    events_.push_back(AttemptReached{start.id, start.number});
    Run();
  }
  /// Ends the oldest one under way.
  NotifyId EndFirst(Verdict verdict, int64_t retry_after_ms = -1) {
    StartAttempt first = starts.at(0);
    End(first, verdict, retry_after_ms);
    Run();
    return first.id;
  }
  std::vector<NotifyId> UnderWay() const {
    std::vector<NotifyId> ids;
    for (const StartAttempt& s : starts) ids.push_back(s.id);
    return ids;
  }
  bool Balances() {
    Totals t = Stats().totals;
    return t.accepted + t.revived == t.pending() + t.succeeded + t.failed + t.cancelled + t.expired;
  }

 private:
  void Open(FakeImage image) {
    FakeStoreOptions options;
    options.wall = [this] { return now.wall; };
    options.retention_succeeded_ms = limits_.retention_succeeded_ms;
    options.retention_settled_ms = limits_.retention_settled_ms;
    store_ = std::make_unique<FakeStore>(options, std::move(image));
    gate_ = std::make_unique<ReadGate>(store_.get());
    core_ = std::make_unique<Core>(limits_, store_->totals(), now, 7);
    store_->Start(this);
    Driver::Hooks hooks;
    hooks.log = [this](const AttemptLog& log) { logs.push_back(log); };
    hooks.flow_log = [this](const FlowLog& log) { flow_logs.push_back(log); };
    hooks.drained = [this] { drained = true; };
    hooks.quiet = [this] { quiet = true; };
    hooks.closed = [this](const WorkLeft& left) { closed = left; };
    hooks.discarded = [this](const Totals& totals) { discarded = totals; };
    hooks.fatal = [this](const Status& status) { fatal = status; };
    driver_ = std::make_unique<Driver>(core_.get(), gate_.get(), this, this, hooks);
  }
  CoreLimits limits_;
  std::unique_ptr<FakeStore> store_;
  std::unique_ptr<ReadGate> gate_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<Driver> driver_;
  std::vector<Event> events_;
  uint64_t runs_ = 0;
};

/// Looks in while a turn's effects are carried out, when nothing of that turn is written yet.
class WatchedCore : public CoreFixture {
 public:
  using CoreFixture::CoreFixture;
  std::function<void(const StartAttempt&)> on_start;
  std::function<void(const Reply&)> on_reply;
  void Start(StartAttempt attempt) override {
    if (on_start) on_start(attempt);
    CoreFixture::Start(std::move(attempt));
  }
  void Send(Reply reply) override {
    if (on_reply) on_reply(reply);
    CoreFixture::Send(std::move(reply));
  }
};

inline When Delay(int64_t ms) {
  return {When::Kind::kDelay, ms};
}
inline When At(int64_t ms) {
  return {When::Kind::kAt, ms};
}
inline RetryPolicy Waits(std::vector<int64_t> waits, uint32_t max_attempts = 10) {
  RetryPolicy policy;
  policy.schedule_ms = std::move(waits);
  policy.max_attempts = max_attempts;
  policy.jitter = 0;
  return policy;
}
inline CoreFixture::Fields Fifo(std::string lane = "lane") {
  CoreFixture::Fields f;
  f.mode = Mode::kFifo;
  f.lane = std::move(lane);
  f.retry = Waits({5000});
  return f;
}

/// The lanes of Fifo() and of Fields{}.
inline const LaneKey kFifoLane{Mode::kFifo, "lane"};
inline const LaneKey kLane{Mode::kConcurrent, "lane"};
inline LanePatch Rate(double rate_per_s, uint32_t burst) {
  LanePatch patch;
  patch.rate_per_s.emplace(rate_per_s);
  patch.burst.emplace(burst);
  return patch;
}

}  // namespace notifyd
