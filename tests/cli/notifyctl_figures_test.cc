// notifyctl as a process: history, what falls due, and one of a paused lane.
#include "cli/ctl.h"

// Behind the headers of the project: its CHECK is the one that is meant here.
#include <catch2/catch.hpp>

using namespace notifyd;
using namespace notifyd::test;

namespace {

const char kHistory[] = R"({"from":"2030-01-01T00:00:00.000Z","to":"2030-01-01T00:04:00.000Z","step_ms":60000,"host":null,)"
                        R"("series":{"accepted":[1,null,3,4],"attempt_p99_ms":[10,null,null,2.5]}})";
const char kDue[] = R"({"from":"2030-01-01T00:00:00.000Z","step_ms":3600000,"counts":[0,5,0],"later":7,"since":null})";

}  // namespace

TEST_CASE("notifyctl history: a row for each span in which there is anything, the last ones where there are many") {
  ScriptedServer broker(Always(200, kHistory));
  CtlRun run = CtlAt(broker, {"history"});
  CHECK(run.code == 0);
  CHECK(run.output ==
        "FROM                      ACCEPTED  ATTEMPT P99 MS\n"
        "2030-01-01T00:00:00.000Z  1         10\n"
        "2030-01-01T00:02:00.000Z  3         -\n"
        "2030-01-01T00:03:00.000Z  4         2.5\n");
  CHECK_THAT(broker.seen().at(0).target, Catch::StartsWith("/v1/history?series=accepted") && Catch::Contains("pending"));
  run = CtlAt(broker, {"history", "--rows", "1", "--host", "h:80", "--step", "900000", "--from", "1", "--to", "2"});
  CHECK(run.output ==
        "FROM                      ACCEPTED  ATTEMPT P99 MS\n"
        "2030-01-01T00:03:00.000Z  4         2.5\n");
  CHECK_THAT(broker.seen().at(1).target,
             Catch::StartsWith("/v1/history?from=1&host=h") && Catch::Contains("&step=900000&to=2") && !Catch::Contains("pending"));
  CHECK(CtlAt(broker, {"--json", "history", "--series", "cpu"}).output == std::string(kHistory) + "\n");
  CHECK(broker.seen().at(2).target == "/v1/history?series=cpu");
}

TEST_CASE("notifyctl history and due: what the broker refuses is told") {
  ScriptedServer broker(Always(422, R"({"type":"about:blank","title":"t","status":422,"detail":"\"x\" is no series","field":"/series"})"));
  CtlRun run = CtlAt(broker, {"history", "--series", "x"});
  CHECK(run.code == 1);
  CHECK_THAT(run.error, Catch::Contains("is no series"));
  CHECK(CtlAt(broker, {"due"}).code == 1);
  CHECK(CtlAt(broker, {"due", "--step-ms", "1"}).code == 2);
}

TEST_CASE("notifyctl: members of a cluster that did not answer are named, and what they serve is not verified") {
  ScriptedServer broker([](const SeenRequest& request) {
    if (request.target.starts_with("/v1/stats"))
      return ScriptedAnswer{
          200, R"({"pending":1,"totals":{"accepted":1,"revived":0,"succeeded":0,"failed":0,"cancelled":0,"expired":0},"missing":["b","c"]})"};
    // An answer of a receiver may have a member of that name.
    return ScriptedAnswer{200, R"({"items":[],"next":null,"missing":["b"]})"};
  });
  const std::string told = "notifyctl: no answer from b, c: what is known there alone is not in this\n";
  CtlRun run = CtlAt(broker, {"verify", "--all-namespaces"});
  CHECK(run.code == 1);
  CHECK(run.error == told);
  run = CtlAt(broker, {"stats", "--all-namespaces"});
  CHECK(run.code == 0);
  CHECK(run.error == told);
  for (const std::vector<std::string>& words : {std::vector<std::string>{"list", "--all-namespaces"}, {"namespace", "list"}, {"cluster"}}) {
    run = CtlAt(broker, words);
    INFO(words.front() << run.output);
    CHECK(run.code == 0);
    CHECK(run.error == "notifyctl: no answer from b: what is known there alone is not in this\n");
  }
  CHECK(CtlAt(broker, {"list"}).error.empty());
}

TEST_CASE("notifyctl due: the spans in which something falls due, and what comes later") {
  ScriptedServer broker(Always(200, kDue));
  CtlRun run = CtlAt(broker, {"due"});
  CHECK(run.code == 0);
  CHECK(run.output ==
        "FROM                      NOTIFIES\n"
        "2030-01-01T01:00:00.000Z  5\n"
        "later                     7\n");
  CHECK(broker.seen().at(0).target == "/v1/due?step_ms=3600000");
  CHECK(CtlAt(broker, {"--json", "due", "--step-ms", "60000"}).output == std::string(kDue) + "\n");
  ScriptedServer old(
      Always(200, R"({"from":"2030-01-01T00:00:00.000Z","step_ms":3600000,"counts":[],"later":0,"since":"2029-12-31T00:00:00.000Z"})"));
  CHECK_THAT(CtlAt(old, {"due"}).output, Catch::Contains("counted since 2029-12-31T00:00:00.000Z"));
}

TEST_CASE("notifyctl retry --paused: of one, not of a filter; list --order goes along") {
  ScriptedServer broker(Always(202, R"({"id":"n1","state":"ready"})"));
  CHECK(CtlAt(broker, {"retry", "n1", "--paused"}).code == 0);
  CHECK(broker.seen().at(0).target == "/v1/notifies/n1/retry?paused=true");
  CHECK(CtlAt(broker, {"retry", "n1"}).code == 0);
  CHECK(broker.seen().at(1).target == "/v1/notifies/n1/retry");
  CHECK(CtlAt(broker, {"retry", "--state", "failed", "--paused"}).code == 2);
  ScriptedServer lists(Always(200, R"({"items":[],"next":null})"));
  CHECK(CtlAt(lists, {"list", "--order", "oldest"}).code == 0);
  CHECK_THAT(lists.seen().at(0).target, Catch::Contains("order=oldest"));
}
