// Every list that has pages: what an answer takes stays within what is reserved for it, whatever its rows hold, and the page goes on behind the last
// row that it shows. A route with such a list that the table below does not have fails.
#include "teams_fixture.h"
#include "broker/group_events.h"
#include "broker/resource.h"
#include "broker/schedule_events.h"
#include "broker/service_events.h"
#include "broker/topic_events.h"
#include "net/api/demand.h"
#include "net/api/registry_steps.h"
#include "net/api/routes.h"

#include <functional>
#include <map>

namespace notifyd {
namespace {

class ListsFixture : public TeamsFixture {
 public:
  ListsFixture() {
    ApiOptions options = Options();
    options.list_audit = [this](const AuditQuery&, const std::function<void(AuditPage)>& then) { then(std::exchange(audit, {})); };
    open = std::make_unique<Api>(options, &sink);
    open->SetResponder(&responder);
    PublishTable();
  }
  void PublishTable() { open->SetTable(std::make_shared<const AccessTable>(table)); }
  static HttpRequest Get(const std::string& target) {
    HttpRequest request;
    request.method = "GET";
    request.target = target;
    return request;
  }
  void Look(const std::string& target) { open->OnRequest(++last_token, Get(target)); }
  void Say(decltype(Reply::body) body) { open->OnReply({{3, last_token}, std::move(body)}); }
  template <class Answered, class Answer, class What>
  void SayOf(What what) {
    Say(Answered{std::make_shared<const Answer>(Answer{std::move(what)})});
  }
  /// An envelope of a template with such a label, and its spec.
  std::pair<std::shared_ptr<const Envelope>, std::shared_ptr<const std::string>> Template(const std::string& label) {
    const Viewed of = ViewOf(NotifyId{0x1f}, "shop");
    auto envelope = std::make_shared<Envelope>(*of.view.record->envelope);
    envelope->labels = LabelsOf(label);
    return {std::move(envelope), of.view.record->spec};
  }
  static std::shared_ptr<const Labels> LabelsOf(const std::string& label) { return std::make_shared<const Labels>(Labels{{"k", label}}); }

