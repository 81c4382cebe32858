// PUT /v1/schedules/{name} and what else there is about schedules: requests to asks, and what they are refused for.
#include "api_fixture.h"
#include "broker/schedule_events.h"

namespace notifyd {
namespace {

template <class What>
const What& ScheduleAskedOf(ApiFixture& f) {
  return std::get<What>(f.Posted<ScheduleRequest>().ask->what);
}

}  // namespace

TEST_CASE("schedules: one with all that it may say") {
  ApiFixture f;
  f.Ask(
      "PUT", "/v1/schedules/night.1",
      R"({"cron":"30 2 L * FRI#1","timezone":"Europe/Berlin","start_at":"2026-11-01T00:00:00Z","end_at":1900000000000,"missed":"all","overlap":"skip",
            "paused":true,"jitter_ms":5000,"notify":{"url":"http://h/a","caller":"shop","delay_ms":5,"ttl_ms":9,"fkey":"f","on_held":"replace","data":{"a":1.0}}})",
      {{"If-None-Match", "*"}});
  REQUIRE_FALSE(f.answered());
  const SchedulePut& put = ScheduleAskedOf<SchedulePut>(f);
  CHECK(put.name == "night.1");
  CHECK(put.condition.absent);
  CHECK(put.said->cron == "30 2 L * FRI#1");
  CHECK(put.said->timezone == "Europe/Berlin");
  CHECK(put.said->end_at == WallTime{1'900'000'000'000});
  CHECK(put.said->missed == Missed::kAll);
  CHECK(put.said->skip_overlap);
  CHECK(put.said->paused);
  CHECK(put.said->jitter_ms == 5000);
  CHECK(put.said->when.ms == 5);
  CHECK(put.said->ttl.ms == 9);
  CHECK(put.said->on_held == OnHeld::kReplace);
  CHECK(put.said->envelope->caller == "shop");
  CHECK(put.said->envelope->fkey == "f");
  CHECK(DecodeSpec(*put.said->spec)->payload == R"({"a":1.0})");
}

TEST_CASE("schedules: one that publishes") {
  ApiFixture f;
  f.Ask(
      "PUT", "/v1/schedules/s",
      R"({"every_ms":1000,"publish":{"topic":"a.b","key":"k","data":{"at":"{{scheduled_at}}"},"labels":{"l":"v"},"caller":"c","fkey":"f","on_held":"keep","delay_ms":7}})");
  REQUIRE_FALSE(f.answered());
  const Schedule& said = *ScheduleAskedOf<SchedulePut>(f).said;
  CHECK(said.topic == "a.b");
  CHECK(said.key == "k");
  CHECK(said.envelope->caller == "c");
  CHECK(said.envelope->fkey == "f");
  CHECK(said.envelope->labels->size() == 1);
  CHECK(said.when.ms == 7);
  CHECK(said.on_held == OnHeld::kKeep);
  CHECK(DecodeSpec(*said.spec)->payload == R"({"at":"{{scheduled_at}}"})");
  CHECK(DecodeSchedule(EncodeSchedule(said))->topic == "a.b");
}

