// Changes: what a merge patch makes of a notify, what it refuses, and that whatever it does not name stays to the byte.
#include <algorithm>

#include "base/json.h"
#include "base/random.h"
#include "net/api/change.h"
#include <catch2/catch.hpp>

namespace notifyd {
namespace {

constexpr WallTime kNow{1'700'000'000'000};
const std::string kParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

struct Fixture {
  SubmitParser parser{1000, 5};
  SecretNames secrets{{"X-Pin"}};
  ChangeParser changes{&parser, &secrets};

  /// What a submit of this document becomes.
  std::shared_ptr<const NotifyRecord> Record(std::string document, const TraceContext& trace = {}) {
    Result<ParsedSubmit> parsed = parser.Parse(document, nullptr, trace);
    INFO(document);
    REQUIRE(parsed.ok());
    const SubmitItem& item = parsed->items[0];
    auto record = std::make_shared<NotifyRecord>();
    record->id = NotifyId{7};
    record->created_at = kNow;
    record->envelope = item.envelope;
    record->spec = item.spec;
    record->state.due = item.when.kind == When::Kind::kAt ? WallTime{item.when.ms} : WallTime{kNow.ms + item.when.ms};
    if (item.ttl.kind == When::Kind::kDelay) record->state.expires_at = {kNow.ms + item.ttl.ms};
    if (item.ttl.kind == When::Kind::kAt) record->state.expires_at = {item.ttl.ms};
    return record;
  }
  std::shared_ptr<const NotifyRecord> With(const std::string& fields) { return Record(R"({"url":"http://h/",)" + fields + "}"); }

  Result<ChangeRequest> Parse(std::shared_ptr<const NotifyRecord> base, std::string patch) { return changes.Parse(patch, std::move(base), kNow); }
  ChangeRequest Change(std::shared_ptr<const NotifyRecord> base, const std::string& patch) {
    INFO(patch);
    Result<ChangeRequest> change = Parse(std::move(base), patch);
    if (!change.ok()) FAIL(change.status().detail() << " " << change.status().field());
    return *std::move(change);
  }
  NotifySpec Spec(std::shared_ptr<const NotifyRecord> base, const std::string& patch) { return *DecodeSpec(*Change(std::move(base), patch).spec); }
  /// "ok", or "422 /field" and the like.
  std::string Outcome(std::shared_ptr<const NotifyRecord> base, const std::string& patch) {
    Result<ChangeRequest> change = Parse(std::move(base), patch);
    if (change.ok()) return "ok";
    std::string code = change.status().code() == Code::kMalformed ? "400" : change.status().code() == Code::kTooLarge ? "413" : "422";
    return change.status().field().empty() ? code : code + " " + change.status().field();
  }
};

bool Is(const std::optional<When>& when, When::Kind kind, int64_t ms) {
  return when && when->kind == kind && when->ms == ms;
}

// ---- what stays

TEST_CASE("change: an empty patch leaves head and spec to the byte") {
  auto fields = GENERATE(values<std::string>({
      R"("method":"POST")",
      R"("method":"GET","data":{"a":[1,2]})",
      R"("method":"DELETE","body":"x")",
      R"("headers":{"X-A":"\u00e9 b","Authorization":"Bearer x"},"data":{"n":1.10,"big":123456789012345678901234567890, "s" : "\u0041"})",
      R"("data":[null, {"a":null}])",
      R"("data":"x")",
      R"("data":0)",
      R"("data":{"a":1},"content_type":"application/x-www-form-urlencoded; x=y")",
      R"("body":"")",
      R"("body":"a\u0000\n\"\\\u00e9","content_type":"text/plain")",
      R"("body_base64":"AP8=")",
      R"("body_base64":"")",
      R"("content_type":"application/json")",
      R"("content_type":"image/png")",
      R"("headers":{"Content-Type":"text/x"},"body":"x")",
      R"("lane":"a \u0001 lane","mode":"fifo")",
      R"("mode":"fifo","order_by":"/id","data":{"id":7},"lane":")" + std::string(255, 'l') + '"',  // and the number of the partition behind it
      R"("group":"g")",
      R"("group":"g","mode":"fifo")",
      R"("group":"g","lane":"l")",
      R"("lane":"l","priority":9)",
      R"("priority":0)",
      R"("reply":"none")",
      R"("expect":{"status":[200,"3xx"],"contains":"O\"K","json":{"/a~1":1.0,"":{"b":[null]}}})",
      R"("expect":{"contains":"x"})",
      R"("retry":{"max_attempts":3,"initial_ms":0,"factor":1.1,"max_ms":7,"jitter":1e-9})",
      R"("retry":{"schedule_ms":[0,5,31536000000],"jitter":0,"fatal_on":{"contains":"no"}})",
      R"("retry":{"schedule_ms":[1000]})",
      R"("retry":{"fatal_on":{"status":["4xx",501]},"later_on":{"status":[202],"json":{"/x":null}}},"ttl_ms":5)",
      R"("retry":{"later_on":{"status":[202]}},"expires_at":1700000000001)",
      R"("timeout_ms":1,"connect_timeout_ms":3600000)",
      R"("fkey":"f")",
      R"("fkey":"f","on_held":"replace","delay_ms":5)",
      R"("delay_ms":0)",
      R"("due_at":1800000000000,"ttl_ms":315619200000)",
      R"("idempotency_key":"k","caller":"someone")",
      R"("callback_url":"https://user.example:8443/a?b#c")",
  }));
  CAPTURE(fields);
  Fixture f;
  auto base = f.With(fields);
  ChangeRequest change = f.Change(base, "{}");
  CHECK(change.id == base->id);
  CHECK(change.base == base);
  CHECK(*change.spec == *base->spec);
  CHECK(change.envelope == base->envelope);
  CHECK_FALSE(change.when);
  CHECK_FALSE(change.ttl);
}