  AuditPage audit;
  std::unique_ptr<Api> open;
};

/// Rows as they might be asked for: so many, each with such a text.
struct Rows {
  size_t count;
  std::string text;
  static std::string Name(size_t i) { return "n" + std::to_string(10'000 + i); }
  static NotifyId Id(size_t i) { return {100'000 - i}; }
  template <class Item>
  std::vector<Item> Make(const std::function<Item(size_t i)>& make) const {
    std::vector<Item> items;
    for (size_t i = 0; i < count; ++i) items.push_back(make(i));
    return items;
  }
};

/// How a list is asked for, what it then gets, and where its items have what is the cursor behind them; nothing: it is made of several.
struct List {
  std::string target;
  std::function<void(ListsFixture&, const Rows&)> answer;
  std::string cursor = {};
};

void AnswerGroups(ListsFixture& f, const Rows& rows) {
  f.SayOf<GroupAnswered, GroupAnswer>(GroupsListed{rows.Make<GroupView>([&](size_t i) {
                                                     GroupView view;
                                                     view.id = Rows::Id(i);
                                                     view.record.labels = ListsFixture::LabelsOf(rows.text);
                                                     return view;
                                                   }),
                                                   {}});
}

void AnswerSubscriptions(ListsFixture& f, const Rows& rows) {
  f.SayOf<TopicAnswered, TopicAnswer>(SubscriptionsListed{rows.Make<SubscriptionView>([&](size_t i) {
                                                            auto said = std::make_shared<Subscription>();
                                                            std::tie(said->envelope, said->spec) = f.Template(rows.text);
                                                            SubscriptionView view;
                                                            view.name = Rows::Name(i);
                                                            view.said = std::move(said);
                                                            return view;
                                                          }),
                                                          std::nullopt});
}

void AnswerSchedules(ListsFixture& f, const Rows& rows) {
  f.SayOf<ScheduleAnswered, ScheduleAnswer>(SchedulesListed{rows.Make<ScheduleView>([&](size_t i) {
                                                              auto said = std::make_shared<Schedule>();
                                                              said->every_ms = 1000;
                                                              std::tie(said->envelope, said->spec) = f.Template(rows.text);
                                                              ScheduleView view;
                                                              view.name = Rows::Name(i);
                                                              view.said = std::move(said);
                                                              return view;
                                                            }),
                                                            std::nullopt});
}

void AnswerTopics(ListsFixture& f, const Rows& rows) {
  f.SayOf<TopicAnswered, TopicAnswer>(TopicsListed{rows.Make<TopicView>([&](size_t i) {
                                                     TopicView view;
                                                     view.topic = Rows::Name(i);
                                                     view.said.description = rows.text;
                                                     return view;
                                                   }),
                                                   std::nullopt});
}

void AnswerEvents(ListsFixture& f, const Rows& rows) {
  f.SayOf<TopicAnswered, TopicAnswer>(EventsListed{rows.Make<EventView>([&](size_t i) {
                                                     EventRecord record;
                                                     record.topic = "t";
                                                     record.key = rows.text;
                                                     return EventView{Rows::Id(i), std::make_shared<const EventRecord>(record), 1, false};
                                                   }),
                                                   {}});
}

void AnswerLanes(ListsFixture& f, const Rows& rows) {
  f.Say(LanesListed{rows.Make<LaneView>([&](size_t i) {
                      LaneView view;
                      view.lane = {Mode::kFifo, Rows::Name(i)};
                      view.own.paused = Paused::kByRequest;
                      view.own.pause.note = std::make_shared<const PauseNote>(PauseNote{{}, "somebody", rows.text, {}});
                      return view;
                    }),
                    false, std::nullopt});
}

void AnswerHosts(ListsFixture& f, const Rows& rows) {
  f.Say(HostsListed{rows.Make<HostView>([&](size_t i) {
                      HostView view;
                      view.host = Rows::Name(i) + rows.text;
                      return view;
                    }),
                    false});
}

void AnswerServices(ListsFixture& f, const Rows& rows) {
  ServiceAnswer answer;
  answer.kind = ServiceAnswer::Kind::kServices;
  answer.services = rows.Make<ServiceView>([&](size_t i) {
    ServiceView view;
    view.name = Rows::Name(i);
    view.settings.pool = rows.text;
    return view;
  });
  f.Say(ServiceAnswered{std::make_shared<const ServiceAnswer>(std::move(answer))});
}

void AnswerInstances(ListsFixture& f, const Rows& rows) {
  ServiceAnswer answer;
  answer.kind = ServiceAnswer::Kind::kInstances;
  answer.services.emplace_back().instances = rows.Make<std::shared_ptr<const InstanceView>>([&](size_t i) {
    InstanceView view;
    view.id = Rows::Name(i);
    view.settings.url = rows.text;
    return std::make_shared<const InstanceView>(std::move(view));
  });
  f.Say(ServiceAnswered{std::make_shared<const ServiceAnswer>(std::move(answer))});
}

void AnswerTokens(ListsFixture& f, const Rows& rows) {
  RegistryReply reply;
  reply.request = RegistryRequestOf({3, f.last_token});
  reply.tokens = rows.Make<TokenSeen>([&](size_t i) {
    TokenRow row;
    row.id = Rows::Name(i);
    row.name = rows.text;
    return TokenSeen{std::make_shared<const TokenRow>(std::move(row)), std::nullopt};
  });
  f.open->OnRegistryReply(std::move(reply));
}

/// By path. What answers from what is there already makes it before it is asked, in PutFirst.
const std::map<std::string, List>& Lists() {
  auto nothing = [](ListsFixture&, const Rows&) {};
  static const std::map<std::string, List> kLists = {
      {"/v1/groups", {"/v1/groups", AnswerGroups, "/id"}},
      {"/v1/topics", {"/v1/topics", AnswerTopics, "/name"}},
      {"/v1/topics/{topic}/events", {"/v1/topics/t/events", AnswerEvents, "/id"}},
      {"/v1/subscriptions", {"/v1/subscriptions", AnswerSubscriptions, "/name"}},
      {"/v1/schedules", {"/v1/schedules", AnswerSchedules, "/name"}},
      {"/v1/lanes", {"/v1/lanes", AnswerLanes}},
      {"/v1/hosts", {"/v1/hosts", AnswerHosts, "/host"}},
      {"/v1/services", {"/v1/services", AnswerServices, "/name"}},
      {"/v1/services/{name}/instances", {"/v1/services/s/instances", AnswerInstances, "/id"}},
      {"/v1/namespaces", {"/v1/namespaces", nothing, "/name"}},
      {"/v1/tokens", {"/v1/tokens", AnswerTokens, "/id"}},
      {"/v1/audit", {"/v1/audit", nothing}},
      {"/v1/backups", {"/v1/backups", nothing, "/name"}},
  };
  return kLists;
}

void PutFirst(ListsFixture* f, const Rows& rows) {
  f->backups.backups.clear();
  for (size_t i = 0; i < rows.count; ++i) {
    f->backups.backups.push_back({Rows::Name(i), "failed", rows.text, {}, std::nullopt, 0, 0, 0});
    f->audit.items.push_back({{{}, static_cast<uint32_t>(i)}, AuditEntry{{}, "somebody", "changed", "n", "", "", 1, rows.text}});
    NamespaceSettings settings;
    settings.lane_rules.emplace_back().match = rows.text;
    f->PutSpace(Rows::Name(i), static_cast<NamespaceNumber>(100 + i), std::move(settings));
  }
  f->PublishTable();
}

TEST_CASE("lists: what an answer takes is reserved, whatever its rows hold, and it goes on behind the last one that it shows") {
  const auto [count, text] =
      GENERATE(std::pair<size_t, std::string>(1000, "x"), std::pair<size_t, std::string>(100, std::string(60'000, 'x')),
               std::pair<size_t, std::string>(10, std::string(60'000, '\x01')), std::pair<size_t, std::string>(1000, std::string(600, '\x01')));
  const Rows rows{count, text};
  for (const RouteRow& row : AllRoutes()) {
    if (row.verb != Verb::kGet || (row.demand != DemandOfPage && row.demand != DemandOfInstances)) continue;
    CAPTURE(std::string(row.path), rows.count, rows.text.size());
    REQUIRE(Lists().contains(std::string(row.path)));
    const List& list = Lists().at(std::string(row.path));
    ListsFixture f;
    PutFirst(&f, rows);
    const std::string target = list.target + "?limit=1000";
    f.Look(target);
    list.answer(f, rows);
    REQUIRE(f.answered());
    const HttpResponse& answer = f.Answer();
    REQUIRE(answer.status == 200);
    CHECK(answer.body.size() > rows.text.size());
    // The other half is for the rows themselves.
    CHECK(answer.body.size() <= f.open->Demand(ListsFixture::Get(target)).answer_bytes / 2);
    const Json json(answer.body);
    const size_t shown = JsonTree::Parse(answer.body)->root().At("/items")->size();
    REQUIRE(shown > 0);
    const std::string next = json.At("/next");
    if (shown < rows.count) {
      CHECK(next != "null");
      if (!list.cursor.empty()) CHECK(next == json.At("/items/" + std::to_string(shown - 1) + list.cursor));
    }
    if (rows.text.size() == 1) CHECK(shown >= rows.count / 2);
    if (rows.text.size() > 10'000) CHECK(shown < rows.count);
  }
}

TEST_CASE("lists: what is reserved goes by the limit that is asked for, whatever else stands in the query") {
  ListsFixture f;
  auto reserved = [&](const std::string& target) { return f.open->Demand(ListsFixture::Get(target)).answer_bytes; };
  CHECK(reserved("/v1/lanes?prefix=a&limit=1000") == reserved("/v1/lanes?limit=1000"));
  CHECK(reserved("/v1/lanes?limit=1000") > reserved("/v1/lanes"));
  CHECK(reserved("/v1/lanes") > reserved("/v1/lanes?limit=1"));
  CHECK(reserved("/v1/notifies?namespaces=all&limit=1000") == reserved("/v1/notifies?limit=1000"));
  CHECK(reserved("/v1/lanes?limit=nonsense") == reserved("/v1/lanes"));
}

TEST_CASE("lists: one over all namespaces keeps no more than a page may hold, the newest of all") {
  ListsFixture f;
  NotifySpec spec;
  spec.url = "http://h/";
  spec.headers = {{"X-A", std::string(100'000, 'x')}};
  NotifyRecord record = *f.ViewOf(NotifyId{1}, "shop").view.record;
  record.spec = std::make_shared<const std::string>(EncodeSpec(spec));
  f.Look("/v1/notifies?namespaces=all&limit=1000");
  int64_t newest = 0;
  for (uint64_t space = 0; space < f.table.AllNamespaces().size(); ++space) {
    REQUIRE_FALSE(f.answered());
    Listed listed;
    for (uint64_t i = 0; i < 20; ++i) {
      record.id = NotifyId{100 * space + 50 - i};
      record.created_at = WallTime{static_cast<int64_t>(1'000'000 + space - 100 * i)};
      newest = std::max(newest, record.created_at.ms);
      listed.items.push_back({std::make_shared<const NotifyRecord>(record), State::kReady});
    }
    f.Say(std::move(listed));
  }
  REQUIRE(f.answered());
  CHECK(f.Answer().body.size() <= f.open->Demand(ListsFixture::Get("/v1/notifies?namespaces=all&limit=1000")).answer_bytes);
  const Json page(f.Answer().body);
  CHECK(page.At("/items/0/created_at") == FormatRfc3339(WallTime{newest}));
  CHECK(page.Has("/items/4"));
  CHECK_FALSE(page.Has("/items/5"));
  CHECK(page.At("/next") == "999903-" + page.At("/items/4/id"));
}

}  // namespace
}  // namespace notifyd
