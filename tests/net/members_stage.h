// Brokers of a cluster for tests: each a real HttpServer with an Api, at a listener for anybody and one for members, over a core that a test scripts.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "broker/figures_events.h"
#include "broker/group_events.h"
#include "broker/places.h"
#include "broker/response.h"
#include "broker/spec.h"
#include "net/api/api.h"
#include "net/api/passing.h"
#include "net/api/passing_figures.h"
#include "net/cluster/member_client.h"
#include "net/cluster/passed_peer.h"
#include "net/cluster/words_door.h"
#include "net/http.h"
#include "support/loop_thread.h"
#include "support/raw_client.h"
#include "support/slowness.h"

namespace notifyd {

/// Says what it is told to, of everything.
class FakePlaces : public Places {
 public:
  explicit FakePlaces(Place place) : place_(std::move(place)) {}
  void Set(Place place) {
    std::vector<std::function<void()>> waiting;
    {
      std::lock_guard lock(mutex_);
      place_ = std::move(place);
      waiting.swap(waiting_);
    }
    for (auto& then : waiting) then();
  }
  /// Of this namespace alone.
  void SetOf(NamespaceNumber number, Place place) {
    std::lock_guard lock(mutex_);
    places_[number] = std::move(place);
  }
  Place Of(NamespaceNumber number) const override {
    std::lock_guard lock(mutex_);
    const auto found = places_.find(number);
    return found == places_.end() ? place_ : found->second;
  }
  Place OfRegistry() const override {
    {
      std::lock_guard lock(mutex_);
      if (registry_) return *registry_;
    }
    return Of(kDefaultNumber);
  }
  std::vector<Member> Members() const override {
    std::lock_guard lock(mutex_);
    return members_;
  }
  void SetMembers(std::vector<Member> members) {
    std::lock_guard lock(mutex_);
    members_ = std::move(members);
  }
  void Await(NamespaceNumber number, int64_t, std::function<void()> then) override {
    if (Of(number).kind != Place::Kind::kMoving) return then();
    std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(then));
    awaited_.notify_all();
  }
  /// What is to be looked at anew is by `look` from now on, on the thread that asks; before: nothing new is found.
  void OnLookAnew(std::function<void()> look) { look_ = std::move(look); }
  void LookAnew(std::function<void()> then) override {
    ++looks;
    if (look_) look_();
    then();
  }
  void SetRegistry(Place place) {
    std::lock_guard lock(mutex_);
    registry_ = std::move(place);
  }
  std::atomic<int> looks{0};
  /// Returns once somebody waits.
  bool WaitForWaiting() {
    std::unique_lock lock(mutex_);
    return awaited_.wait_for(lock, test::AtMostSeconds(20), [this] { return !waiting_.empty(); });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable awaited_;
  Place place_;
  std::optional<Place> registry_;
  std::function<void()> look_;
  std::map<NamespaceNumber, Place> places_;
  std::vector<Member> members_;
  std::vector<std::function<void()>> waiting_;
};

inline const Place kHere{};
inline const Place kMoving{Place::Kind::kMoving, "", ""};
inline Place There(uint16_t port) {
  return {Place::Kind::kThere, "other", "127.0.0.1:" + std::to_string(port)};
}

struct StagedOptions {
  std::string name = {};              // as which it shows itself
  uint64_t first_id = 1;              // of notifies that it takes
  const TlsFiles* tls = nullptr;      // of its members' listener
  MemberClient::Tls client_tls = {};  // with which it asks others
  std::shared_ptr<const AuthSettings> auth = {};
  size_t max_waiters = ApiOptions().max_waiters;
  std::string addresses = {};  // where it says to other members that it listens; empty: nothing
  std::vector<std::string> cells = {};  // of its store
  OwnMember self = {};                  // as it knows itself; nothing: it does not say to whom it passes on
};

class StagedBroker : public Switchboard {
 public:
  explicit StagedBroker(Place place, StagedOptions options = {}) : places(std::move(place)), next_id_(options.first_id) {
    loop.OnLoop([&] {
      members_ = std::make_unique<MemberClient>(&loop.loop(), options.client_tls);
      ApiOptions api;
      api.wall = [] { return WallTime{1'700'000'000'000}; };
      api.places = &places;
      api.members = members_.get();
      api.passing = &figures;
      api.member = options.name;
      api.cells = options.cells;
      api.max_waiters = options.max_waiters;
      api.board = &board;
      api.cluster = [this] {
        std::lock_guard lock(mutex_);
        return report_;
      };
      api.process = [this, name = options.name] {
        ProcessStats stats;
        stats.member = name;
        stats.alerts_known = places.Of(kSystemNumber).kind == Place::Kind::kHere;
        return stats;
      };
      api.live_timer = [this](int64_t delay_ms, std::function<void()> task) { loop.loop().SetTimer(1, delay_ms, std::move(task)); };
      api_ = std::make_unique<Api>(api, this);
      if (options.auth) api_->SetAuth(options.auth);
      api_->SetSelf(options.self);
      words_ = std::make_unique<WordsDoor>(
          api_.get(), [](const MemberWord&, const std::function<void(bool)>& then) { then(true); }, [](const AlertReport&) { return true; },
          [addresses = options.addresses] { return addresses; }, [self = options.self] { return self; }, &word_figures_);
      server_ = std::make_unique<HttpServer>(&loop.loop(), HttpLimits(), &budget_, words_.get());
      api_->SetResponder(server_.get());
      words_->SetResponder(server_.get());
      for_members_.serves = ServedParts::Members();
      for_members_.tls = options.tls;
      for_members_.farewell = NotHereFarewell();
      port = *server_->Listen("127.0.0.1", 0, false);
      members_port = *server_->Listen("127.0.0.1", 0, false, &for_members_);
    });
  }
  ~StagedBroker() override {
    // As the broker does it: what still comes meanwhile would find a part of it.
    loop.Stop();
    server_.reset();
    words_.reset();
    api_.reset();
    members_.reset();
  }

