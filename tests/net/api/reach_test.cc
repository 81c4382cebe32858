// Where a template may lead: what stands in it is judged when it is put, as an instance's URL is.
#include "teams_fixture.h"

namespace notifyd {
namespace {

class ReachFixture : public TeamsFixture {
 public:
  ReachFixture() : TeamsFixture(/*tokens=*/false) {
    ApiOptions options = Options();
    options.check_destination = [](NamespaceNumber number, std::string_view url) {
      if (url.empty()) return Status(Code::kUnacceptable, "the URL is not http or https");
      if (url.find("//10.") == std::string_view::npos || number == kDefaultNumber) return Status::Ok();
      return Status(Code::kUnacceptable, "addresses of that range are not called");
    };
    judges = std::make_unique<Api>(options, &sink);
    judges->SetResponder(&responder);
    judges->SetTable(std::make_shared<const AccessTable>(table));
  }
  std::string Do(const std::string& method, const std::string& target, const std::string& body) {
    HttpRequest request;
    request.method = method;
    request.target = target;
    request.body = body;
    judges->OnRequest(++last_token, std::move(request));
    return Outcome();
  }

  std::unique_ptr<Api> judges;
};

TEST_CASE("destinations: an address that is closed to the namespace is refused in every template") {
  ReachFixture f;
  auto [target, body, field] = GENERATE(table<std::string, std::string, std::string>({
      {"/subscriptions/s", R"({"topic":"t","url":"http://10.0.0.1/"})", "/url"},
      {"/subscriptions/s", R"({"topic":"t","url":"http://h/","callback_url":"http://10.0.0.1/"})", "/callback_url"},
      {"/schedules/s", R"({"every_ms":1000,"notify":{"url":"http://10.0.0.1/"}})", "/notify/url"},
      {"/schedules/s", R"({"every_ms":1000,"notify":{"url":"http://h/","callback_url":"http://10.0.0.1/"}})", "/notify/callback_url"},
      {"/services/s/instances/i", R"({"url":"http://10.0.0.1/"})", "/url"},
      {"/groups", R"({"notifies":[{"url":"http://h/"}],"callback_url":"http://10.0.0.1/"})", "/callback_url"},
  }));
  CAPTURE(target, body);
  const std::string method = target == "/groups" ? "POST" : "PUT";
  CHECK(f.Do(method, "/v1/namespaces/one" + target, body) == "422 " + field);
  CHECK(f.Do(method, "/v1" + target, body) == "posted");
}

TEST_CASE("destinations: a service and a name are judged where they lead to") {
  ReachFixture f;
  CHECK(f.Do("PUT", "/v1/namespaces/one/subscriptions/s", R"({"topic":"t","url":"service://s/"})") == "posted");
  CHECK(f.Do("PUT", "/v1/namespaces/one/subscriptions/s", R"({"topic":"t","url":"http://ten.example/"})") == "posted");
  CHECK(f.Do("PUT", "/v1/namespaces/one/schedules/s", R"({"every_ms":1000,"publish":{"topic":"t"}})") == "posted");
}

TEST_CASE("destinations: what holds an event is not changed, and says what it is") {
  ApiFixture f;
  f.Submit(R"({"url":"http://h/","lane":"topic/t"})");
  NotifyRecord record = f.RecordOf(f.Item());
  auto envelope = std::make_shared<Envelope>(*record.envelope);
  envelope->host = "topic:t";
  envelope->fkey = "k";
  record.envelope = std::move(envelope);
  f.Ask("PATCH", "/v1/notifies/" + record.id.ToString(), R"({"priority":3})");
  f.Reply(Viewed{{std::make_shared<const NotifyRecord>(record), State::kHeld}});
  CHECK(f.Outcome() == "409");
}

}  // namespace
}  // namespace notifyd
