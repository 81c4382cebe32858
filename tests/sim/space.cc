#include "sim/space.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "sim/describe.h"

namespace notifyd::sim {
namespace {

/// A line of the trace, where anybody wants it.
template <class F>
void Line(SpaceHost* host, NamespaceNumber number, F describe) {
  if (host->trace().on()) host->trace().Add("ns " + std::to_string(number) + " " + describe());
}

}  // namespace

Profile SharedProfile(uint64_t seed) {
  Profile p = Profile::Draw(seed);
  p.disk_low = 0;
  return p;
}

Profile SpaceProfile(const Profile& shared, NamespaceNumber number, uint32_t max_in_flight, size_t max_loaded) {
  Profile p = Profile::Draw(shared.seed * 1'009 + number);
  p.number = number;
  p.store = shared.store;
  // A namespace that has little gets more only as calls of others end: so those end in time. Where there is very little all of it is used for long.
  for (HostKind& kind : p.hosts)
    if (kind == HostKind::kHung || max_in_flight < 16) kind = HostKind::kSlow;
  p.hung_timeout_ms = 1'500;
  p.patience_ms = max_in_flight < 40 ? 120'000 : 20'000;
  p.disk_low = 0;
  p.operations /= 2;
  p.limits.max_in_flight = shared.seed % 5 == 0 ? std::max<uint32_t>(max_in_flight / 2, 4) : max_in_flight;
  p.limits.max_loaded = max_loaded;
  return p;
}

/// Passes everything on, and writes it into the trace.
class Space::StorePort : public Store {
 public:
  explicit StorePort(Space* space) : space_(space) {}
  void Commit(WriteBatch batch) override {
    Line(space_->host_, space_->number(), [&] { return Describe(batch); });
    space_->view_->Commit(std::move(batch));
  }
  void Load(LoadEffect load) override {
    Line(space_->host_, space_->number(), [&] { return Describe(load); });
    space_->view_->Load(std::move(load));
  }
  void LoadPage(PageEffect page) override {
    Line(space_->host_, space_->number(), [&] { return Describe(page); });
    space_->view_->LoadPage(std::move(page));
  }
  void Read(ReadEffect read) override { space_->view_->Read(std::move(read)); }
  void List(ListEffect list) override { space_->view_->List(std::move(list)); }
  void ListLanes(LanesEffect lanes) override { space_->view_->ListLanes(std::move(lanes)); }

 private:
  Space* space_;
};

class Space::SenderPort : public Sender {
 public:
  explicit SenderPort(Space* space) : space_(space) {}
  void Start(StartAttempt attempt) override {
    Line(space_->host_, space_->number(), [&] { return Describe(attempt); });
    if (attempt.id.number() != space_->number()) space_->auditor.Violation("a call of another namespace goes out: " + attempt.id.ToString());
    space_->receiver.Start(std::move(attempt));
    space_->host_->OnStarted();
  }

 private:
  Space* space_;
};

Space::Space(SpaceHost* host, Profile of, const SimClock& clock_of)
    : profile(std::move(of)),
      clock(clock_of),
      auditor(profile, &clock),
      receiver(profile, &clock, &auditor, host->mutation()),
      workload(profile, &clock),
      host_(host),
      store_port_(std::make_unique<StorePort>(this)),
      sender_port_(std::make_unique<SenderPort>(this)) {}

// ---- its life

void Space::Open() {
  Result<OpenedNamespace> opened = host_->store()->OpenNamespace(number(), this);
  CHECK(opened.ok());
  view_ = std::move(opened->store);
  // Its own line goes on where the disk says it stood; whether the time between counts, it may choose.
  const int64_t between = down_ms > 0 ? down_ms : host_->t() - slept_at_;
  clock.SetMono({opened->totals.mono.ms + (host_->random().Chance(0.5) ? between : 0)});
  down_ms = 0;
  Booted();
  core = std::make_unique<Core>(profile.limits, opened->totals, clock.now(), host_->random().Next());
  Driver::Hooks hooks;
  hooks.checks = [this](const Effects& effects) { auditor.OnEffects(effects); };
  hooks.drained = [this] { drained = true; };
  hooks.closed = [this](const WorkLeft& left) { closed = left; };
  hooks.discarded = [this](const Totals& totals) { discarded = totals; };
  hooks.fatal = [this](const Status&) { fatal = true; };
  driver_ = std::make_unique<Driver>(core.get(), store_port_.get(), sender_port_.get(), static_cast<ReplySink*>(this), std::move(hooks));
  Line(host_, number(), [&] { return "opens, mono " + std::to_string(clock.now().mono.ms); });
}

void Space::Booted() {
  auditor.OnBoot(host_->store());
  if (removing) auditor.OnRemoving();
  receiver.Restart(this);
  grants.clear();
  reports.clear();
  shared_grants.clear();
  uses.clear();
  last_grant_at = last_report_at = last_shared_grant_at = last_use_at = 0;
  told = {};
  lent = 0;
  lent_once = false;
  last_tick_ = -1;
  sleep_look_at = host_->t() + 20;
  closed.reset();
  discarded.reset();
  drained = fatal = false;
}

void Space::Close() {
  driver_.reset();
  core.reset();
  view_.reset();
  grants.clear();
  reports.clear();
  shared_grants.clear();
  uses.clear();
  slept_at_ = host_->t();
}

void Space::FallAsleep(WallTime until) {
  CHECK(inbox.empty());
  Line(host_, number(), [&] { return "sleeps until " + std::to_string(until.ms); });
  auditor.OnSleep();
  view_->Sleep(until);
  Close();
  wake = until;
}

void Space::Crashed(const FakeImage& image) {
  auditor.OnCrash(image);
  inbox.clear();
  receiver.Restart(this);
  fatal = false;
}

void Space::Stop() {
  auditor.OnStopping();
  if (awake()) inbox.push_back(StopRequested{});
}

void Space::Run() {
  if (WakeAt() <= host_->t()) {
    last_tick_ = host_->t();
    inbox.push_back(Tick{});
  } else if (inbox.empty()) {
    return;
  }
  Random& random = host_->random();
  std::vector<Event> events = std::exchange(inbox, {});
  for (size_t at = 0; at < events.size() && !fatal;) {
    size_t take = random.Chance(0.5) ? events.size() - at : 1 + random.Below(events.size() - at);
    std::vector<Event> bite;
    for (; take > 0; --take) {
      Line(host_, number(), [&] { return "t=" + std::to_string(host_->t()) + " " + Describe(events[at]); });
      if (const auto* grant = std::get_if<GrantChanged>(&events[at])) auditor.OnGrant(*grant);
      bite.push_back(std::move(events[at++]));
    }
    driver_->Run(clock.now(), std::move(bite));
  }
}

// ---- its clients

void Space::DrawRequests(Space* other) {
  for (Event& event : workload.Draw()) {
    if (gone) continue;
    if (host_->mutation() == Mutation::kWrongNamespace && other != this && other->awake() && host_->random().Chance(0.05)) {
      auditor.OnRequest(event);
      other->inbox.push_back(std::move(event));
      continue;
    }
    Request(std::move(event));
  }
}

void Space::Request(Event event) {
  auditor.OnRequest(event);
  inbox.push_back(std::move(event));
}

void Space::Post(Event event) {
  auditor.OnRead(event);
  inbox.push_back(std::move(event));
}

void Space::Send(Reply reply) {
  Line(host_, number(), [&] { return Describe(reply); });
  if (reply.request == final_request) final_reply = reply;
  auditor.OnReply(reply);
  workload.OnReply(reply);
}

// ---- time

int64_t Space::WakeAt() const {
  if (!core) return clock.WhenWall(wake);
  const Wake next = core->NextWake();
  const int64_t at = std::min(clock.WhenWall(next.wall), clock.WhenMono(next.mono));
  return at <= last_tick_ ? last_tick_ + 1 : at;
}

int64_t Space::NextAt(bool calm, bool stopping) const {
  int64_t next = SimClock::kNever;
  if (!calm && !removed) next = workload.NextAt();
  if (gone) return next;
  next = std::min(next, receiver.NextAt());
  if (!awake() && stopping) return next;
  next = std::min(next, WakeAt());
  if (!inbox.empty()) return host_->t();
  if (!grants.empty()) next = std::min(next, grants.front().first);
  if (!reports.empty()) next = std::min(next, reports.front().first);
  if (!shared_grants.empty()) next = std::min(next, shared_grants.front().first);
  if (!uses.empty()) next = std::min(next, uses.front().first);
  if (awake() && !stopping && !removing) next = std::min(next, std::max(sleep_look_at, host_->t() + 1));
  return next;
}

}  // namespace notifyd::sim
