// Every answer is what docs/openapi.yaml says of it, and every field that the document names is answered with.
#include "api_fixture.h"
#include "broker/callback.h"
#include "broker/flow.h"
#include "broker/group_events.h"
#include "broker/schedule_events.h"
#include "broker/topic_events.h"
#include "broker/response.h"
#include "net/api/steps.h"
#include "openapi_held.h"

#include <sstream>

namespace notifyd {
namespace {

constexpr const char* kAnswersId = "n000000000000001f";
const std::vector<std::string> kNone;

/// A notify with every field set.
NotifyRecord Full(ApiFixture& f) {
  f.Submit(R"({"url":"http://h/x","method":"PUT","headers":{"X-A":"b","Cookie":"c"},"data":{"n":1.10},"delay_ms":5,"ttl_ms":9000,"fkey":"f",
      "on_held":"keep","group":"g","priority":9,"idempotency_key":"k","caller":"c","callback_url":"http://cb/","reply":"expected",
      "expect":{"status":[200,"3xx"],"contains":"ok","json":{"/a":1.00}},
      "retry":{"schedule_ms":[1,2],"fatal_on":{"status":["4xx"],"contains":"no","json":{"":null}},"later_on":{"status":[202],"contains":"x","json":{"/b":2}},"only_on":{"status":["5xx"]}}})");
  REQUIRE_FALSE(f.answered());
  NotifyRecord record = f.RecordOf(f.Item());
  FlowFields flow;
  flow.event = NotifyId{1};
  flow.topic = "order.paid";
  flow.subscription = "billing";
  flow.schedule = "nightly";
  flow.scheduled_at = WallTime{1'700'000'000'000};
  flow.group = NotifyId{2};
  Envelope envelope = *record.envelope;
  envelope.host = "service://billing";
  envelope.flow = std::make_shared<const FlowFields>(flow);
  record.envelope = std::make_shared<const Envelope>(std::move(envelope));
  record.state.expires_at = WallTime{1'700'000'009'000};
  record.state.attempts_made = 2;
  record.attempts = {{1, WallTime{1'700'000'000'000}, 12, 0, "connect_failed", "refused", ""},
                     {2, WallTime{1'700'000'001'000}, 3, 200, "", "", "fine"}};
  record.attempts[1].truncated = true;
  record.attempts[1].instance = "i1";
  record.attempts[1].instance = "a";
  return record;
}

NotifyRecord Plain(ApiFixture& f) {
  f.Submit(R"({"url":"http://h/","mode":"fifo"})");
  NotifyRecord record = f.RecordOf(f.Item());
  record.state.phase = Phase::kCancelled;
  record.state.settled_at = WallTime{1'700'000'002'000};
  record.state.reason = "replaced";
  return record;
}

Viewed ViewOf(NotifyRecord record, State state) {
  return Viewed{{std::make_shared<const NotifyRecord>(std::move(record)), state}};
}

TEST_CASE("openapi: a notify in every answer that shows one") {
  Held held;
  ApiFixture f;
  struct Row {
    const char *path, *method, *target;
  };
  for (const Row& row :
       {Row{"/v1/notifies/{id}", "get", "/v1/notifies/n000000000000001f"}, Row{"/v1/notifies/{id}", "delete", "/v1/notifies/n000000000000001f"},
        Row{"/v1/fkeys/{fkey}", "get", "/v1/fkeys/f"}, Row{"/v1/fkeys/{fkey}", "delete", "/v1/fkeys/f"}}) {
    std::string method = row.method == std::string("get") ? "GET" : "DELETE";
    for (bool full : {true, false}) {
      Viewed viewed = full ? ViewOf(Full(f), State::kHeld) : ViewOf(Plain(f), State::kCancelled);
      f.Ask(method, row.target);
      f.Reply(viewed);
      held.Check(f, row.path, row.method);
    }
  }
  Viewed viewed = ViewOf(Full(f), State::kHeld);
  f.Ask("PATCH", std::string("/v1/notifies/") + kAnswersId, "{}");
  f.Reply(viewed);
  held.Check(f, "/v1/notifies/{id}", "patch");
  held.CheckAllSeen("NotifyView");
}

TEST_CASE("openapi: groups") {
  Held held;
  ApiFixture f;
  GroupView view;
  view.id = NotifyId{0x1f};
  view.record.created_at = view.record.settled_at = WallTime{1'700'000'000'000};
  view.record.caller = "shop";
  view.record.labels = std::make_shared<const Labels>(Labels{{"k", "v"}});
  view.record.callback = Callback{"http://cb/", "http://cb/", "cb:80", ""};
  view.record.callback_id = NotifyId{0x22};
  view.record.members.resize(2);
  view.record.members[0] = {Phase::kFailed, 500, 3, WallTime{1'700'000'001'000}, "attempts_exhausted", {}, {}};
  view.states = {State::kFailed, State::kScheduled};
  view.counts[static_cast<size_t>(State::kFailed)] = 1;
  view.responses = {std::make_shared<const Response>(Response{500, {{"Content-Type", "text/plain"}}, "no", false, WallTime{5}}),
                    std::make_shared<const Response>(Response{200, {}, "\xff", true, WallTime{5}})};
  auto answered = [](auto what) { return GroupAnswered{std::make_shared<const GroupAnswer>(GroupAnswer{std::move(what)})}; };
  const std::string target = std::string("/v1/groups/") + kAnswersId;
  for (const char* method : {"GET", "DELETE"}) {
    f.Ask(method, target);
    f.Reply(answered(view));
    held.Check(f, "/v1/groups/{id}", method == std::string("GET") ? "get" : "delete");
  }
  for (GroupAs as : {GroupAs::kMade, GroupAs::kDuplicate})
    for (bool waited : {false, true})
      for (bool gone : {false, true}) {
        view.as = as;
        view.waited = waited;
        view.gone = gone && as == GroupAs::kDuplicate;
        f.Ask("POST", "/v1/groups", R"({"notifies":[{"url":"http://h/"}]})");
        f.Reply(answered(view));
        held.Check(f, "/v1/groups", "post");
        CHECK(f.Answer().status == (view.gone ? 200 : waited ? 202 : as == GroupAs::kMade ? 201 : 200));
      }
  held.CheckAllSeen("Group");
  view.as = GroupAs::kSeen;
  view.gone = false;
  f.Ask("GET", "/v1/groups");
  f.Reply(answered(GroupsListed{{view}, NotifyId{5}}));
  held.Check(f, "/v1/groups", "get");
  held.CheckAllSeen("GroupPage");
}

TEST_CASE("openapi: schedules") {
  Held held;
  ApiFixture f;
  const char* document = R"({"cron":"0 0 * * *","start_at":1700000000000,"end_at":1800000000000,"notify":{"url":"http://h/","data":{"a":1}}})";
  f.Ask("PUT", "/v1/schedules/s", document);
  ScheduleView view;
  view.name = "s";
  view.said = std::get<SchedulePut>(f.Posted<ScheduleRequest>().ask->what).said;
  view.bytes = "bytes";
  view.created_at = WallTime{1'700'000'000'000};
  view.next = {WallTime{1'700'000'000'000}};
  view.runs = {{ScheduleRun::Outcome::kMade, view.created_at, view.created_at, NotifyId{7}, 1, ""},
               {ScheduleRun::Outcome::kMissed, view.created_at, view.created_at, {}, 3, "not_running"}};
  auto answered = [](auto what) { return ScheduleAnswered{std::make_shared<const ScheduleAnswer>(ScheduleAnswer{std::move(what)})}; };
  f.Reply(answered(ScheduleViewed{view, true}));
  held.Check(f, "/v1/schedules/{name}", "put");
  CHECK(f.Answer().status == 201);
  f.Ask("PUT", "/v1/schedules/s", document);
  f.Reply(answered(ScheduleViewed{view, false}));
  held.Check(f, "/v1/schedules/{name}", "put");
  f.Ask("PATCH", "/v1/schedules/s", R"({"paused":true})");
  f.Reply(answered(ScheduleViewed{view, false}));
  held.Check(f, "/v1/schedules/{name}", "patch");
  f.Ask("GET", "/v1/schedules/s");
  f.Reply(answered(ScheduleViewed{view, false}));
  held.Check(f, "/v1/schedules/{name}", "get");
  ScheduleView publishing = view;
  f.Ask("PUT", "/v1/schedules/s", R"({"cron":"0 0 * * *","publish":{"topic":"t","data":1}})");
  publishing.said = std::get<SchedulePut>(f.Posted<ScheduleRequest>().ask->what).said;
  publishing.runs = {{ScheduleRun::Outcome::kMade, view.created_at, view.created_at, NotifyId{7}, 1, "", true}};
  f.Reply(answered(ScheduleViewed{publishing, false}));
  held.Check(f, "/v1/schedules/{name}", "put");
  held.CheckAllSeen("Schedule");
  f.Ask("GET", "/v1/schedules");
  f.Reply(answered(SchedulesListed{{view}, "s"}));
  held.Check(f, "/v1/schedules", "get");
  held.CheckAllSeen("SchedulePage");
  f.Ask("POST", "/v1/schedules/s/run");
  SubmittedItem item;
  item.id = NotifyId{8};
  item.lane = {Mode::kConcurrent, "l"};
  f.Reply(answered(ScheduleRan{item, view.created_at}));
  held.Check(f, "/v1/schedules/{name}/run", "post");
  f.Ask("POST", "/v1/schedules/s/run");
  f.Reply(answered(ScheduleRan{Published::Item{NotifyId{9}, 2, false, false}, view.created_at}));
  held.Check(f, "/v1/schedules/{name}/run", "post");
}

TEST_CASE("openapi: the list") {
  Held held;
  ApiFixture f;
  Listed listed{{ViewOf(Full(f), State::kHeld).view, ViewOf(Plain(f), State::kCancelled).view}, NotifyId{5}};
  f.Ask("GET", "/v1/notifies");
  f.Reply(listed);
  held.Check(f, "/v1/notifies", "get");
  // Over all namespaces: there are the two that always are.
  f.Ask("GET", "/v1/notifies?namespaces=all");
  f.Reply(Listed{listed.items, {}});
  f.Reply(Listed{});
  held.Check(f, "/v1/notifies", "get");
  held.CheckAllSeen("NotifyList", {"NotifyList.missing"});  // members_test.cc
  f.Ask("GET", "/v1/notifies");
  f.Reply(Listed{});
  held.Check(f, "/v1/notifies", "get");
}

TEST_CASE("openapi: the answers to a submit") {
  Held held;
  ApiFixture f;
  for (int kind = 0; kind < 5; ++kind) {
    SubmittedItem item;
    item.id = NotifyId{0x1f};
    item.due = kind == 0 ? kWallNever : WallTime{1'700'000'000'000};
    item.lane.name = "l";
    item.duplicate = kind == 1 || kind == 4;
    item.removed = kind == 4;
    item.kept = kind == 2;
    f.Submit(R"({"url":"http://h/"})");
    f.Reply(Submitted{{item}, kind == 3});
    held.Check(f, "/v1/notifies", "post");
  }
  held.CheckAllSeen("Accepted");
  held.CheckAllSeen("AcceptedBatch");
}

TEST_CASE("openapi: the lines of a bulk submit's answer") {
  OpenApiDocument document;
  std::set<std::string> seen;
  YAML::Node content = document.Response("/v1/notifies", "post", "200")["content"]["application/x-ndjson"];
  YAML::Node ref = content["schema"]["contentSchema"];
  ApiFixture f;
  REQUIRE(f.Open());
  f.api.OnBody(f.last_token,
               "{\"url\":\"http://h/\"}\n{\"url\":\"http://h/\"}\n{\"url\":\"http://h/\"}\n{\"url\":\"http://h/\"}\n{\"url\":\"http://h/\"}\n{}\n");
  Submitted submitted{std::vector<SubmittedItem>(5), true};
  for (SubmittedItem& item : submitted.items) item.id = NotifyId{0x1f};
  submitted.items[1].duplicate = true;
  submitted.items[2].kept = true;
  submitted.items[4].duplicate = submitted.items[4].removed = true;
  submitted.items[3].refused = Status(Code::kConflict, "held", "/fkey");
  f.Reply(submitted);
  f.api.EndBulkSubmits(Leaving::kRestarting);
  std::istringstream lines(f.Streamed().text);
  size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) CHECK(document.Violations(ref, line, &seen) == kNone);
  CHECK(count == 7);
  for (const std::string& property : document.AllProperties(ref)) {
    CAPTURE(property);
    CHECK(seen.contains(property));
  }
  // And those that the document shows.
  CHECK(content["examples"].size() > 0);
  for (const auto& example : content["examples"]) {
    std::istringstream shown(example.second["value"].as<std::string>());
    for (std::string line; std::getline(shown, line);) CHECK(document.Violations(ref, line) == kNone);
  }
}

TEST_CASE("openapi: trigger, retry, bulk operations") {
  Held held;
  ApiFixture f;
  f.Ask("POST", "/v1/fkeys/f/trigger");
  f.Reply(Triggered{NotifyId{0x1f}, State::kReady, true});
  held.Check(f, "/v1/fkeys/{fkey}/trigger", "post");
  f.Ask("POST", "/v1/fkeys/f/trigger");
  f.Reply(Triggered{NotifyId{0x1f}, State::kReady, false});
  held.Check(f, "/v1/fkeys/{fkey}/trigger", "post");
  f.Ask("POST", "/v1/fkeys/f/trigger?remember_ms=5");
  f.Reply(Remembered{});
  auto trigger = std::make_shared<RememberedTrigger>();
  trigger->data = "{}";
  f.Ask("GET", "/v1/fkeys/f");
  f.Reply(RememberedViewed{"f", trigger, WallTime{1'700'000'000'000}});
  held.Check(f, "/v1/fkeys/{fkey}", "get");
  f.Ask("DELETE", "/v1/fkeys/f");
  f.Reply(Withdrawn{});
  held.Check(f, "/v1/fkeys/{fkey}", "delete");
  f.Ask("POST", "/v1/fkeys/f/trigger?remember_ms=5");
  f.Reply(Remembered{});
  held.Check(f, "/v1/fkeys/{fkey}/trigger", "post");
  f.Ask("POST", std::string("/v1/notifies/") + kAnswersId + "/retry");
  f.Reply(Retried{NotifyId{0x1f}, State::kScheduled});
  held.Check(f, "/v1/notifies/{id}/retry", "post");
  for (const char* kind : {"retry", "cancel", "purge"}) {
    std::string path = std::string("/v1/notifies/") + kind;
    f.Ask("POST", path, R"({"filter":{"state":"failed"}})");
    f.Reply(BulkDone{5, NotifyId{kind[0] == 'p' ? 0u : 5u}});
    held.Check(f, path, "post");
  }
  for (const char* schema : {"IdAndState", "Remembered", "RememberedTrigger", "Withdrawn", "BulkDone"}) held.CheckAllSeen(schema);
}

TEST_CASE("openapi: submits that wait, and answers that are kept") {
  Held held;
  ApiFixture f;
  auto response = std::make_shared<Response>();
  response->status = 200;
  response->headers = {{"ETag", "x"}};
  const std::shared_ptr<const Response> text = response;
  auto bytes = std::make_shared<Response>(*response);
  bytes->body = "\xff";
  for (bool settled : {false, true}) {
    f.Ask("POST", "/v1/notifies?wait_ms=5", R"({"url":"http://h/"})");
    Waited waited;
    waited.item.id = NotifyId{0x1f};
    waited.item.duplicate = waited.item.kept = true;
    waited.item.lane = {Mode::kConcurrent, "l"};
    if (settled) {
      NotifyRecord record = f.RecordOf(f.Item());
      record.state.phase = Phase::kFailed;
      waited.view = NotifyView{std::make_shared<const NotifyRecord>(record), State::kFailed};
      waited.response = text;
    }
    f.Reply(waited);
    CHECK(f.Answer().status == (settled ? 200 : 202));
    held.Check(f, "/v1/notifies", "post");
  }
  for (const std::shared_ptr<const Response>& kept : {text, std::shared_ptr<const Response>(bytes)}) {
    f.Ask("GET", std::string("/v1/notifies/") + kAnswersId + "/response");
    f.Reply(ResponseViewed{NotifyId{0x1f}, kept});
    held.Check(f, "/v1/notifies/{id}/response", "get");
  }
  held.CheckAllSeen("KeptResponse");
}

TEST_CASE("openapi: explain") {
  Held held;
  ApiFixture f;
  YAML::Node code = held.document.Schema("Explained")["properties"]["reasons"]["items"]["properties"]["code"];
  CHECK(code["enum"].as<std::vector<std::string>>().size() == ReasonCodes().size());
  for (const std::string& word : ReasonCodes()) {
    f.Ask("GET", std::string("/v1/notifies/") + kAnswersId + "/explain");
    f.Reply(Explained{NotifyId{0x1f}, State::kReady, {{word, "why"}}, WallTime{5}});
    held.Check(f, "/v1/notifies/{id}/explain", "get");
  }
  f.Ask("GET", std::string("/v1/notifies/") + kAnswersId + "/explain");
  f.Reply(Explained{NotifyId{0x1f}, State::kReady, {}, std::nullopt});
  held.Check(f, "/v1/notifies/{id}/explain", "get");
  held.CheckAllSeen("Explained");
}

TEST_CASE("openapi: lanes") {
  Held held;
  ApiFixture f;
  LaneView fifo, concurrent;
  fifo.lane = {Mode::kFifo, "a"};
  fifo.oldest_due = WallTime{5};
  fifo.head_age_ms = 5;
  fifo.own = {Paused::kByFailure,
              std::nullopt,
              std::nullopt,
              3,
              OnRetry::kSkip,
              OnFailure::kPause,
              {std::make_shared<const PauseNote>(PauseNote{{5}, {}, {}, {0x1f}})}};
  concurrent.lane = {Mode::kConcurrent, "b"};
  concurrent.own.concurrency = 5;
  concurrent.own.paused = concurrent.limits.paused = Paused::kByRequest;
  concurrent.paused_until = WallTime{7};
  concurrent.own.pause.note = std::make_shared<const PauseNote>(PauseNote{{5}, "token t1", "deployment", {}});
  concurrent.own.rate_per_s = 0.5;
  concurrent.limits.rate_per_s = 0.5;
  f.Ask("GET", "/v1/lanes");
  f.Reply(LanesListed{{fifo, concurrent}, true, concurrent.lane});
  held.Check(f, "/v1/lanes", "get");
  f.Ask("GET", "/v1/lanes");
  f.Reply(LanesListed());
  held.Check(f, "/v1/lanes", "get");
  f.Ask("GET", "/v1/lanes/fifo/a");
  f.Reply(LaneViewed{fifo});
  held.Check(f, "/v1/lanes/{mode}/{name}", "get");
  f.Ask("PATCH", "/v1/lanes/fifo/a", "{}");
  f.Reply(LaneViewed{fifo});
  held.Check(f, "/v1/lanes/{mode}/{name}", "patch");
  held.CheckAllSeen("LaneList");
}

TEST_CASE("openapi: stats, metrics and probes") {
  Held held;
  ApiFixture f;
  f.Ask("GET", "/v1/stats");
  f.Reply(StatsView());
  held.Check(f, "/v1/stats", "get");
  held.CheckAllSeen("Stats", kStatsOfPostgres);
  f.Ask("GET", "/v1/stats?namespaces=all");
  held.Check(f, "/v1/stats", "get");
  held.CheckAllSeen("StatsOfAll", {"StatsOfAll.missing", "StatsOfAll.member"});  // members_test.cc
  f.Ask("GET", "/healthz");
  held.Check(f, "/healthz", "get");
  f.Ask("GET", "/readyz");
  held.Check(f, "/readyz", "get");
  f.Ask("GET", "/metrics");
  f.Reply(StatsView());
  f.Reply(LanesListed());
  YAML::Node content = held.document.Response("/metrics", "get", "200")["content"];
  CHECK(content[f.Answer().content_type].IsDefined());
}

/// The registry's answer to the newest request.
void RegistrySays(ApiFixture& f, RegistryReply reply) {
  reply.request = RegistryRequestOf({3, f.last_token});
  f.api.OnRegistryReply(std::move(reply));
}

TEST_CASE("openapi: namespaces and signing keys") {
  Held held;
  ApiFixture f;
  f.Ask("PUT", "/v1/namespaces/n", R"({"max_pending":5,"max_stored_bytes":6,"submits_per_s":7.5,"burst":8,"max_in_flight":9,
      "retention_succeeded_ms":10,"retention_settled_ms":11,"destinations":{"allow":["10.0.0.0/8"],"deny":["private"],"https_only":true,"ports":[443]},
      "retry":{"max_attempts":3,"fatal_on":{"status":[400],"contains":"x","json":{"/a":1}}},"timeout_ms":12,
      "lane_rules":[{"match":"a","mode":"fifo","on_retry":"skip","on_failure":"pause","order_by":"/id","partitions":4,"order_by_missing":"refuse"},{"match":"*","concurrency":3,"rate_per_s":0.5,"burst":2}]})");
  auto row = std::make_shared<NamespaceRow>();
  row->name = "n";
  row->number = 7;
  row->settings = std::get<PutNamespace>(f.sink.registry.back()).settings;
  row->keys = {{"a", SigningKind::kHmac, std::string(32, 'x'), WallTime{5}, WallTime{6}},
               {"b", SigningKind::kEd25519, std::string(32, 'x'), WallTime{5}}};
  RegistrySays(f, {.created = true, .space = row});
  held.Check(f, "/v1/namespaces/{ns}", "put");
  f.Ask("PUT", "/v1/namespaces/n", "{}");
  RegistrySays(f, {.space = row});
  held.Check(f, "/v1/namespaces/{ns}", "put");
  f.Ask("PATCH", "/v1/namespaces/default", "{}");
  RegistrySays(f, {.space = row});
  held.Check(f, "/v1/namespaces/{ns}", "patch");
  f.Ask("DELETE", "/v1/namespaces/default");
  RegistrySays(f, {.space = row});
  held.Check(f, "/v1/namespaces/{ns}", "delete");
  f.Ask("GET", "/v1/namespaces/default");
  held.Check(f, "/v1/namespaces/{ns}", "get");
  f.Ask("GET", "/v1/namespaces");
  held.Check(f, "/v1/namespaces", "get");
  for (const char* kind : {"hmac", "ed25519"}) {
    f.Ask("POST", "/v1/namespaces/default/keys", std::string(R"({"kind":")") + kind + "\"}");
    RegistrySays(f, {.created = true, .space = row});
    held.Check(f, "/v1/namespaces/{ns}/keys", "post");
  }
  f.Ask("DELETE", "/v1/namespaces/default/keys/a");
  RegistrySays(f, {.space = row});
  held.Check(f, "/v1/namespaces/{ns}/keys/{name}", "delete");
  f.Ask("GET", "/.well-known/jwks.json");
  held.Check(f, "/.well-known/jwks.json", "get");
  std::set<std::string> elsewhere = {"Namespace.member", "Namespace.missing", "NamespaceList.missing"};  // members_test.cc, postgres_cells_test.cc
  for (const char* of : {"", ".to", ".state", ".copied_keys", ".waits_for"}) elsewhere.insert(std::string("Namespace.moving") + of);
  for (const char* schema : {"Namespace", "NamespaceList"}) held.CheckAllSeen(schema, elsewhere);
  held.CheckAllSeen("SigningKeyMade");
}

TEST_CASE("openapi: tokens, the audit, sealing the store anew") {
  Held held;
  ApiFixture f;
  auto row = std::make_shared<TokenRow>();
  row->id = "TokenTokenTo";
  row->name = "a token";
  row->grant = Grant::Everything();
  row->created_by = "somebody";
  f.Ask("GET", "/v1/whoami");
  held.Check(f, "/v1/whoami", "get");
  held.CheckAllSeen("Whoami");
  f.Ask("POST", "/v1/tokens", R"({"scopes":["submit"]})");
  RegistrySays(f, {.created = true, .token = row});
  held.Check(f, "/v1/tokens", "post");
  f.Ask("GET", "/v1/tokens");
  RegistrySays(f, {.tokens = {{row, WallTime{5}}}, .more = true});
  held.Check(f, "/v1/tokens", "get");
  f.Ask("GET", "/v1/tokens/TokenTokenTo");
  RegistrySays(f, {.tokens = {{row, std::nullopt}}});
  held.Check(f, "/v1/tokens/{id}", "get");
  f.Ask("DELETE", "/v1/tokens/TokenTokenTo");
  RegistrySays(f, {.token = row});
  held.Check(f, "/v1/tokens/{id}", "delete");
  AccessTable table;
  auto space = std::make_shared<NamespaceRow>();
  space->name = "default";
  table.PutNamespace("default", std::move(space));
  table.PutToken(row->id, row);
  f.api.SetTable(std::make_shared<const AccessTable>(table));
  f.Ask("PATCH", "/v1/tokens/TokenTokenTo", R"({"disabled":true})");
  RegistrySays(f, {.token = row});
  held.Check(f, "/v1/tokens/{id}", "patch");
  f.Ask("POST", "/v1/tokens/TokenTokenTo/rotate");
  RegistrySays(f, {.token = row});
  held.Check(f, "/v1/tokens/{id}/rotate", "post");
  f.Ask("GET", "/v1/audit");
  held.Check(f, "/v1/audit", "get");
  f.rekey = {Status::Ok(), "failed", "it does not open", 3, 40, true, true, "1a2b3c4d,5e6f7081"};
  f.Ask("POST", "/v1/rekey");
  held.Check(f, "/v1/rekey", "post");
  f.Ask("GET", "/v1/rekey");
  held.Check(f, "/v1/rekey", "get");
  f.Ask("GET", "/v1/backups");
  held.Check(f, "/v1/backups", "get");
  f.Ask("POST", "/v1/backups", R"({"name":"nightly"})");
  held.Check(f, "/v1/backups", "post");
  f.backups.backups[0] = {"nightly", "failed", "no room", {0}, WallTime{5}, 12, 3456, 78};
  f.Ask("GET", "/v1/backups/nightly");
  held.Check(f, "/v1/backups/{name}", "get");
  for (const char* schema : {"Token", "TokenList", "Rekey", "Backup", "BackupList"}) held.CheckAllSeen(schema);
}

TEST_CASE("openapi: what people who look into the process are shown") {
  Held held;
  ApiFixture f;
  f.Ask("GET", "/v1/debug/state");
  held.Check(f, "/v1/debug/state", "get");
  held.CheckAllSeen("DebugState");
  CHECK(f.Answer().status == 200);
}

TEST_CASE("openapi: a problem's optional fields") {
  Held held;
  ApiFixture f;
  f.Submit(R"({"url":"http://h/","fkey":"f"})");
  f.Reply(Refused{Status(Code::kConflict, "held", "/fkey"), NotifyId{0x1f}});
  held.Check(f, "/v1/notifies", "post");
  held.CheckAllSeen("Problem");
}

TEST_CASE("openapi: the body of a callback") {
  Held held;
  ApiFixture f;
  NotifyRecord full = Full(f);
  full.state.phase = Phase::kFailed;
  full.state.reason = "attempts_exhausted";
  full.state.settled_at = WallTime{1'700'000'002'000};
  YAML::Node post = held.document.Operation("/v1/notifies", "post")["callbacks"]["settled"]["{$request.body#/callback_url}"]["post"];
  YAML::Node ref = post["requestBody"]["content"]["application/json"]["schema"];
  REQUIRE(ref.IsDefined());
  for (const AttemptRecord* attempt : std::vector<const AttemptRecord*>{&full.attempts[0], &full.attempts[1], nullptr}) {
    NotifySpec spec = CallbackSpec(full.id, *full.envelope, full.state, attempt);
    CAPTURE(spec.payload);
    CHECK(held.document.Violations(ref, spec.payload, &held.seen) == kNone);
  }
  held.CheckAllSeen("Callback");
}

TEST_CASE("openapi: topics, subscriptions and events") {
  Held held;
  ApiFixture f;
  auto answer = [&](const std::string& method, const std::string& target, const std::string& path, const std::string& body, auto what) {
    f.Ask(method == "get" ? "GET" : method == "put" ? "PUT" : method == "post" ? "POST" : "DELETE", target, body);
    REQUIRE_FALSE(f.answered());
    f.Reply(TopicAnswered{std::make_shared<const TopicAnswer>(TopicAnswer{std::move(what)})});
    if (f.Answer().status != 204) held.Check(f, path, method);
  };
  const TopicView topic{"t", {5, R"({"type":"object"})", "x"}, "bytes"};
  answer("put", "/v1/topics/t", "/v1/topics/{topic}", "{}", TopicViewed{topic, true});
  answer("put", "/v1/topics/t", "/v1/topics/{topic}", "{}", TopicViewed{topic, false});
  answer("get", "/v1/topics/t", "/v1/topics/{topic}", "", TopicViewed{{"t", {}, "bytes"}, false});
  answer("get", "/v1/topics", "/v1/topics", "", TopicsListed{{topic}, "t"});
  answer("delete", "/v1/topics/t", "/v1/topics/{topic}", "", Removed{});
  CHECK(f.Answer().status == 204);
  held.CheckAllSeen("TopicPage");

  f.Ask("PUT", "/v1/subscriptions/s", R"({"topic":"a.*","url":"http://h/","filter":{"key":"k"},"transform":{"id":"/id"},"headers":{"Cookie":"c"}})");
  const auto said = std::get<SubscriptionPut>(f.Posted<TopicRequest>().ask->what).said;
  const SubscriptionView subscription{"s", said, "bytes", WallTime{1'700'000'000'000}, 3, 1, true};
  f.Reply(TopicAnswered{std::make_shared<const TopicAnswer>(TopicAnswer{SubscriptionViewed{subscription, true}})});
  held.Check(f, "/v1/subscriptions/{name}", "put");
  answer("get", "/v1/subscriptions/s", "/v1/subscriptions/{name}", "", SubscriptionViewed{subscription, false});
  answer("get", "/v1/subscriptions", "/v1/subscriptions", "", SubscriptionsListed{{subscription}, std::nullopt});
  held.CheckAllSeen("SubscriptionPage");

  for (const Published::Item& item : {Published::Item{NotifyId{5}, 2}, {NotifyId{5}, {}, true}, {NotifyId{5}, {}, false, true, true}})
    answer("post", "/v1/topics/t/publish", "/v1/topics/{topic}/publish", "{}", Published{{item}, false});
  answer("post", "/v1/publish", "/v1/publish", R"([{"topic":"t"}])", Published{{{NotifyId{5}, 2, false, false}}, true});
  held.CheckAllSeen("PublishedBatch");

  EventRecord record;
  record.topic = "t";
  record.caller = "c";
  for (PayloadKind kind : {PayloadKind::kNone, PayloadKind::kData, PayloadKind::kBody, PayloadKind::kBodyBase64}) {
    record.payload_kind = kind;
    record.payload = kind == PayloadKind::kNone ? "" : "1.50";
    record.key = kind == PayloadKind::kData ? "k" : "";
    record.due_at = kind == PayloadKind::kBody ? std::optional(WallTime{5}) : std::nullopt;
    record.content_type = kind == PayloadKind::kBody ? "text/plain" : "";
    const EventView event{NotifyId{5}, std::make_shared<const EventRecord>(record), 1};
    answer("get", "/v1/events/n0000000000000005", "/v1/events/{id}", "", EventViewed{event, {{NotifyId{6}, "s", State::kReady}}, {}});
    answer("get", "/v1/events/n0000000000000005", "/v1/events/{id}", "", EventViewed{event, {}, {}, "", {"s"}});
    answer("get", "/v1/topics/t/events", "/v1/topics/{topic}/events", "", EventsListed{{event}, NotifyId{5}});
  }
  held.CheckAllSeen("Event");
  held.CheckAllSeen("EventPage");

  for (const Replayed& replayed : {Replayed{3, false}, {std::nullopt, true}}) {
    answer("post", "/v1/events/n0000000000000005/replay", "/v1/events/{id}/replay", "", replayed);
    answer("post", "/v1/subscriptions/s/replay", "/v1/subscriptions/{name}/replay", "", replayed);
  }
  held.CheckAllSeen("Replayed");
  answer("post", "/v1/subscriptions/s/apply", "/v1/subscriptions/{name}/apply", "", Applied{3, NotifyId{5}});
}

TEST_CASE("openapi: the defaults of a notify are those that GET shows") {
  OpenApiDocument document;
  ApiFixture f;
  f.Submit(R"({"url":"http://h/","fkey":"f"})");
  Json shown = f.Shown(f.RecordOf(f.Item()), State::kHeld);
  size_t checked = 0;
  for (auto [schema, prefix] : {std::pair("Notify", "/"), {"Retry", "/retry/"}}) {
    for (const auto& [name, property] : document.Properties(document.Schema(schema))) {
      if (!property["default"].IsDefined()) continue;
      CAPTURE(name);
      CHECK(shown.At(prefix + name) == property["default"].Scalar());
      ++checked;
    }
  }
  CHECK(checked == 15);
}

}  // namespace
}  // namespace notifyd
