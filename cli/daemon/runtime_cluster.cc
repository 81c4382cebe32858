// The runtime as one of several members on one store: what ClusterHost decides is carried out here, on the loops that it concerns.
#include <algorithm>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "cli/daemon/audit_count.h"
#include "cli/daemon/runtime_impl.h"
#include "cli/daemon/token_command.h"
#include "cli/daemon/told_listeners.h"
#include "net/api/steps.h"

namespace notifyd {
namespace {

/// Of a member's lease: it is renewed each two seconds, and where less is left the store has not taken the last renewal.
constexpr int64_t kLeaseLeftMs = LeaseTimes().lease_ms / 2;

}  // namespace

void Runtime::Impl::MakeCluster() {
  if (options_.store.postgres.member.empty() || !keeper_) return;
  ClusterHost::Setup setup;
  setup.name = options_.store.postgres.member;
  setup.grace_ms = options_.shutdown_grace_ms;
  setup.now = [] { return MonoTime{ReadClockMs(CLOCK_BOOTTIME)}; };
  setup.wall = ReadWall;
  setup.lease = [keeper = keeper_] { return keeper->word(); };
  setup.tell = [this](const MemberAt& to, MemberWord word, std::function<void(bool)> then) {
    io_[0]->loop.Post([this, to, word = std::move(word), then = std::move(then)] {
      io_[0]->teller->Tell(to.address, {self_.now.store, to.name, to.incarnation}, word, then);
    });
  };
  setup.registry = [this](RegistryImage image, bool leads, std::function<void()> then) { TakeRegistry(std::move(image), leads, std::move(then)); };
  setup.yield = [this](std::function<void()> then) { YieldRegistry(std::move(then)); };
  setup.gained = [this](std::vector<NamespaceAtStart> states, std::function<void()> then) { GainNamespaces(states, std::move(then)); };
  setup.leave = [this](NamespaceNumber number, std::function<void()> then) { LeaveNamespace(number, std::move(then)); };
  setup.cut = [this](NamespaceNumber number) { CutNamespace(number); };
  setup.post = [this](NamespaceNumber number, Event event) { exchange_.Post(number, std::move(event)); };
  setup.namespaces = [this] {
    std::vector<PlacedNamespace> all;
    for (const auto& row : tables_.Get()->AllNamespaces()) {
      PlacedNamespace& space = all.emplace_back();
      space.number = row->number;
      space.with_leader = row->deleting || row->moving_to;
      space.cell = row->settings.cell.value_or("");
    }
    return all;
  };
  setup.load = [this](NamespaceNumber number) {
    const NamespaceFigures figures = board_.Figures(number);
    return (figures.submits + figures.deliveries) / 60;
  };
  setup.unreached = [this] { return unreached_.Get(); };
  setup.clock_ahead_ms = [keeper = keeper_] { return keeper->clock_ahead_ms(); };
  setup.lost = [keeper = keeper_](const char* why) { keeper->GiveUp(why); };
  setup.members_changed = [this](const std::vector<Member>& members) {
    Log(LogLevel::kInfo, "members", {{"count", members.size()}});
    io_[0]->loop.Post([this, members] {
      TellSelf(members);
      io_[0]->prober->SetMembers(members);
    });
  };
  cluster_ = std::make_unique<ClusterHost>(std::move(setup));
  keeper_->OnRenewed([this] { cluster_->Renewed(); });
  options_.api.places = cluster_.get();
  options_.api.member = options_.store.postgres.member;
}

void Runtime::Impl::NameSelf(const Handover& handover) {
  self_.now = {Via(), options_.store.postgres.member, keeper_ ? keeper_->word().incarnation : Incarnation()};
  if (handover.owner) self_.before = handover.owner->incarnation;
}

/// On the first loop. Where other members are reached, or listen, no notify is sent either, unless the settings allow it; a name among them is not
/// looked up.
void Runtime::Impl::TellSelf(const std::vector<Member>& members) {
  std::vector<Listener> own = listeners_->own();
  for (const Member& member : members) {
    if (member.self) {
      own_listeners_.Set(std::make_shared<const std::string>(TellListeners(listeners_->own(), member.address)));
      continue;
    }
    if (const std::optional<Listener> at = ListenerOf(member.address)) own.push_back(*at);
    if (const auto told = told_listeners_.find(member.name); told != told_listeners_.end()) {
      const std::vector<Listener> heard = HearListeners(told->second, member.address);
      own.insert(own.end(), heard.begin(), heard.end());
    }
  }
  OnEachLoop([via = Via(), own](IoThread* io) { io->sender->SetSelf({via, own}); }, [] {});
}

void Runtime::Impl::ServeCluster(ApiOptions* api, Loop* loop) {
  api->cell_move = [this](NamespaceNumber number) { return cell_moves_ ? cell_moves_->Report(number) : std::nullopt; };
  if (!cluster_) return;
  api->cluster = [cluster = cluster_.get()] { return cluster->Report(); };
  api->drain = [cluster = cluster_.get(), loop](std::string member, bool draining, std::function<void(Status)> then) {
    cluster->SetDraining(std::move(member), draining, [loop, then](Status status) { loop->Post([then, status] { then(status); }); });
  };
}

/// What others serve is passed on.
void Runtime::Impl::ServeMembers(IoThread* io, ApiOptions* api) {
  if (options_.api.places == nullptr) return;
  MemberClient::Tls tls;
  if (!options_.cluster.insecure)
    tls = [this]() -> Result<std::shared_ptr<const TlsContext>> {
      if (!listeners_) return Status(Code::kUnavailable, "not ready yet");
      return listeners_->MembersTls();
    };
  if (api->thread == 0) ProbeMembers(io, tls);
  io->members = std::make_unique<MemberClient>(&io->loop, std::move(tls));
  if (io_.empty()) io->teller = std::make_unique<MemberTeller>(io->members.get(), &words_);
  api->members = io->members.get();
  api->passing = &passing_;
  api->histograms.push_back(&passing_.took);
}

void Runtime::Impl::ProbeMembers(IoThread* io, const MemberClient::Tls& tls) {
  io->probes = std::make_unique<MemberClient>(&io->loop, tls);
  MemberProber::Setup setup;
  setup.client = io->probes.get();
  setup.store = [this] { return self_.now.store; };
  setup.timer = [loop = &io->loop](int64_t delay_ms, std::function<void()> task) { loop->SetTimer(kProbeSlot, delay_ms, std::move(task)); };
  setup.changed = [this](std::set<std::string> unreached) {
    unreached_.Set(std::make_shared<const std::set<std::string>>(std::move(unreached)));
    cluster_->Kick();
  };
  setup.listens = [this](const std::string& member, const std::string& listeners) {
    told_listeners_[member] = listeners;
    TellSelf(cluster_->Members());
  };
  io->prober = std::make_unique<MemberProber>(std::move(setup));
}

/// What `default` says where that is served here; and what the store says of itself, since to a member that does not serve it the store may refuse
/// writes, too.
bool Runtime::Impl::Ready() const {
  if (stop_asked_.load(std::memory_order_relaxed) || shards_.empty()) return false;
  if (!cluster_) return shards_[0]->shard->ready();
  if (!cluster_->ready() || keeper_->left_ms() < kLeaseLeftMs) return false;
  const std::vector<StoreFigure> figures = store_->Figures();
  const auto lost = [](const StoreFigure& figure) { return std::string_view(figure.name) == "database_lost" && figure.value != 0; };
  if (std::any_of(figures.begin(), figures.end(), lost)) return false;
  return !cluster_->Serves(kDefaultNumber) || shards_[0]->shard->ready();
}

/// In place of opening what a start finds: that is another member's, or comes by Gain.
void Runtime::Impl::JoinCluster() {
  exchange_.OnNoRegistry([this](uint64_t request) {
    RegistryReply reply;
    reply.request = request;
    reply.status = Status(Code::kUnavailable, "another broker keeps namespaces and tokens");
    ReplyOfRegistry(std::move(reply));
  });
  store_->Start(this);
  CountAudit(store_.get(), options_.api.audit_bytes, image_, ReadWall());
  registry_->Follow(std::exchange(image_, {}));
  cluster_->Start(std::move(cluster_store_));
  SetAlerts(options_);
  Log(LogLevel::kInfo, "store opened", {{"member", options_.store.postgres.member}, {"took_ms", ReadClockMs(CLOCK_BOOTTIME) - started_boot_ms_}});
}

void Runtime::Impl::ReplyOfRegistry(RegistryReply reply) {
  IoThread* io = io_[ThreadOfRegistryRequest(reply.request)].get();
  io->loop.Post([api = io->api.get(), reply = std::make_shared<RegistryReply>(std::move(reply))] { api->OnRegistryReply(std::move(*reply)); });
}

void Runtime::Impl::TakeRegistry(RegistryImage image, bool leads, std::function<void()> then) {
  shards_[0]->loop->Post([this, image = std::make_shared<const RegistryImage>(std::move(image)), leads, then] {
    if (!leads) {
      registry_->Follow(*image);
      return then();
    }
    // What is posted to it from now on comes behind this.
    exchange_.SetRegistry(registry_.get());
    if (cell_moves_) cell_moves_->Work();
    registry_->Load(*image);
    registry_->Begin();
    io_[0]->loop.Post([this] { WarnOfNoAdmin(); });
    then();
  });
}

void Runtime::Impl::WarnOfNoAdmin() const {
  const AuthOptions& auth = options_.auth;
  auto has = [](const auto& grants) {
    return std::any_of(grants.begin(), grants.end(), [](const auto& each) { return each.second.grant.IsAdminOfAll(); });
  };
  if (!auth.tokens() || !auth.bootstrap_token_file.empty() || has(auth.peers) || has(auth.certificates)) return;
  if (tables_.Get()->HasAdminOfAll(ReadWall())) return;
  Log(LogLevel::kWarn, "nobody may administer the broker",
      {{"detail", "there is no valid token of all namespaces with the scope admin: " + FirstTokenCommand(options_.data_dir) + " makes one"}});
}

void Runtime::Impl::YieldRegistry(std::function<void()> then) {
  auto resign = [this, then = std::move(then)] {
    shards_[0]->loop->Post([this, then] {
      registry_->Resign([this, then] {
        exchange_.SetRegistry(nullptr);
        then();
      });
    });
  };
  // What stands still for its move goes on first: that asks something of the registry yet.
  if (cell_moves_) cell_moves_->Rest(std::move(resign));
  else resign();
}

void Runtime::Impl::GainNamespaces(const std::vector<NamespaceAtStart>& states, std::function<void()> then) {
  std::map<Shard*, std::vector<NamespaceAtStart>> by_shard;
  for (const auto& shard : shards_) by_shard[shard->shard.get()];
  for (const NamespaceAtStart& state : states) by_shard[exchange_.ShardOf(state.number)].push_back(state);
  // Whoever serves `system` judges alerts: from before anybody may ask there for them.
  const bool judges = std::any_of(states.begin(), states.end(), [](const NamespaceAtStart& state) { return state.number == kSystemNumber; });
  const std::function<void()> gained = [this, judges, then] {
    if (!judges) return then();
    io_[0]->loop.Post([this, then] {
      alert_sampler_->SetJudging(true);
      then();
    });
  };
  auto left = std::make_shared<std::atomic<size_t>>(shards_.size());
  for (const auto& shard : shards_)
    shard->loop->Post([shard = shard->shard.get(), its = std::move(by_shard[shard->shard.get()]), left, gained] {
      shard->Gain(its);
      if (left->fetch_sub(1) == 1) gained();
    });
}

/// What moves from one cell of the store to another is moved by whoever has the registry, and is brought there.
void Runtime::Impl::MakeCellMoves() {
  if (!cell_store_) return;
  CellMoveHost::Setup setup;
  setup.store = cell_store_;
  setup.grace_ms = options_.shutdown_grace_ms;
  setup.now = [] { return MonoTime{ReadClockMs(CLOCK_BOOTTIME)}; };
  setup.wishes = [this] {
    std::vector<CellWish> wishes;
    const std::shared_ptr<const AccessTable> table = tables_.Get();  // null: nothing is read yet
    if (!table) return wishes;
    for (const auto& row : table->AllNamespaces())
      if (row->moving_to && !row->deleting) wishes.push_back({row->number, row->name, row->settings.cell.value_or(kHomeCell), *row->moving_to});
    return wishes;
  };
  setup.mine = [this](NamespaceNumber number) { return !cluster_ || (cluster_->leads() && cluster_->Serves(number)); };
  setup.cell = [this](NamespaceNumber number) {
    const std::shared_ptr<const NamespaceRow> row = tables_.Get()->FindNamespace(number);
    return row ? row->settings.cell.value_or(kHomeCell) : std::string();
  };
  setup.stand_still = [this](NamespaceNumber number, std::function<void()> stood) {
    ShardThread* shard = ShardThreadOf(number);
    shard->loop->Post([shard = shard->shard.get(), number, stood = std::move(stood)] { shard->StandStill(number, stood); });
  };
  setup.cut = [this](NamespaceNumber number) { CutNamespace(number); };
  setup.resume = [this](NamespaceNumber number) {
    ShardThread* shard = ShardThreadOf(number);
    shard->loop->Post([shard = shard->shard.get(), number] { shard->Resume(number); });
  };
  setup.moved = [this](NamespaceMoved moved) { exchange_.Post(RegistryEvent(std::move(moved))); };
  cell_moves_ = std::make_unique<CellMoveHost>(std::move(setup));
  cell_moves_->Start();
}

ShardThread* Runtime::Impl::ShardThreadOf(NamespaceNumber number) const {
  return shards_[number % shards_.size()].get();
}

void Runtime::Impl::LeaveNamespace(NamespaceNumber number, std::function<void()> then) {
  // Streams of it end first, at a line.
  OnEachLoop([number](IoThread* io) { io->api->LeaveNamespace(number); },
             [this, number, then] {
               if (number == kSystemNumber) alert_sampler_->SetJudging(false);
               ShardThread* shard = ShardThreadOf(number);
               const auto left = [this, number, then] { OnEachLoop([number](IoThread* io) { io->api->EndNamespace(number); }, then); };
               shard->loop->Post([shard = shard->shard.get(), number, left] { shard->Leave(number, left); });
             });
}

/// Its calls go first from the core, which then hears nothing of them: to whoever has it next nothing came of them.
void Runtime::Impl::CutNamespace(NamespaceNumber number) {
  ShardThread* shard = ShardThreadOf(number);
  shard->loop->Post([this, shard = shard->shard.get(), number] {
    if (!shard->Cut(number)) return;
    for (const auto& io : io_) io->loop.Post([sender = io->sender.get(), number] { sender->Abort(number); });
  });
}

/// What members say to each other goes past the door, of which it is behind.
HttpHandler* Runtime::Impl::MakeWords(IoThread* io) {
  auto hear = [cluster = cluster_.get(), loop = &io->loop](MemberWord word, std::function<void(bool)> then) {
    cluster->Hear(std::move(word), [loop, then](bool taken) { loop->Post([then, taken] { then(taken); }); });
  };
  auto hear_report = [this](AlertReport report) { return alert_sampler_->Hear(std::move(report)); };
  auto listeners = [this] {
    const std::shared_ptr<const std::string> told = own_listeners_.Get();
    return told ? *told : std::string();
  };
  io->words = std::make_unique<WordsDoor>(
      io->door.get(), std::move(hear), std::move(hear_report), std::move(listeners), [this] { return self_; }, &words_);
  return io->words.get();
}

}  // namespace notifyd