TEST_CASE("schedules: what they are refused for") {
  auto [body, outcome] = GENERATE(table<std::string, std::string>({
      {R"({})", "422 /cron"},
      {R"({"cron":"* * * * *"})", "422 /notify"},
      {R"({"cron":"* * * * *","notify":null})", "422 /notify"},
      {R"({"cron":"* * * * *","notify":[{"url":"http://h/"}]})", "422 /notify"},
      {R"({"cron":"* * * * *","notify":{}})", "422 /notify/url"},
      {R"({"cron":"* * * * *","notify":{"url":"http://h/","nope":1}})", "422 /notify/nope"},
      {R"({"cron":"* * * * *","notify":{"url":"http://h/","due_at":"2026-11-01T00:00:00Z"}})", "422 /notify/due_at"},
      {R"({"cron":"* * * * *","notify":{"url":"http://h/","expires_at":"2096-11-01T00:00:00Z"}})", "422 /notify/expires_at"},
      {R"({"cron":"* * * * *","notify":{"url":"http://h/","idempotency_key":"k"}})", "422 /notify/idempotency_key"},
      {R"({"cron":"* * * * *","notify":{"url":"http://h/","headers":{"Authorization":"***"}}})", "422 /notify/headers/Authorization"},
      {R"({"cron":"* * * * *","publish":{}})", "422 /publish/topic"},
      {R"({"cron":"* * * * *","publish":[]})", "422 /publish"},
      {R"({"cron":"* * * * *","publish":{"topic":"a b"}})", "422 /publish/topic"},
      {R"({"cron":"* * * * *","publish":{"topic":"t","url":"http://h/"}})", "422 /publish/url"},
      {R"({"cron":"* * * * *","publish":{"topic":"t","data":1,"body":"x"}})", "422 /publish/body"},
      {R"({"cron":"* * * * *","publish":{"topic":"t","idempotency_key":"k"}})", "422 /publish/idempotency_key"},
      {R"({"cron":"* * * * *","publish":{"topic":"t","due_at":"2096-11-01T00:00:00Z"}})", "422 /publish/due_at"},
      {R"({"cron":"* * * * *","publish":{"topic":"t"},"notify":{"url":"http://h/"}})", "422 /notify"},
      {R"({"cron":"0 0 30 2 *","notify":{"url":"http://h/"}})", "422 /cron"},
      {R"({"cron":"","notify":{"url":"http://h/"}})", "422 /cron"},
      {R"({"cron":5,"notify":{"url":"http://h/"}})", "422 /cron"},
      {R"({"every_ms":999,"notify":{"url":"http://h/"}})", "422 /every_ms"},
      {R"({"every_ms":"x","notify":{"url":"http://h/"}})", "422 /every_ms"},
      {R"({"every_ms":1000,"cron":"* * * * *","notify":{"url":"http://h/"}})", "422 /every_ms"},
      {R"({"every_ms":1000,"timezone":"","notify":{"url":"http://h/"}})", "422 /timezone"},
      {R"({"every_ms":1000,"start_at":1893456000,"notify":{"url":"http://h/"}})", "422 /start_at"},
      {R"({"every_ms":1000,"start_at":1900000000000,"end_at":1800000000000,"notify":{"url":"http://h/"}})", "422 /end_at"},
      {R"({"every_ms":1000,"missed":"some","notify":{"url":"http://h/"}})", "422 /missed"},
      {R"({"every_ms":1000,"overlap":true,"notify":{"url":"http://h/"}})", "422 /overlap"},
      {R"({"every_ms":1000,"paused":"no","notify":{"url":"http://h/"}})", "422 /paused"},
      {R"({"every_ms":1000,"jitter_ms":86400001,"notify":{"url":"http://h/"}})", "422 /jitter_ms"},
      {R"({"every_ms":1000,"nope":1,"notify":{"url":"http://h/"}})", "422 /nope"},
      {R"([])", "422"},
      {R"({"every_ms":1000)", "400"},
      {"", "400"},
  }));
  CAPTURE(body);
  ApiFixture f;
  f.Ask("PUT", "/v1/schedules/s", body);
  CHECK(f.Outcome() == outcome);
}

TEST_CASE("schedules: the partition of what order_by, or a rule for lanes, orders is left to each run; that there is a value is not") {
  ApiFixture f;
  f.Ask("PUT", "/v1/schedules/s",
        R"({"every_ms":1000,"notify":{"url":"http://h/","lane":"L","order_by":"/a","partitions":64,"data":{"a":"{{scheduled_at}}"}}})");
  CHECK(ScheduleAskedOf<SchedulePut>(f).said->envelope->lane == LaneKey{Mode::kFifo, "L"});
  f.Ask("PUT", "/v1/schedules/s", R"({"every_ms":1000,"notify":{"url":"http://h/","lane":"L","order_by":"/a","data":{"b":1}}})");
  CHECK(f.Outcome() == "422 /notify/order_by");
  f.Ask("PUT", "/v1/schedules/s", R"({"every_ms":1000,"notify":{"url":"http://h/","lane":"L","order_by":"/a","order_by_missing":"spread"}})");
  CHECK(ScheduleAskedOf<SchedulePut>(f).said->envelope->lane.name == "L");
}

TEST_CASE("schedules: looked at, listed, paused, run and removed") {
  ApiFixture f;
  f.Ask("GET", "/v1/schedules/s");
  CHECK(ScheduleAskedOf<ScheduleGet>(f).name == "s");
  f.Ask("GET", "/v1/schedules?limit=7&cursor=a&prefix=b");
  CHECK(ScheduleAskedOf<ScheduleList>(f).query.limit == 7);
  CHECK(ScheduleAskedOf<ScheduleList>(f).query.after == "a");
  CHECK(ScheduleAskedOf<ScheduleList>(f).query.prefix == "b");
  f.Ask("PATCH", "/v1/schedules/s", R"({"paused":false})", {{"If-Match", "*"}});
  CHECK_FALSE(ScheduleAskedOf<SchedulePause>(f).paused);
  CHECK(ScheduleAskedOf<SchedulePause>(f).condition.present);
  f.Ask("POST", "/v1/schedules/s/run");
  CHECK(ScheduleAskedOf<ScheduleRunNow>(f).name == "s");
  CHECK(ScheduleAskedOf<ScheduleRunNow>(f).idempotency_key.empty());
  f.Ask("POST", "/v1/schedules/s/run", "", {{"Idempotency-Key", "k"}});
  CHECK(ScheduleAskedOf<ScheduleRunNow>(f).idempotency_key == "k");
  SubmittedItem item;
  item.id = NotifyId{8};
  item.duplicate = true;
  f.Reply(ScheduleAnswered{std::make_shared<const ScheduleAnswer>(ScheduleAnswer{ScheduleRan{item, WallTime{0}}})});
  CHECK(f.Answer().status == 200);
  CHECK(f.Answer().body.find("\"duplicate\":true") != std::string::npos);
  f.Ask("DELETE", "/v1/schedules/s");
  CHECK(ScheduleAskedOf<ScheduleDelete>(f).name == "s");
  f.Reply(ScheduleAnswered{std::make_shared<const ScheduleAnswer>(ScheduleAnswer{ScheduleRemoved{}})});
  CHECK(f.Answer().status == 204);
  f.Ask("GET", "/v1/schedules/a%20b");
  CHECK(f.Outcome() == "422 /name");
  f.Ask("PATCH", "/v1/schedules/s", R"({"cron":"* * * * *"})");
  CHECK(f.Outcome() == "422 /cron");
  f.Ask("PATCH", "/v1/schedules/s", R"({})");
  CHECK(f.Outcome() == "422 /paused");
  f.Ask("POST", "/v1/schedules/s/run", "", {{"Idempotency-Key", ""}});
  CHECK(f.Outcome() == "422");
  f.Ask("GET", "/v1/schedules?nope=1");
  CHECK(f.Outcome() == "422 /nope");
}

}  // namespace notifyd
