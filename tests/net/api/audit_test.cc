// What the audit is told of a change: who made it, from where, what and how many; and that whoever made it is answered behind that.
#include "base/utf8.h"
#include "broker/service_events.h"
#include "broker/topic_events.h"
#include "teams_fixture.h"

namespace notifyd {
namespace {

constexpr NamespaceNumber kAuditOne = TeamsFixture::kOne;

TEST_CASE("audit: that sealing the store anew was begun is in the audit, and not that it was refused, or looked at") {
  TeamsFixture f;
  const std::string token = f.Give(Grant::Everything()), of_one = f.Give(TeamsFixture::Of({"one"}, ScopeSet::All()));
  f.As(of_one, "POST", "/v1/rekey");
  CHECK(f.Answer().status == 403);
  f.As(token, "GET", "/v1/rekey");
  CHECK(f.rekeys == 0);
  CHECK(f.sink.audited.empty());
  f.As(token, "POST", "/v1/rekey");
  CHECK(f.Answer().status == 202);
  CHECK(f.rekeys == 1);
  REQUIRE(f.sink.audited.size() == 1);
  CHECK(f.sink.audited[0].what == "rekey_begun");
  f.rekey.begun = Status(Code::kUnacceptable, "the store does not seal");
  f.As(token, "POST", "/v1/rekey");
  CHECK(f.Answer().status == 422);
  CHECK(f.sink.audited.size() == 1);
}

TEST_CASE("audit: each change by a token is in the audit: who, from where, what, how many") {
  TeamsFixture f;
  Grant grant = TeamsFixture::Of({"one"}, ScopeSet::All());
  const std::string token = f.Give(grant), who = "token " + f.last.id;
  const NotifyId id = NotifyId::Of(kAuditOne, 5);
  f.As(token, "DELETE", "/v1/notifies/" + id.ToString());
  CHECK(f.sink.audited.empty());
  f.Reply(f.ViewOf(id, "shop"));
  REQUIRE(f.sink.audited.size() == 1);
  CHECK(f.sink.audited[0].who == who);
  CHECK(f.sink.audited[0].what == "notify_cancelled");
  CHECK(f.sink.audited[0].object == id.ToString());
  CHECK(f.sink.audited[0].space == "one");
  CHECK(f.sink.audited[0].from != "");
  f.As(token, "POST", "/v1/notifies/purge", R"({"filter":{"state":"failed"}})");
  f.Reply(BulkDone{17, {}});
  REQUIRE(f.sink.audited.size() == 2);
  CHECK(f.sink.audited[1].what == "notifies_purged");
  CHECK(f.sink.audited[1].count == 17);
  CHECK(f.sink.audited[1].said == R"({"state":"failed"})");
  // What changed nothing is none: a dry run, a refusal, a look, a submit.
  f.As(token, "POST", "/v1/notifies/purge", R"({"filter":{"state":"failed"},"dry_run":true})");
  f.Reply(BulkDone{17, {}});
  f.As(token, "POST", "/v1/notifies/" + id.ToString() + "/retry");
  f.Reply(Refused{Status(Code::kConflict, "it is in flight"), {}});
  f.As(token, "GET", "/v1/notifies/" + id.ToString());
  f.Reply(f.ViewOf(id, "shop"));
  CHECK(f.sink.audited.size() == 2);
}

TEST_CASE("audit: a change is answered once its entry of the audit is durable, and has one where its client went away before, too") {
  TeamsFixture f;
  const std::string token = f.Give({"*"}, ScopeSet::All());
  const NotifyId id = NotifyId::Of(kAuditOne, 5);
  f.sink.holds_audit = true;
  f.As(token, "DELETE", "/v1/notifies/" + id.ToString());
  f.Reply(f.ViewOf(id, "shop"));
  REQUIRE(f.sink.held_audit.size() == 1);
  CHECK_FALSE(f.answered());
  f.sink.held_audit[0]();
  CHECK(f.Answer().status == 200);
  f.As(token, "POST", "/v1/rekey");
  REQUIRE(f.sink.held_audit.size() == 2);
  CHECK_FALSE(f.answered());
  f.sink.held_audit[1]();
  CHECK(f.Answer().status == 202);
  // What changes nothing waits for nothing.
  f.As(token, "GET", "/v1/notifies/" + id.ToString());
  f.Reply(f.ViewOf(id, "shop"));
  CHECK(f.Answer().status == 200);
  CHECK(f.sink.held_audit.size() == 2);

  f.As(token, "DELETE", "/v1/notifies/" + id.ToString());
  const size_t events = f.sink.events.size();
  f.api.OnClose(f.last_token);
  CHECK(f.sink.events.size() == events);  // its core goes on with it
  f.Reply(f.ViewOf(id, "shop"));
  REQUIRE(f.sink.audited.size() == 3);
  CHECK(f.sink.audited[2].what == "notify_cancelled");
  f.api.OnClose(f.last_token);
  f.sink.held_audit[2]();
}

TEST_CASE("audit: what changed nothing has no entry") {
  TeamsFixture f;
  const std::string token = f.Give({"one"}, ScopeSet::All());
  f.As(token, "POST", "/v1/notifies/cancel", R"({"filter":{"state":"held"}})");
  f.Reply(BulkDone{0, {}});
  CHECK(f.Answer().status == 200);
  f.As(token, "PATCH", "/v1/callers/c", R"({"paused":true})");
  f.api.OnReply({{3, f.last_token}, CallerViewed{}, /*unchanged=*/true});
  CHECK(f.Answer().status == 200);
  CHECK(f.sink.audited.empty());
  f.As(token, "PATCH", "/v1/callers/c", R"({"paused":true})");
  f.Reply(CallerViewed{});
  CHECK(f.sink.audited.size() == 1);
}

TEST_CASE("audit: an instance that is there and is changed is in the audit where that is by operate, and else the first alone") {
  TeamsFixture f;
  const std::string registers = f.Give({"one"}, {Scope::kRegister}), operates = f.Give({"one"}, {Scope::kOperate});
  const auto put = [&](const std::string& token, bool created, bool unchanged) {
    f.As(token, "PUT", "/v1/services/s/instances/i", R"({"url":"http://h:1"})");
    ServiceAnswer answer;
    answer.kind = ServiceAnswer::Kind::kInstance;
    answer.created = created;
    ServiceView view;
    view.name = "s";
    view.instances.push_back(std::make_shared<const InstanceView>());
    answer.services.push_back(std::move(view));
    f.api.OnReply({{3, f.last_token}, ServiceAnswered{std::make_shared<const ServiceAnswer>(std::move(answer))}, unchanged});
    return f.sink.audited.size();
  };
  CHECK(put(registers, true, false) == 1);
  CHECK(put(registers, false, false) == 1);
  CHECK(put(operates, false, true) == 1);
  CHECK(put(operates, false, false) == 2);
  CHECK(f.sink.audited.back().what == "instance_registered");
}

TEST_CASE("audit: a submit that has its lane let others pass is a change of the lane, whoever waits for the answer") {
  TeamsFixture f;
  const std::string token = f.Give({"one"}, {Scope::kSubmit, Scope::kOperate});
  const auto submitted = [](bool lane_set) {
    Submitted submitted;
    submitted.items.emplace_back().lane = {Mode::kFifo, "l"};
    submitted.items.back().lane_set = lane_set;
    return submitted;
  };
  for (bool gone : {false, true}) {
    f.As(token, "POST", "/v1/notifies?on_retry=skip", R"({"url":"http://h/","lane":"l","mode":"fifo"})");
    if (gone) f.api.OnClose(f.last_token);
    f.Reply(submitted(true));
    REQUIRE(f.sink.audited.size() == (gone ? 2 : 1));
    CHECK(f.sink.audited.back().what == "lane_changed");
    CHECK(f.sink.audited.back().object == "fifo/l");
    CHECK(f.sink.audited.back().said == "on_retry");
    CHECK(f.sink.audited.back().space == "one");
  }
  f.As(token, "POST", "/v1/notifies?on_retry=skip", R"({"url":"http://h/","lane":"l","mode":"fifo"})");
  f.Reply(submitted(false));
  CHECK(f.sink.audited.size() == 2);
}

/// With what is known of namespaces and the disk.
class RoomFixture : public TeamsFixture, public NamespaceBoard {
 public:
  RoomFixture() {
    NamespaceSettings settings;
    settings.max_stored_bytes = 1'000;
    PutSpace("one", kAuditOne, settings);
    ApiOptions options = Options();
    options.board = this;
    options.audit_bytes = bytes;
    options.disk_low = [this] { return low; };
    judging = std::make_unique<Api>(options, &sink);
    judging->SetResponder(&responder);
    auto auth = std::make_shared<AuthSettings>();
    auth->tokens = true;
    judging->SetAuth(auth);
  }
  NamespaceFigures Figures(NamespaceNumber number) const override { return number == kAuditOne ? of_one : NamespaceFigures(); }
  NamespaceFigures Sum() const override { return of_one; }
  /// Was it taken? Else it was refused for want of room.
  bool Takes(const std::string& token, const std::string& method, const std::string& target, const std::string& body = "") {
    judging->SetTable(std::make_shared<const AccessTable>(table));
    HttpRequest request;
    request.method = method;
    request.target = target;
    request.headers = {{"Authorization", "Bearer " + token}};
    request.body = body;
    judging->OnRequest(++last_token, std::move(request));
    const std::string outcome = Outcome();
    CHECK((outcome == "posted" || outcome == "507"));
    return outcome == "posted";
  }
  bool Changes(const std::string& token) { return Takes(token, "PATCH", "/v1/callers/c", R"({"paused":true})"); }

  std::shared_ptr<AuditBytes> bytes = std::make_shared<AuditBytes>();
  NamespaceFigures of_one;
  bool low = false;
  std::unique_ptr<Api> judging;
};

TEST_CASE("audit: where there is no room for an entry a change is refused, unless it makes room") {
  RoomFixture f;
  const std::string token = f.Give({"one"}, ScopeSet::All()), other = f.Give({"two"}, ScopeSet::All());
  const std::string root = f.Give({"*"}, ScopeSet::All());
  CHECK(f.Changes(token));
  SECTION("the namespace stores as much as it may") {
    f.of_one.awake = true;
    // Beyond its quota by nearly as much as there is for the audit: or nobody could change what fills it.
    f.of_one.stored_bytes = 900 + (1 << 20);
    CHECK(f.Changes(token));
    f.bytes->Add({.at = WallTime{f.wall_ms}, .who = "token a", .what = "caller_changed", .object = std::string(100, 'x'), .space = "one"});
    CHECK_FALSE(f.Changes(token));
    CHECK_THAT(f.Detail(), Catch::Contains("max_stored_bytes is 1000"));
    CHECK(f.Changes(other));
    CHECK_FALSE(f.Takes(token, "POST", "/v1/tokens", R"({"name":"n","scopes":["read"],"namespaces":["one"]})"));
    // Of one that sleeps nobody knows but what the audit has.
    f.of_one.awake = false;
    CHECK(f.Changes(token));
  }
  SECTION("the audit alone is as much") {
    f.bytes->Add(
        {.at = WallTime{f.wall_ms}, .who = "token a", .what = "caller_changed", .object = std::string((1 << 20) + 1'000, 'x'), .space = "one"});
    CHECK_FALSE(f.Changes(token));
  }
  SECTION("the disk is nearly full") {
    f.low = true;
    CHECK_FALSE(f.Changes(token));
    CHECK_FALSE(f.Changes(other));
  }
  CHECK(f.Takes(token, "POST", "/v1/notifies/cancel", R"({"filter":{"state":"held"}})"));
  CHECK(f.Takes(token, "POST", "/v1/notifies/purge", R"({"filter":{"state":"failed"}})"));
  CHECK(f.Takes(token, "DELETE", "/v1/schedules/s"));
  CHECK(f.Takes(token, "PUT", "/v1/services/s/instances/i", R"({"url":"http://h:1"})"));
  CHECK(f.Changes(root));
}

TEST_CASE("audit: bytes are counted a namespace, for as long as an entry is kept") {
  AuditBytes bytes;
  const int64_t day_ms = 24LL * 3600 * 1000;
  const WallTime now{20'000 * day_ms};
  const AuditEntry entry{.at = now, .who = "w", .what = "lane_changed", .object = "fifo/l", .space = "one"};
  bytes.Add(entry);
  const uint64_t each = bytes.Of("one", now);
  CHECK(each > 64);
  CHECK(bytes.Fresh("one") == each);
  CHECK(bytes.Measured("one", now) == each);
  CHECK(bytes.Fresh("one") == 0);
  AuditEntry later = entry;
  later.at.ms += day_ms;
  bytes.Add(later);
  CHECK(bytes.Fresh("one") == each);
  CHECK(bytes.Of("one", later.at) == 2 * each);
  CHECK(bytes.Of("two", now) == 0);
  CHECK(bytes.Of("one", {now.ms + kAuditKeptMs + day_ms}) == each);
  CHECK(bytes.Of("one", {now.ms + kAuditKeptMs + 2 * day_ms}) == 0);
}

TEST_CASE("audit: bytes of a namespace that is gone are none of the next one's of its name") {
  AuditBytes bytes;
  const WallTime now{1'700'000'000'000};
  for (const char* space : {"one", "two"}) bytes.Add({.at = now, .who = "w", .what = "lane_changed", .object = "fifo/l", .space = space});
  const uint64_t each = bytes.Of("two", now);
  bytes.Forget("one");
  CHECK(bytes.Of("one", now) == 0);
  CHECK(bytes.Fresh("one") == 0);
  CHECK(bytes.Of("two", now) == each);
  bytes.Add({.at = now, .who = "w", .what = "lane_changed", .object = "fifo/l", .space = "one"});
  CHECK(bytes.Of("one", now) == each);
}

TEST_CASE("audit: the audit says which fields a change named, and not what they are") {
  TeamsFixture f;
  const std::string token = f.Give({"*"}, ScopeSet::All());
  f.As(token, "PATCH", "/v1/callers/c", R"({"submits_per_s":5,"paused":true})");
  f.Reply(CallerViewed{});
  REQUIRE(f.sink.audited.size() == 1);
  CHECK(f.sink.audited[0].said == "submits_per_s, paused");
  std::string labels, value;
  for (int i = 0; i < 128; ++i) value += "\xc3\xa4";
  for (const char* key : {"a", "bb", "c", "dd", "e"}) labels += (labels.empty() ? "\"" : ",\"") + std::string(key) + ":" + value + "\"";
  const std::string long_filter = R"({"filter":{"url_prefix":"http://h/?k=secret","state":"failed","label":[)" + labels + "]}}";
  f.As(token, "POST", "/v1/notifies/cancel", long_filter);
  f.Reply(BulkDone{1, {}});
  CHECK_THAT(f.sink.audited[1].said, Catch::StartsWith(R"({"url_prefix":"***","state":"failed","label":["a:)"));
  CHECK(f.sink.audited[1].said.size() <= kMostSaidBytes);
  CHECK(IsValidUtf8(f.sink.audited[1].said));
  f.As(token, "PATCH", "/v1/namespaces/one", R"({"max_pending":7})");
  CHECK(f.Registered<PutNamespace>().actor.said == "max_pending");
  // What a subscription filters by is what events hold; only of a bulk operation it is what was changed.
  f.As(token, "PUT", "/v1/namespaces/one/subscriptions/s", R"({"topic":"t","url":"http://h/","filter":{"data":{"pin":"1234"}}})");
  SubscriptionView view;
  view.said = std::get<SubscriptionPut>(f.Posted<TopicRequest>().ask->what).said;
  view.name = "s";
  f.Reply(TopicAnswered{std::make_shared<const TopicAnswer>(TopicAnswer{SubscriptionViewed{view, true}})});
  REQUIRE(f.sink.audited.size() == 3);
  CHECK(f.sink.audited[2].said == "topic, url, filter");
}

}  // namespace
}  // namespace notifyd
