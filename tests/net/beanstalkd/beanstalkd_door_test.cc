// BeanstalkdDoor over an API that a test scripts: what a command is answered of which a part was carried out.
#include "net/beanstalkd/beanstalkd_door.h"

#include <catch2/catch.hpp>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/access/principal.h"

namespace notifyd {
namespace {

/// Answers what it is asked by what it was told, in that order.
class ScriptedApi : public HttpHandler {
 public:
  void OnRequest(uint64_t token, HttpRequest request) override {
    asked.push_back(request.method + " " + request.target);
    REQUIRE_FALSE(says.empty());
    auto [status, body] = std::move(says.front());
    says.pop_front();
    HttpResponse response;
    response.status = status;
    response.body = std::move(body);
    door->Respond(token, std::move(response));
  }
  void OnClose(uint64_t) override {}
  HttpResponse OnRefused(int status, std::string_view) override {
    HttpResponse response;
    response.status = status;
    return response;
  }

  std::deque<std::pair<int, std::string>> says;
  std::vector<std::string> asked;
  BeanstalkdDoor* door = nullptr;
};

class OneAnswer : public HttpResponder {
 public:
  void Respond(uint64_t, HttpResponse response) override { said = std::move(response.body); }
  bool Reserve(uint64_t, size_t) override { return true; }
  void BeginStream(uint64_t, HttpResponse) override {}
  size_t Stream(uint64_t, std::string_view) override { return 0; }
  void EndStream(uint64_t, bool) override {}
  void BreakStream(uint64_t) override {}
  void PauseBody(uint64_t) override {}
  void ResumeBody(uint64_t) override {}
  std::string said;
};

struct DoorFixture {
  DoorFixture() {
    BeanstalkdOptions options;
    options.tubes = [] {
      return std::make_shared<const std::vector<BeanstalkdTube>>(std::vector{BeanstalkdTube{"mail", "default", "http://h/", "", "fifo", ""}});
    };
    options.wall = [] { return WallTime{1'700'000'000'000}; };
    options.connections = [] { return size_t{1}; };
    options.figures = &figures;
    door = std::make_unique<BeanstalkdDoor>(std::move(options), &api);
    api.door = door.get();
    door->SetResponder(&server);
  }
  /// What a command is answered; `says`: the API's answers, as they are asked for.
  std::string Say(const std::string& command, const std::string& tube, std::vector<std::pair<std::string, std::string>> arguments,
                  std::deque<std::pair<int, std::string>> says, const std::string& body = "") {
    api.says = std::move(says);
    HttpRequest request;
    request.method = command;
    request.target = tube;
    request.headers = std::move(arguments);
    request.body = body;
    Peer peer;
    peer.asker =
        std::make_shared<const FixedAsker>(FixedAsker{std::make_shared<const NamedGrant>(NamedGrant{"door", Grant::Everything()}), "default"});
    request.peer = std::make_shared<const Peer>(std::move(peer));
    door->OnRequest(++token, std::move(request));
    CHECK(api.says.empty());
    return server.said;
  }
  ScriptedApi api;
  OneAnswer server;
  BeanstalkdFigures figures;
  std::unique_ptr<BeanstalkdDoor> door;
  uint64_t token = 0;
};

constexpr const char* kOnePage = R"({"count":3,"next":"c"})";

TEST_CASE("beanstalkd door: a kick of which a part was carried out says how many, whatever becomes of the rest") {
  DoorFixture f;
  const int status = GENERATE(429, 503, 504);
  CHECK(f.Say("kick", "mail", {{"bound", "10"}}, {{200, kOnePage}, {status, "{}"}}) == "KICKED 3\r\n");
  CHECK(f.Say("kick", "mail", {{"bound", "10"}}, {{status, "{}"}}) == (status == 429   ? "OUT_OF_MEMORY\r\n"
                                                                       : status == 503 ? "DRAINING\r\n"
                                                                                       : "INTERNAL_ERROR\r\n"));
}

TEST_CASE("beanstalkd door: a tube of which one lane is paused and the other not is neither paused nor refused") {
  DoorFixture f;
  const int status = GENERATE(409, 429, 503, 507);
  // In two lanes of the tube's name.
  CHECK(f.Say("pause-tube", "free", {{"delay", "60"}}, {{200, "{}"}, {200, "{}"}, {200, "{}"}, {status, "{}"}}) == "INTERNAL_ERROR\r\n");
  CHECK(f.Say("pause-tube", "free", {{"delay", "60"}}, {{200, "{}"}, {status, "{}"}}) == (status == 503 ? "DRAINING\r\n" : "OUT_OF_MEMORY\r\n"));
  CHECK(f.Say("pause-tube", "free", {{"delay", "60"}}, {{200, "{}"}, {200, "{}"}, {200, "{}"}, {200, "{}"}}) == "PAUSED\r\n");
}

TEST_CASE("beanstalkd door: that a tube was paused is counted of all of them together, and of no other tube") {
  DoorFixture f;
  CHECK(f.Say("pause-tube", "mail", {{"delay", "60"}}, {{200, "{}"}}) == "PAUSED\r\n");
  const std::pair<int, std::string> lane(200, "{}"), buried(200, R"({"count":0})");
  CHECK(f.Say("stats-tube", "default", {}, {lane, lane, buried}).find("\ncmd-pause-tube: 0\n") != std::string::npos);
  CHECK(f.Say("stats", "", {}, {{200, "{}"}, buried}).find("\ncmd-pause-tube: 1\n") != std::string::npos);
}

TEST_CASE("beanstalkd door: a job whose outcome is not known was not turned away") {
  DoorFixture f;
  CHECK(f.Say("put", "mail", {{"pri", "0"}, {"delay", "0"}, {"ttr", "60"}}, {{504, "{}"}}, "a job") == "INTERNAL_ERROR\r\n");
  CHECK(f.figures.turned_away == 0);
  CHECK(f.Say("put", "mail", {{"pri", "0"}, {"delay", "0"}, {"ttr", "60"}}, {{503, "{}"}}, "a job") == "DRAINING\r\n");
  CHECK(f.figures.turned_away == 1);
}

TEST_CASE("beanstalkd door: while the broker stops, figures are told, and that it stops; what counts by a retry counts none") {
  DoorFixture f;
  const std::string stats = f.Say("stats", "", {}, {{200, R"({"pid":1,"version":"1"})"}, {503, "{}"}});
  CHECK(stats.starts_with("OK "));
  CHECK(stats.find("draining: true\n") != std::string::npos);
  CHECK(stats.find("current-jobs-buried: 0\n") != std::string::npos);
  CHECK(f.Say("stats", "", {}, {{200, R"({"pid":1,"version":"1"})"}, {200, R"({"count":2})"}}).find("draining: false\n") != std::string::npos);
  CHECK(f.Say("stats-tube", "mail", {}, {{200, "{}"}, {503, "{}"}}).starts_with("OK "));
  // Whether a tube is there that may have buried jobs alone is not known.
  CHECK(f.Say("stats-tube", "free", {}, {{404, "{}"}, {404, "{}"}, {503, "{}"}}) == "DRAINING\r\n");
  // What fails otherwise is said.
  CHECK(f.Say("stats", "", {}, {{200, "{}"}, {504, "{}"}}) == "INTERNAL_ERROR\r\n");
}

TEST_CASE("beanstalkd door: that its namespace is not there, or goes, is no fault of a job") {
  DoorFixture f;
  const std::pair<int, std::string> gone = GENERATE(std::pair<int, std::string>(404, R"({"detail":"there is no namespace \"default\""})"),
                                                    std::pair<int, std::string>(409, R"({"detail":"the namespace is being removed"})"));
  const std::vector<std::pair<std::string, std::string>> put{{"pri", "0"}, {"delay", "0"}, {"ttr", "60"}};
  CHECK(f.Say("put", "mail", put, {gone}, "a job") == "DRAINING\r\n");
  CHECK(f.figures.refused == 0);
  CHECK(f.figures.turned_away == 1);
  CHECK(f.Say("stats", "", {}, {gone}) == "DRAINING\r\n");
  CHECK(f.Say("kick", "mail", {{"bound", "1"}}, {gone}) == "DRAINING\r\n");
  CHECK(f.Say("list-tubes", "", {}, {gone}) == "DRAINING\r\n");
  // It was noted, and is until it is there.
  CHECK_FALSE(f.figures.Note("default", true));
  CHECK(f.Say("put", "mail", put, {{201, R"({"id":"n000000000000001f"})"}}, "a job").starts_with("INSERTED "));
  CHECK(f.figures.Note("default", true));
  // Another conflict is the job's.
  CHECK(f.Say("put", "mail", put, {{409, R"({"detail":"another notify holds the fkey"})"}}, "a job") == "BAD_FORMAT\r\n");
  CHECK(f.figures.refused == 1);
}

TEST_CASE("beanstalkd door: that a job steps aside in its lane goes with its submit, so that a client who goes away leaves nothing half done") {
  DoorFixture f;
  const std::string call = R"({"url":"http://h/","method":"POST","queueName":"Q_1","runOnce":2})";
  CHECK(f.Say("put", "notify", {{"pri", "0"}, {"delay", "0"}, {"ttr", "60"}}, {{201, R"({"id":"n0000000000000001"})"}}, call) == "INSERTED 1\r\n");
  CHECK(f.api.asked == std::vector<std::string>{"POST /v1/namespaces/default/notifies?on_retry=skip"});
}

TEST_CASE("beanstalkd door: a lane's name that no tube could have adds nothing to what is said of its job") {
  DoorFixture f;
  const std::string said = f.Say("stats-job", "1", {}, {{200, R"({"id":"n0000000000000001","state":"scheduled","lane":"x\nstate: \"buried\""})"}});
  CHECK(said.find("\ntube: \"x\\nstate: \\\"buried\\\"\"\nstate: delayed\n") != std::string::npos);
}

TEST_CASE("beanstalkd door: of what waits in a tube few are looked for until all are found, and of many the oldest thousand") {
  DoorFixture f;
  auto lane = [](int scheduled) { return std::pair(200, R"({"states":{"scheduled":)" + std::to_string(scheduled) + R"(,"retrying":0,"held":1}})"); };
  auto item = [](const std::string& id, const std::string& at) { return R"({"id":"n000000000000000)" + id + R"(","due_at":")" + at + "\"}"; };
  const std::pair<int, std::string> shown(200, R"({"id":"n0000000000000002","state":"scheduled","body":"x"})");
  // Pages that have none of them, and more pages.
  const std::string found = f.Say("peek-delayed", "mail", {},
                                  {lane(2),
                                   {200, R"({"items":[],"next":"a"})"},
                                   {200, R"({"items":[)" + item("3", "2030") + R"(],"next":"b"})"},
                                   {200, R"({"items":[)" + item("2", "2029") + "," + item("1", "2031") + R"(],"next":"c"})"},
                                   shown});
  CHECK(found.starts_with("FOUND 2 "));
  CHECK(f.api.asked.back() == "GET /v1/namespaces/default/notifies/n0000000000000002");
  CHECK(f.api.asked[1].find("order=") == std::string::npos);
  f.api.asked.clear();
  CHECK(f.Say("peek-delayed", "mail", {}, {lane(5'000), {200, R"({"items":[)" + item("2", "2029") + R"(],"next":null})"}, shown})
            .starts_with("FOUND 2 "));
  CHECK(f.api.asked[1].find("order=oldest&limit=1000") != std::string::npos);
  // Nothing is looked through where the lane says that there is none.
  for (const std::string command : {"peek-delayed", "peek-ready"}) CHECK(f.Say(command, "mail", {}, {{404, "{}"}}) == "NOT_FOUND\r\n");
}

}  // namespace
}  // namespace notifyd