TEST_CASE("change: an empty patch leaves the trace as it is") {
  auto headers = GENERATE(values<std::string>({R"({})", R"({"tracestate":"own=1"})", R"({"traceparent":"mine"})",
                                               R"({"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00","tracestate":"?"})"}));
  CAPTURE(headers);
  Fixture f;
  auto base = f.Record(R"({"url":"http://h/","headers":)" + headers + "}", {kParent, "a=1"});
  ChangeRequest change = f.Change(base, "{}");
  CHECK(*change.spec == *base->spec);
  CHECK(change.envelope == base->envelope);
}

/// A submit document with random fields, good ones all.
std::string RandomDocument(Random* random) {
  std::string text;
  JsonWriter json(&text);
  auto chance = [&] { return random->Chance(0.4); };
  auto pick = [&](std::initializer_list<const char*> of) { return *(of.begin() + random->Below(of.size())); };
  auto raw = [&](const char* key, std::string_view value) {
    json.Key(key);
    json.Raw(value);
  };
  auto number = [&](const char* key, uint64_t most) { raw(key, std::to_string(random->Below(most) + 1)); };
  auto word = [&](size_t most) {
    static constexpr const char* kParts[] = {"a", "Z", " ", "\"", "\\", "\xc3\xa9", "\n", "/", "~", "0", "\xf0\x9f\x98\x80", "\x01"};
    std::string made = "w";
    while (made.size() + 4 < most && random->Chance(0.8)) made += kParts[random->Below(std::size(kParts))];
    return made;
  };
  auto pattern = [&](const char* key) {
    raw(key, pick({R"({"status":[200,"4xx"]})", R"({"contains":" Ok\u00e9"})", R"({"status":["2xx"],"json":{"/a/0":1.50,"/b":null,"":{"c":[1]}}})"}));
  };
  json.BeginObject();
  raw("url", pick({R"("http://h/")", R"("HTTPS://Host.example:443/a?b=c#d")", R"("http://[::1]:8080")", R"("http://127.1/x")"}));
  bool in_query = chance();
  if (in_query || chance()) raw("method", in_query ? pick({"\"GET\"", "\"HEAD\"", "\"DELETE\""}) : pick({"\"POST\"", "\"PUT\"", "\"PATCH\""}));
  if (chance()) raw("headers", pick({"{}", R"({"A":"1","b":" x\ty "})", R"({"Cookie":"s=1","tracestate":"x=1"})"}));
  bool raw_body = chance();
  if (raw_body) {
    json.Key("body");
    json.String(word(200));
    if (chance()) raw("content_type", "\"text/plain; charset=utf-8\"");
  } else if (chance()) {
    raw("body_base64", pick({"\"\"", "\"AP8=\"", "\"AAAA\""}));
  } else {
    if (chance()) raw("data", pick({R"({"a":1.0,"b":{"c":[null,true]}})", R"({ "x" : "\u0041" })", "{}"}));
    if (chance()) raw("content_type", pick({"\"application/json\"", "\"application/x-www-form-urlencoded\""}));
  }
  switch (random->Below(4)) {
    case 0:
      json.Key("lane");
      json.String(word(255));
      break;
    case 1:
      json.Key("group");
      json.String(word(255));
  }
  bool fifo = chance();
  if (fifo || chance()) raw("mode", fifo ? "\"fifo\"" : "\"concurrent\"");
  if (!fifo && chance()) number("priority", 9);
  if (chance()) raw("reply", pick({"\"none\"", "\"expected\""}));
  if (chance()) pattern("expect");
  bool ttl = chance();
  if (chance()) {
    json.Key("retry");
    json.BeginObject();
    if (chance()) number("max_attempts", 100);
    if (chance()) number("max_ms", 1'000'000);
    if (chance()) raw("jitter", pick({"0", "0.25", "1", "0.3333333333333333"}));
    if (chance()) {
      raw("schedule_ms", pick({"[0]", "[1,2,3]"}));
    } else {
      if (chance()) number("initial_ms", 10'000);
      if (chance()) raw("factor", pick({"1", "2.0", "1.7", "1e2"}));
    }
    if (chance()) pattern("fatal_on");
    if (chance()) pattern("only_on");
    if (ttl && chance()) pattern("later_on");
    json.EndObject();
  }
  if (chance()) number("timeout_ms", 3'600'000);
  if (chance()) number("connect_timeout_ms", 3'600'000);
  if (chance()) {
    json.Key("fkey");
    json.String(word(255));
    if (chance()) raw("on_held", pick({"\"reject\"", "\"keep\""}));
  }
  if (chance()) number("delay_ms", 1'000'000'000);
  else if (chance()) raw("due_at", pick({"\"2030-01-02T03:04:05.678+01:00\"", "1900000000000"}));
  if (ttl) random->Chance(0.5) ? number("ttl_ms", 1'000'000'000) : raw("expires_at", "1900000000001");
  if (chance()) raw("idempotency_key", "\"k\"");
  if (chance()) {
    std::string caller = word(100);
    std::replace_if(
        caller.begin(), caller.end(), [](unsigned char c) { return c < 0x20; }, '-');  // which a caller has none of
    json.Key("caller");
    json.String(caller);
  }
  if (chance()) raw("callback_url", "\"http://Back/y?z\"");
  json.EndObject();
  return text;
}

TEST_CASE("change: an empty patch leaves random notifies to the byte") {
  Fixture f;
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    Random random(seed);
    std::string document = RandomDocument(&random);
    CAPTURE(seed, document);
    auto base = f.Record(document, random.Chance(0.5) ? TraceContext{kParent, random.Chance(0.5) ? "a=1" : ""} : TraceContext{});
    ChangeRequest change = f.Change(base, "{}");
    REQUIRE(*change.spec == *base->spec);
    REQUIRE(change.envelope == base->envelope);
  }
}

TEST_CASE("change: random notifies keep all that a patch does not name") {
  Fixture f;
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    Random random(seed);
    std::string document = RandomDocument(&random);
    CAPTURE(seed, document);
    auto base = f.Record(document, {kParent, ""});
    NotifySpec expected = *DecodeSpec(*base->spec);
    expected.headers.emplace_back("X-New", "1");
    expected.ttl_ms = 5;
    expected.delay_ms.reset();
    ChangeRequest change = f.Change(base, R"({"headers":{"X-New":"1"},"ttl_ms":5,"due_at":1800000000000})");
    REQUIRE(*change.spec == EncodeSpec(expected));
    REQUIRE(change.envelope == base->envelope);
  }
}

TEST_CASE("change: whatever a random patch makes of a notify is a notify that an empty patch leaves as it is") {
  static constexpr const char* kChangeFields[] = {"due_at", "delay_ms", "data",   "body",       "body_base64", "headers", "priority",
                                                  "retry",  "expect",   "ttl_ms", "expires_at", "url",         "nope"};
  static constexpr const char* kValues[] = {"null",
                                            "5",
                                            "0",
                                            "-1",
                                            "1.5",
                                            "\"x\"",
                                            "\"\"",
                                            "\"AP8=\"",
                                            "{}",
                                            "[]",
                                            "[1,{\"a\":null}]",
                                            "1900000000000",
                                            R"({"a":{"b":null,"c":1.0}})",
                                            R"({"A":"1","Cookie":"***","X":null})",
                                            R"({"tracestate":"y=2"})",
                                            R"({"status":[200],"json":null,"contains":"z"})",
                                            R"({"max_attempts":7,"schedule_ms":[1]})",
                                            R"({"factor":3,"fatal_on":{"status":["5xx"]}})",
                                            R"({"later_on":{"contains":"a"},"jitter":null})",
                                            "\"\xff\"",
                                            "{"};
  Fixture f;
  size_t accepted = 0;
  for (uint64_t seed = 1; seed <= 5000; ++seed) {
    Random random(seed);
    std::string document = RandomDocument(&random), patch;
    for (uint64_t i = random.Below(4); i > 0; --i) {
      patch += patch.empty() ? "" : ",";
      patch += "\"" + std::string(kChangeFields[random.Below(std::size(kChangeFields))]) + "\":" + kValues[random.Below(std::size(kValues))];
    }
    patch = "{" + patch + "}";
    CAPTURE(seed, document, patch);
    Result<ChangeRequest> change = f.Parse(f.Record(document), patch);
    if (!change.ok()) {
      REQUIRE_FALSE(change.status().detail().empty());
      continue;
    }
    ++accepted;
    auto changed = std::make_shared<NotifyRecord>(*change->base);
    changed->envelope = change->envelope;
    changed->spec = change->spec;
    if (change->ttl) changed->state.expires_at = change->ttl->kind == When::Kind::kDefault ? kWallNever : WallTime{kNow.ms + 5};
    ChangeRequest again = f.Change(changed, "{}");
    REQUIRE(*again.spec == *changed->spec);
    REQUIRE(again.envelope == changed->envelope);
  }
  CHECK(accepted > 1000);
}

TEST_CASE("change: a body that the settings would not take any more stays, but no new one of that size") {
  SubmitParser generous(5000, 5);
  Fixture f;
  std::string document = R"({"url":"http://h/","body":")" + std::string(3000, 'x') + "\"}";
  auto record = std::make_shared<NotifyRecord>();
  SubmitItem item = generous.Parse(document, nullptr)->items[0];
  record->envelope = item.envelope;
  record->spec = item.spec;
  CHECK(f.Outcome(record, R"({"priority":5})") == "ok");
  CHECK(f.Outcome(record, R"({"body":")" + std::string(1001, 'x') + "\"}") == "413 /body");
}

// ---- what changes

TEST_CASE("change: a due time replaces the one before, in whichever form") {
  Fixture f;
  auto base = f.With(R"("delay_ms":5000)");
  ChangeRequest at = f.Change(base, R"({"due_at":"2023-11-15T00:00:00Z"})");
  CHECK(Is(at.when, When::Kind::kAt, 1'700'006'400'000));
  CHECK_FALSE(DecodeSpec(*at.spec)->delay_ms);
  CHECK_FALSE(at.ttl);
  ChangeRequest delay = f.Change(f.With(R"("due_at":1800000000000)"), R"({"delay_ms":70,"due_at":null})");
  CHECK(Is(delay.when, When::Kind::kDelay, 70));
  CHECK(DecodeSpec(*delay.spec)->delay_ms == 70);
}

TEST_CASE("change: a due time of null is as if none had been given") {
  auto patch = GENERATE(values<std::string>({R"({"due_at":null})", R"({"delay_ms":null})", R"({"due_at":null,"delay_ms":null})"}));
  CAPTURE(patch);
  Fixture f;
  ChangeRequest change = f.Change(f.With(R"("delay_ms":5000)"), patch);
  CHECK(Is(change.when, When::Kind::kDefault, 0));
  CHECK_FALSE(DecodeSpec(*change.spec)->delay_ms);
}

TEST_CASE("change: a ttl replaces the one before, in whichever form; null removes it") {
  Fixture f;
  auto base = f.With(R"("ttl_ms":5000)");
  ChangeRequest longer = f.Change(base, R"({"ttl_ms":9000})");
  CHECK(Is(longer.ttl, When::Kind::kDelay, 9000));
  CHECK(DecodeSpec(*longer.spec)->ttl_ms == 9000);
  CHECK_FALSE(longer.when);
  ChangeRequest at = f.Change(base, R"({"expires_at":1700000000001})");
  CHECK(Is(at.ttl, When::Kind::kAt, kNow.ms + 1));
  CHECK_FALSE(DecodeSpec(*at.spec)->ttl_ms);
  for (const char* patch : {R"({"ttl_ms":null})", R"({"expires_at":null})"}) {
    ChangeRequest none = f.Change(base, patch);
    CHECK(Is(none.ttl, When::Kind::kDefault, 0));
    CHECK_FALSE(DecodeSpec(*none.spec)->ttl_ms);
  }
}

TEST_CASE("change: data is merged, numbers digit for digit") {
  Fixture f;
  auto base = f.With(R"("data":{"keep":1.10,"drop":1,"in":{"a":1,"b":2},"list":[1,2]})");
  CHECK(f.Spec(base, R"({"data":{"drop":null,"in":{"a":12345678901234567890.50},"list":[3],"new":1e2}})").payload ==
        R"({"keep":1.10,"in":{"a":12345678901234567890.50,"b":2},"list":[3],"new":1e2})");
  CHECK(f.Spec(base, R"({"data":[1, null]})").payload == "[1, null]");
}

TEST_CASE("change: one kind of body replaces the others") {
  Fixture f;
  auto data = f.With(R"("data":{"a":1})"), body = f.With(R"("body":"x")"), base64 = f.With(R"("body_base64":"AP8=")");
  NotifySpec spec = f.Spec(data, R"({"body":"y"})");
  CHECK(spec.payload_kind == PayloadKind::kBody);
  CHECK(spec.payload == "y");
  spec = f.Spec(body, R"({"data":{"b":2,"c":null}})");
  CHECK(spec.payload_kind == PayloadKind::kData);
  CHECK(spec.payload == R"({"b":2})");
  spec = f.Spec(base64, R"({"body_base64":"AAA="})");
  CHECK(spec.payload_kind == PayloadKind::kBodyBase64);
  CHECK(spec.payload == std::string("\0\0", 2));
  spec = f.Spec(data, R"({"body_base64":"AAA=","data":null})");
  CHECK(spec.payload_kind == PayloadKind::kBodyBase64);
  spec = f.Spec(data, R"({"data":{"b":2},"body":null})");
  CHECK(spec.payload == R"({"a":1,"b":2})");
  for (const auto& base : {data, body, base64})
    for (const char* patch : {R"({"data":null})", R"({"body":null})", R"({"body_base64":null})"})
      CHECK(f.Spec(base, patch).payload_kind == PayloadKind::kNone);
}

TEST_CASE("change: headers are added, replaced and removed one by one") {
  Fixture f;
  auto base = f.With(R"("headers":{"A":"1","B":"2","Authorization":"secret"})");
  using Headers = std::vector<std::pair<std::string, std::string>>;
  CHECK(f.Spec(base, R"({"headers":{"B":null,"C":"3","A":"9"}})").headers == Headers{{"A", "9"}, {"Authorization", "secret"}, {"C", "3"}});
  CHECK(f.Spec(base, R"({"headers":null})").headers.empty());
}

TEST_CASE("change: the chain of brokers that a notify came through stays") {
  Fixture f;
  auto base = f.Record(R"({"url":"http://h/"})", TraceContext{"", "", "a, b"});
  CHECK(f.Spec(base, R"({"headers":{"A":"1"}})").via == "a, b");
  CHECK(f.Change(base, "{}").spec == base->spec);
}

TEST_CASE("change: a secret header of *** stays as it is") {
  Fixture f;
  auto base = f.With(R"("headers":{"Authorization":"secret","x-pin":"key","A":"1"})");
  using Headers = std::vector<std::pair<std::string, std::string>>;
  Headers old = {{"Authorization", "secret"}, {"x-pin", "key"}, {"A", "1"}};
  CHECK(f.Spec(base, R"({"headers":{"Authorization":"***","X-PIN":"***","A":"1"}})").headers == old);
  CHECK(f.Spec(base, R"({"headers":{"Authorization":"new","X-Pin":" *** "}})").headers ==
        Headers{{"Authorization", "new"}, {"x-pin", "key"}, {"A", "1"}});
  // One that is shown is never shown so.
  CHECK(f.Outcome(base, R"({"headers":{"A":"***"}})") == "422 /headers/A");
  CHECK(f.Outcome(base, R"({"headers":{"B":" ***"}})") == "422 /headers/B");
  // Another change leaves what was taken once.
  auto taken = std::make_shared<NotifyRecord>(*f.With(R"("headers":{"A":"1"})"));
  NotifySpec spec = *DecodeSpec(*taken->spec);
  spec.headers.at(0).second = "***";
  taken->spec = std::make_shared<const std::string>(EncodeSpec(spec));
  CHECK(f.Spec(taken, R"({"headers":{"B":"2"}})").headers == Headers{{"A", "***"}, {"B", "2"}});
  CHECK(f.Spec(base, R"({"headers":{"Authorization":null}})").headers == Headers{{"x-pin", "key"}, {"A", "1"}});
  CHECK(f.Outcome(base, R"({"headers":{"Cookie":"***"}})") == "422 /headers/Cookie");
}

TEST_CASE("change: priority, expect and retry") {
  Fixture f;
  auto base = f.With(R"("priority":7,"expect":{"status":[200],"contains":"x"},"retry":{"max_attempts":3,"fatal_on":{"status":[400]}})");
  CHECK(f.Change(base, R"({"priority":9})").envelope->priority == 9);
  CHECK(f.Change(base, R"({"priority":null})").envelope->priority == 4);
  CHECK(f.Spec(base, R"({"expect":{"contains":null}})").expect == AnswerPattern{{200}, std::nullopt, {}});
  CHECK(f.Spec(base, R"({"expect":{"status":null}})").expect == AnswerPattern{{2}, "x", {}});
  CHECK(f.Spec(base, R"({"expect":null})").expect == NotifySpec().expect);
  ChangeRequest change = f.Change(base, R"({"retry":{"jitter":0}})");
  CHECK(change.envelope->retry->max_attempts == 3);
  CHECK(change.envelope->retry->jitter == 0);
  CHECK(change.envelope->retry->fatal_on);
  CHECK(change.spec == base->spec);
  CHECK(f.Change(base, R"({"retry":null})").envelope->retry == nullptr);
  CHECK(f.Change(base, R"({"retry":{"max_attempts":null,"fatal_on":null}})").envelope->retry == nullptr);
}

TEST_CASE("change: a schedule of waits replaces the steps, and the other way round") {
  Fixture f;
  auto steps = f.With(R"("retry":{"initial_ms":5,"factor":3,"max_ms":7})"), schedule = f.With(R"("retry":{"schedule_ms":[1,2],"max_ms":7})");
  RetryPolicy policy = *f.Change(steps, R"({"retry":{"schedule_ms":[4]}})").envelope->retry;
  CHECK(policy.schedule_ms == std::vector<int64_t>{4});
  CHECK(policy.initial_ms == RetryPolicy().initial_ms);
  CHECK(policy.max_ms == 7);
  policy = *f.Change(schedule, R"({"retry":{"factor":1.5}})").envelope->retry;
  CHECK(policy.schedule_ms.empty());
  CHECK(policy.factor == 1.5);
  CHECK(policy.max_ms == 7);
  CHECK(f.Change(schedule, R"({"retry":{"factor":null,"jitter":0}})").envelope->retry->schedule_ms.size() == 2);
  CHECK(f.Outcome(steps, R"({"retry":{"schedule_ms":[4],"factor":2}})") == "422 /retry/factor");
}

TEST_CASE("change: a new traceparent among the headers is the notify's") {
  Fixture f;
  auto base = f.Record(R"({"url":"http://h/"})", {kParent, "a=1"});
  std::string other = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  ChangeRequest change = f.Change(base, R"({"headers":{"traceparent":")" + other + R"("}})");
  CHECK(change.envelope->trace_parent == other);
  CHECK(DecodeSpec(*change.spec)->trace_state.empty());
  CHECK(DecodeSpec(*change.spec)->headers.empty());
}

TEST_CASE("change: one that waits for its turn in a group is changed though its time to live has not begun, and later_on needs one") {
  Fixture f;
  auto waits = std::make_shared<NotifyRecord>(*f.With(R"("ttl_ms":60000,"retry":{"later_on":{"status":[202]}},"data":{"a":1})"));
  waits->state.expires_at = kWallNever;
  const ChangeRequest change = f.Change(waits, R"({"headers":{"A":"1"}})");
  CHECK_FALSE(change.ttl);
  const NotifySpec spec = *DecodeSpec(*change.spec);
  CHECK(spec.headers.size() == 1);
  CHECK(spec.ttl_ms == 60'000);
  CHECK(f.Change(waits, "{}").spec == waits->spec);
  CHECK(f.Outcome(waits, R"({"ttl_ms":null})") == "422 /retry/later_on");
}

TEST_CASE("change: lane, host, fkey, caller and callback are the base's") {
  Fixture f;
  auto base = f.Record(R"({"url":"http://h/a","group":"g","mode":"fifo","fkey":"f","on_held":"keep","idempotency_key":"k","caller":"c",
      "callback_url":"http://back/"})");
  ChangeRequest change = f.Change(base, R"({"retry":{"max_attempts":2},"delay_ms":9})");
  CHECK(change.envelope->lane == base->envelope->lane);
  CHECK(change.envelope->host == "h:80");
  CHECK(change.envelope->fkey == "f");
  CHECK(change.envelope->caller == "c");
  CHECK(change.envelope->callback == base->envelope->callback);
  NotifySpec expected = *DecodeSpec(*base->spec);
  expected.delay_ms = 9;
  CHECK(*DecodeSpec(*change.spec) == expected);
}

// ---- what is refused

struct ChangeRow {
  const char *patch, *outcome;
};

TEST_CASE("change: what a patch may not say") {
  auto row = GENERATE(values<ChangeRow>({
      {"", "400"},
      {"{", "400"},
      {"{} x", "400"},
      {R"({"data":"\ud800"})", "400"},
      {"[]", "422"},
      {"null", "422"},
      {"7", "422"},
      {R"({"url":"http://x/"})", "422 /url"},
      {R"({"url":null})", "422 /url"},
      {R"({"method":"GET"})", "422 /method"},
      {R"({"content_type":"text/plain"})", "422 /content_type"},
      {R"({"lane":"x"})", "422 /lane"},
      {R"({"mode":"fifo"})", "422 /mode"},
      {R"({"group":"x"})", "422 /group"},
      {R"({"fkey":"x"})", "422 /fkey"},
      {R"({"on_held":"keep"})", "422 /on_held"},
      {R"({"reply":"none"})", "422 /reply"},
      {R"({"timeout_ms":5})", "422 /timeout_ms"},
      {R"({"connect_timeout_ms":5})", "422 /connect_timeout_ms"},
      {R"({"idempotency_key":"x"})", "422 /idempotency_key"},
      {R"({"caller":"x"})", "422 /caller"},
      {R"({"callback_url":null})", "422 /callback_url"},
      {R"({"id":"x"})", "422 /id"},
      {R"({"state":"held"})", "422 /state"},
      {R"({"a/b":1})", "422 /a~1b"},
      {R"({"priority":1,"priority":2})", "422 /priority"},
      {R"({"data":{"a":1,"a":2}})", "422 /data/a"},
      {R"({"data":1,"body":"x"})", "422 /body"},
      {R"({"body":"x","body_base64":"","data":null})", "422 /body_base64"},
      {R"({"due_at":5,"delay_ms":5})", "422 /delay_ms"},
      {R"({"ttl_ms":5,"expires_at":5})", "422 /expires_at"},
      {R"({"due_at":"tomorrow"})", "422 /due_at"},
      {R"({"due_at":2015619200000})", "ok"},
      {R"({"due_at":2015619200001})", "422 /due_at"},
      {R"({"due_at":5})", "ok"},
      {R"({"due_at":1893456000})", "422 /due_at"},
      {R"({"due_at":"1970-01-01T00:00:00.005Z"})", "ok"},
      {R"({"delay_ms":-1})", "422 /delay_ms"},
      {R"({"delay_ms":315619200001})", "422 /delay_ms"},
      {R"({"ttl_ms":0})", "422 /ttl_ms"},
      {R"({"expires_at":1700000000000})", "422 /expires_at"},
      {R"({"expires_at":1700000000001})", "ok"},
      {R"({"priority":10})", "422 /priority"},
      {R"({"priority":{}})", "422 /priority"},
      {R"({"headers":"x"})", "422 /headers"},
      {R"({"headers":{"a b":"x"}})", "422 /headers/a b"},
      {R"({"headers":{"Host":"x"}})", "422 /headers/Host"},
      {R"({"headers":{"x-a":"x"}})", "422 /headers/x-a"},
      {R"({"headers":{"Content-Type":"x"}})", "422 /headers/Content-Type"},
      {R"({"retry":{"max_attempts":0}})", "422 /retry/max_attempts"},
      {R"({"retry":{"nope":1}})", "422 /retry/nope"},
      {R"({"retry":5})", "422 /retry"},
      {R"({"expect":{"json":{"x":1}}})", "422 /expect/json/x"},
      {R"({"data":5})", "422 /content_type"},
      {R"({"body_base64":"?"})", "422 /body_base64"},
      {R"({"ttl_ms":null})", "422 /retry/later_on"},
      {R"({"ttl_ms":null,"retry":{"later_on":null}})", "ok"},
  }));
  CAPTURE(row.patch);
  Fixture f;
  auto base = f.With(R"("headers":{"X-A":"1"},"body":"x","content_type":"text/plain","ttl_ms":5,"retry":{"later_on":{"status":[202]}})");
  CHECK(f.Outcome(base, row.patch) == row.outcome);
}

TEST_CASE("change: a fifo lane has no priorities") {
  Fixture f;
  CHECK(f.Outcome(f.With(R"("mode":"fifo")"), R"({"priority":5})") == "422 /priority");
  CHECK(f.Outcome(f.With(R"("mode":"fifo")"), R"({"priority":null})") == "ok");
}

TEST_CASE("change: later_on needs a ttl, the base's or the patch's") {
  Fixture f;
  CHECK(f.Outcome(f.With(R"("priority":1)"), R"({"retry":{"later_on":{"status":[202]}}})") == "422 /retry/later_on");
  CHECK(f.Outcome(f.With(R"("expires_at":1700000000009)"), R"({"retry":{"later_on":{"status":[202]}}})") == "ok");
  CHECK(f.Outcome(f.With(R"("priority":1)"), R"({"retry":{"later_on":{"status":[202]}},"ttl_ms":5})") == "ok");
}

TEST_CASE("change: data must fit what the notify does with it") {
  Fixture f;
  CHECK(f.Outcome(f.With(R"("method":"GET")"), R"({"data":[1]})") == "422 /data");
  CHECK(f.Outcome(f.With(R"("data":{"a":")" + std::string(900, 'x') + "\"}"), R"({"data":{"b":")" + std::string(200, 'x') + "\"}}") == "413 /data");
}

TEST_CASE("change: a patch is checked without a notify as far as that goes") {
  Fixture f;
  auto check = [&](std::string patch) { return f.changes.Check(patch); };
  CHECK(check("{}").ok());
  CHECK(check(R"({"priority":77})").ok());
  CHECK(check("{").code() == Code::kMalformed);
  CHECK(check(R"({"url":"x"})").field() == "/url");
  CHECK(check(R"({"data":1,"body":""})").field() == "/body");
}

TEST_CASE("change: a base that does not decode is corrupt") {
  Fixture f;
  auto record = std::make_shared<NotifyRecord>(*f.With(R"("priority":1)"));
  record->spec = std::make_shared<const std::string>("\xff");
  Result<ChangeRequest> change = f.Parse(record, "{}");
  REQUIRE_FALSE(change.ok());
  CHECK(change.status().code() == Code::kCorrupt);
}

// ---- If-Match

}  // namespace
}  // namespace notifyd