  void OnLoop(const std::function<void(Api&)>& task) {
    loop.OnLoop([&] { task(*api_); });
  }
  /// So many submits, gets and the like came to its core, by what they are: "submit", "get", "trigger", "disconnected", "figures", "other"; and those
  /// that wait for an end ("waiting"), also of what was carried out elsewhere ("waits on"), and are not to wait any longer ("hurried"; of gets "look
  /// ended", which are answered then).
  size_t Came(const std::string& what) {
    std::lock_guard lock(mutex_);
    return came_[what];
  }
  bool WaitFor(const std::string& what, size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, test::AtMostSeconds(20), [&] { return came_[what] >= count; });
  }
  /// What the last request that waits was to wait.
  int64_t waits_ms() {
    std::lock_guard lock(mutex_);
    return waits_ms_;
  }
  /// Answers the submit, or the group, that waits: `settled`, or as it is.
  void EndWait(bool settled) {
    std::optional<Reply> reply;
    {
      std::lock_guard lock(mutex_);
      reply = std::exchange(waiting_, std::nullopt);
    }
    if (!reply) return;
    if (Waited* waited = std::get_if<Waited>(&reply->body); waited && settled) {
      auto record = std::make_shared<NotifyRecord>();
      record->id = waited->item.id;
      auto envelope = std::make_shared<Envelope>();
      envelope->lane = waited->item.lane;
      record->envelope = std::move(envelope);
      NotifySpec spec;
      spec.url = "http://h.example/";
      record->spec = std::make_shared<const std::string>(EncodeSpec(spec));
      record->state.phase = Phase::kSucceeded;
      waited->view = NotifyView{std::move(record), State::kSucceeded};
      Response response;
      response.status = 200;
      response.body = "pong";
      waited->response = std::make_shared<const Response>(std::move(response));
    } else if (waited == nullptr && settled) {
      GroupView view = std::get<GroupView>(std::get<GroupAnswered>(reply->body).answer->what);
      view.record.members[0].phase = Phase::kSucceeded;
      reply->body = GroupAnswered{std::make_shared<const GroupAnswer>(GroupAnswer{std::move(view)})};
    }
    Answer(reply->request, std::move(reply->body));
  }
  size_t for_members() const { return for_members_.connections.load(); }
  uint64_t Counted(PassingFigures::Outcome outcome) const { return figures.outcomes[outcome].load(); }
  bool WaitForCounted(PassingFigures::Outcome outcome, uint64_t count) {
    const auto until = std::chrono::steady_clock::now() + test::AtMostSeconds(20);
    while (Counted(outcome) < count) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  void SetReport(ClusterReport report) {
    std::lock_guard lock(mutex_);
    report_ = std::move(report);
  }

  /// What it knows of each namespace.
  class Board : public NamespaceBoard {
   public:
    NamespaceFigures Figures(NamespaceNumber) const override { return of_each; }
    NamespaceFigures Sum() const override { return of_each; }
    NamespaceFigures of_each;  // set before anything is asked
  };

  Board board;
  FakePlaces places;
  PassingFigures figures;
  LoopThread loop;
  uint16_t port = 0, members_port = 0;
  bool silent = false;  // its core answers nothing; before anything is asked
  std::atomic<bool> stops{false};         // its core takes no submits, triggers, groups, events and schedules any more
  std::function<void()> refuses = [] {};  // called, on the loop, before it answers that; set before anything is asked

 private:
  void Note(const std::string& what) {
    std::lock_guard lock(mutex_);
    ++came_[what];
    changed_.notify_all();
  }
  void Answer(RequestId request, ReplyBody body) {
    if (silent) return;
    loop.loop().Post([this, reply = std::make_shared<Reply>(Reply{request, std::move(body)})] {
      if (api_) api_->OnReply(std::move(*reply));
    });
  }

  void Wait(Reply reply, int64_t wait_ms) {
    std::lock_guard lock(mutex_);
    waiting_ = std::move(reply);
    waits_ms_ = wait_ms;
  }

  void Refuse(RequestId request) {
    refuses();
    Answer(request, Refused{Status(Code::kUnavailable, "the broker is stopping"), {}});
    Note("refused");
  }

  void Post(NamespaceNumber, Event event) override {
    if (const auto* submit = std::get_if<SubmitRequest>(&event); submit && stops) return Refuse(submit->request);
    if (const auto* group = std::get_if<GroupRequest>(&event); group && stops) return Refuse(group->request);
    if (const auto* topics = std::get_if<TopicRequest>(&event); topics && stops) return Refuse(topics->request);
    if (const auto* schedules = std::get_if<ScheduleRequest>(&event); schedules && stops) return Refuse(schedules->request);
    if (const auto* submit = std::get_if<SubmitRequest>(&event)) {
      Submitted submitted;
      submitted.batch = submit->batch;
      for (size_t i = 0; i < submit->items.size(); ++i) {
        SubmittedItem item;
        item.id = NotifyId{next_id_++};
        item.lane = submit->items[i].envelope->lane;
        submitted.items.push_back(std::move(item));
      }
      if (submit->wait_ms > 0) {
        Wait({submit->request, Waited{submitted.items[0], std::nullopt, nullptr}}, submit->wait_ms);
        return Note("waiting");
      }
      Answer(submit->request, std::move(submitted));
      return Note("submit");
    }
    if (const auto* figures = std::get_if<FiguresRequest>(&event); figures && std::holds_alternative<WaitOnAsk>(figures->ask->what)) {
      const WaitOnAsk& ask = std::get<WaitOnAsk>(figures->ask->what);
      SubmittedItem item;
      item.id = ask.id;
      item.duplicate = ask.as == TakenAs::kDuplicate;
      Wait({figures->request, Waited{std::move(item), std::nullopt, nullptr}}, ask.wait_ms);
      return Note("waits on");
    }
    if (const auto* figures = std::get_if<FiguresRequest>(&event); figures && std::holds_alternative<EndWaitAsk>(figures->ask->what)) {
      const RequestId of = std::get<EndWaitAsk>(figures->ask->what).of;
      if (looks_.erase(of) == 0) return Note("hurried");
      Answer(of, Refused{Status(Code::kNotFound, "not here"), {}});
      return Note("look ended");
    }
    if (const auto* group = std::get_if<GroupRequest>(&event)) {
      GroupView view;
      view.record.members.resize(1);
      view.states.resize(1);
      const GroupGet* seen = std::get_if<GroupGet>(&group->ask->what);
      view.id = seen ? seen->id : NotifyId{next_id_++};
      view.as = seen ? seen->as : GroupAs::kMade;
      view.waited = true;
      Wait({group->request, GroupAnswered{std::make_shared<const GroupAnswer>(GroupAnswer{std::move(view)})}}, group->ask->wait_ms);
      return Note(seen ? "waits on" : "waiting");
    }
    if (const auto* get = std::get_if<GetRequest>(&event)) {
      if (get->wait_ms == 0) Answer(get->request, Refused{Status(Code::kNotFound, "not here"), {}});
      else looks_.insert(get->request);
      {
        std::lock_guard lock(mutex_);
        waits_ms_ = get->wait_ms;
      }
      return Note("get");
    }
    if (const auto* trigger = std::get_if<TriggerRequest>(&event)) {
      if (stops && trigger->data && !trigger->merge) {
        Answer(trigger->request, Unmerged{std::make_shared<const std::string>(EncodeSpec(NotifySpec()))});
        return Note("merged");
      }
      if (stops) return Refuse(trigger->request);
      Answer(trigger->request, Triggered{NotifyId{next_id_++}});
      return Note("trigger");
    }
    if (const auto* list = std::get_if<ListRequest>(&event)) {
      Answer(list->request, Listed{});
      return Note("list");
    }
    if (std::holds_alternative<Disconnected>(event)) return Note("disconnected");
    if (const auto* stats = std::get_if<StatsRequest>(&event)) {
      Answer(stats->request, StatsView{});
      return Note("stats");
    }
    if (const auto* lanes = std::get_if<LanesRequest>(&event)) {
      Answer(lanes->request, LanesListed{});
      return Note("lanes");
    }
    if (const auto* asked = std::get_if<FiguresRequest>(&event)) {
      if (std::holds_alternative<HistoryAsk>(asked->ask->what)) {
        FiguresAnswer answer;
        answer.what = HistoryView{std::get<HistoryAsk>(asked->ask->what), {}, {}};
        Answer(asked->request, FiguresAnswered{std::make_shared<const FiguresAnswer>(std::move(answer))});
      }
      return Note("figures");
    }
    Note("other");
  }
  void Post(RegistryEvent) override { Note("registry"); }
  void Audit(AuditEntry, std::function<void()> durable) override { durable(); }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, size_t> came_;
  int64_t waits_ms_ = 0;
  std::optional<Reply> waiting_;  // as it is answered while its end has not come
  ClusterReport report_;
  uint64_t next_id_;
  std::set<RequestId> looks_;  // that wait
  HttpListener for_members_;
  HttpServer::Budget budget_;
  std::unique_ptr<MemberClient> members_;
  std::unique_ptr<Api> api_;
  WordFigures word_figures_;
  std::unique_ptr<WordsDoor> words_;
  std::unique_ptr<HttpServer> server_;
};

inline const std::string kNotify = R"({"url":"http://h.example/"})";

inline std::string RequestOf(const std::string& method, const std::string& target, const std::string& body = "", const std::string& headers = "") {
  std::string out = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers;
  if (!body.empty() || method == "POST") out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return out + "\r\n" + body;
}

inline const std::string kLine = kNotify + "\n";

inline RawResponse Ask(uint16_t port, const std::string& request) {
  RawClient client(port, 0, 40);
  if (!client.Send(request)) return {};
  return client.ReadResponse(request.starts_with("HEAD "));
}

/// Looks each millisecond. False: it did not come to that, which is a safety net.
inline bool Until(const std::function<bool()>& is_so) {
  const auto end = std::chrono::steady_clock::now() + test::AtMostSeconds(20);
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

inline Member NamedMember(const std::string& name, uint16_t port, bool self = false, bool alive = true) {
  Member member;
  member.name = name;
  member.address = "127.0.0.1:" + std::to_string(port);
  member.self = self;
  member.alive = alive;
  return member;
}

}  // namespace notifyd
