#include "broker/payload.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "base/random.h"

using namespace notifyd;

namespace {

constexpr size_t kNoLimit = kNoBodyLimit;

NotifySpec Spec(Method method, std::string data, std::string content_type = "application/json") {
  NotifySpec spec;
  spec.url = "http://h/p";
  spec.method = method;
  spec.payload_kind = PayloadKind::kData;
  spec.payload = std::move(data);
  spec.content_type_given = content_type != spec.content_type;
  spec.content_type = std::move(content_type);
  return spec;
}

NotifySpec Form(std::string data) {
  return Spec(Method::kPost, std::move(data), "application/x-www-form-urlencoded");
}

NotifySpec Raw(Method method, std::string body) {
  NotifySpec spec;
  spec.url = "http://h/p";
  spec.method = method;
  spec.payload_kind = PayloadKind::kBody;
  spec.payload = std::move(body);
  return spec;
}

std::string FormOf(std::string_view json) {
  Result<std::string> form = EncodeForm(json);
  INFO(json);
  REQUIRE(form.ok());
  return *form;
}

template <class T>
void CheckRefused(const Result<T>& result, Code code) {
  REQUIRE_FALSE(result.ok());
  CHECK(result.status().code() == code);
  CHECK(result.status().field() == "/data");
  CHECK_FALSE(result.status().detail().empty());
}

std::string Merged(NotifySpec spec, std::string_view data) {
  Result<NotifySpec> merged = MergeTriggerData(std::move(spec), data, kNoLimit);
  REQUIRE(merged.ok());
  CHECK(merged->payload_kind == PayloadKind::kData);
  return merged->payload;
}

}  // namespace

TEST_CASE("form: the examples of PHP's manual") {
  CHECK(FormOf(R"({"foo":"bar","baz":"boom","cow":"milk","null":null,"php":"hypertext processor"})") ==
        "foo=bar&baz=boom&cow=milk&php=hypertext+processor");
  CHECK(FormOf(R"({"0":"foo","1":"bar","2":"baz","3":null,"4":"boom","cow":"milk","php":"hypertext processor"})") ==
        "0=foo&1=bar&2=baz&4=boom&cow=milk&php=hypertext+processor");
  CHECK(FormOf(R"({"user":{"name":"Bob Smith","age":47,"sex":"M","dob":"5/12/1956"},"pastimes":["golf","opera","poker","rap"],)"
               R"("children":{"bobby":{"age":12,"sex":"M"},"sally":{"age":8,"sex":"F"}},"0":"CEO"})") ==
        "user%5Bname%5D=Bob+Smith&user%5Bage%5D=47&user%5Bsex%5D=M&user%5Bdob%5D=5%2F12%2F1956&pastimes%5B0%5D=golf&pastimes%5B1%5D=opera"
        "&pastimes%5B2%5D=poker&pastimes%5B3%5D=rap&children%5Bbobby%5D%5Bage%5D=12&children%5Bbobby%5D%5Bsex%5D=M"
        "&children%5Bsally%5D%5Bage%5D=8&children%5Bsally%5D%5Bsex%5D=F&0=CEO");
}

TEST_CASE("form: true is 1, false is 0, null and empty containers are left out") {
  CHECK(FormOf(R"({"a":true,"b":false,"c":null,"d":[],"e":{},"f":"","g":[[],{}],"h":0})") == "a=1&b=0&f=&h=0");
  CHECK(FormOf("{}") == "");
  CHECK(FormOf("[]") == "");
  CHECK(FormOf(R"({"a":null})") == "");
}

TEST_CASE("form: what is left out of a list keeps its index") {
  CHECK(FormOf(R"({"a":[null,"x",[],"y"]})") == "a%5B1%5D=x&a%5B3%5D=y");
  CHECK(FormOf(R"([null,"x"])") == "1=x");
}

TEST_CASE("form: a list at the top is counted from 0") {
  CHECK(FormOf(R"(["a",{"b":"c"},["d"]])") == "0=a&1%5Bb%5D=c&2%5B0%5D=d");
}

TEST_CASE("form: letters, digits and - _ . stay, a blank is +, all else is percent and upper-case hex") {
  CHECK(FormOf(R"json({"a":"azAZ09-_. ~!*'()"})json") == "a=azAZ09-_.+%7E%21%2A%27%28%29");
  CHECK(FormOf(R"({"a":"+&=%#?/:;@,$[]"})") == "a=%2B%26%3D%25%23%3F%2F%3A%3B%40%2C%24%5B%5D");
  CHECK(FormOf(R"({"é":"\u20ac\ud83d\ude00\n\u0000"})") == "%C3%A9=%E2%82%AC%F0%9F%98%80%0A%00");
  CHECK(FormOf(R"({"a b":{"c&d":1}})") == "a+b%5Bc%26d%5D=1");
  CHECK(FormOf(R"({"a[b]":1})") == "a%5Bb%5D=1");
}

TEST_CASE("form: empty keys stay keys") {
  CHECK(FormOf(R"({"":1,"a":{"":2},"b":[3]})") == "=1&a%5B%5D=2&b%5B0%5D=3");
}

TEST_CASE("form: an empty key with something below it keeps its brackets") {
  CHECK(FormOf(R"({"":{"a":{"b":1}}})") == "%5Ba%5D%5Bb%5D=1");
}

TEST_CASE("form: numbers are sent digit for digit") {
  CHECK(FormOf(R"({"a":1.50,"b":12345678901234567890123,"c":-0,"d":1e5,"e":1E+5,"f":0.1000000000000000055})") ==
        "a=1.50&b=12345678901234567890123&c=-0&d=1e5&e=1E%2B5&f=0.1000000000000000055");
}

TEST_CASE("form: a scalar is none") {
  for (std::string_view json : {"1", "\"a\"", "true", "null"}) CheckRefused(EncodeForm(json), Code::kUnacceptable);
  CheckRefused(EncodeForm("not json"), Code::kUnacceptable);
}

TEST_CASE("form: a short text that would make a long form is refused at the limit") {
  std::string json = "{\"" + std::string(100'000, 'k') + "\":[1";
  for (int i = 0; i < 100'000; ++i) json += ",1";
  json += "]}";
  CheckRefused(EncodeForm(json, 1 << 20), Code::kTooLarge);
  // Nor does what is left out cost the length of its name.
  std::string nulls = "{\"" + std::string(100'000, 'k') + "\":[null";
  for (int i = 0; i < 100'000; ++i) nulls += ",null";
  CHECK(*EncodeForm(nulls + "]}", 1 << 20) == "");
}

TEST_CASE("request: JSON goes out byte for byte as it came in") {
  const std::string data = R"({ "b" : 1.50, "a":[ 12345678901234567890123 ],"é":"\u00e9" })";
  for (Method method : {Method::kPost, Method::kPut, Method::kPatch}) {
    Result<WireRequest> request = BuildWireRequest(Spec(method, data));
    REQUIRE(request.ok());
    CHECK(request->body == data);
    CHECK(request->has_body);
    CHECK(request->content_type == "application/json");
    CHECK(request->target_url == "http://h/p");
  }
}

TEST_CASE("request: JSON of any kind is sent as JSON") {
  for (std::string_view data : {"1", "\"a\"", "true", "[]", "[1]"}) CHECK(BuildWireRequest(Spec(Method::kPost, std::string(data)))->body == data);
}

TEST_CASE("request: a form is encoded, whatever the parameters and case of its media type") {
  Result<WireRequest> request = BuildWireRequest(Spec(Method::kPost, R"({"a":{"b":"c d"}})", "Application/X-WWW-Form-Urlencoded ; charset=utf-8"));
  REQUIRE(request.ok());
  CHECK(request->body == "a%5Bb%5D=c+d");
  CHECK(request->content_type == "Application/X-WWW-Form-Urlencoded ; charset=utf-8");
}

TEST_CASE("request: a form without a field has an empty body all the same") {
  Result<WireRequest> request = BuildWireRequest(Form(R"({"a":null})"));
  CHECK(request->body == "");
  CHECK(request->has_body);
}

TEST_CASE("request: a form of a scalar, and data of another media type, are refused") {
  CheckRefused(BuildWireRequest(Form("1")), Code::kUnacceptable);
  CheckRefused(BuildWireRequest(Spec(Method::kPost, "{}", "text/plain")), Code::kUnacceptable);
  CheckRefused(BuildWireRequest(Spec(Method::kPost, "{}", "application/jsonx")), Code::kUnacceptable);
}

TEST_CASE("request: the fragment is not sent") {
  NotifySpec spec = Spec(Method::kPost, "{}");
  spec.url = "http://h/p?q=1#f?x#y";
  CHECK(BuildWireRequest(spec)->target_url == "http://h/p?q=1");
}

TEST_CASE("request: data of GET, HEAD and DELETE goes into the query, without body and content type") {
  const std::pair<std::string, std::string> urls[] = {
      {"http://h/p", "http://h/p?a=1&b%5B0%5D=x+y"},    {"http://h/p?q=2", "http://h/p?q=2&a=1&b%5B0%5D=x+y"},
      {"http://h/p?", "http://h/p?a=1&b%5B0%5D=x+y"},   {"http://h/p?q&", "http://h/p?q&a=1&b%5B0%5D=x+y"},
      {"http://h/p#f?", "http://h/p?a=1&b%5B0%5D=x+y"}, {"http://h", "http://h?a=1&b%5B0%5D=x+y"}};
  for (Method method : {Method::kGet, Method::kHead, Method::kDelete}) {
    for (const auto& [url, target] : urls) {
      NotifySpec spec = Spec(method, R"({"a":1,"b":["x y"]})");
      spec.url = url;
      Result<WireRequest> request = BuildWireRequest(spec);
      REQUIRE(request.ok());
      CHECK(request->target_url == target);
      CHECK_FALSE(request->has_body);
      CHECK(request->content_type == "");
    }
  }
}

TEST_CASE("request: data that adds nothing to the query leaves the URL alone") {
  CHECK(BuildWireRequest(Spec(Method::kGet, R"({"a":null})"))->target_url == "http://h/p");
}

TEST_CASE("request: the query needs an object") {
  for (std::string_view data : {"[1]", "1", "\"a\"", "[]"})
    CheckRefused(BuildWireRequest(Spec(Method::kGet, std::string(data))), Code::kUnacceptable);
}

TEST_CASE("request: a raw body goes with any method, with its type") {
  for (Method method : {Method::kPost, Method::kGet, Method::kDelete}) {
    NotifySpec spec = Raw(method, std::string("\0\xFF", 2));
    spec.content_type = "image/png";
    spec.content_type_given = true;
    for (PayloadKind kind : {PayloadKind::kBody, PayloadKind::kBodyBase64}) {
      spec.payload_kind = kind;
      Result<WireRequest> request = BuildWireRequest(spec);
      REQUIRE(request.ok());
      CHECK(request->body == std::string("\0\xFF", 2));
      CHECK(request->has_body);
      CHECK(request->content_type == "image/png");
    }
  }
}

TEST_CASE("request: an empty raw body is a body") {
  CHECK(BuildWireRequest(Raw(Method::kPost, ""))->has_body);
}

TEST_CASE("request: without data or body there is neither a body nor its type, whatever the method") {
  NotifySpec spec;
  spec.url = "http://h/p";
  for (Method method : {Method::kPost, Method::kPut, Method::kPatch, Method::kGet, Method::kDelete, Method::kHead}) {
    CAPTURE(ToString(method));
    spec.method = method;
    spec.content_type_given = false;
    CHECK_FALSE(BuildWireRequest(spec)->has_body);
    CHECK(BuildWireRequest(spec)->content_type == "");
    spec.content_type_given = true;
    CHECK(BuildWireRequest(spec)->content_type == "");
  }
  spec = Raw(Method::kPost, "");  // an empty body is one
  CHECK(BuildWireRequest(spec)->has_body);
  CHECK(BuildWireRequest(spec)->content_type == "application/json");
}

TEST_CASE("request: a Content-Type header takes the place of the default, so that there is one") {
  NotifySpec spec = Raw(Method::kPost, "x");
  spec.headers = {{"cOnTeNt-TyPe", "text/csv"}};
  CHECK(BuildWireRequest(spec)->content_type == "");
}

TEST_CASE("request: over the limit it is refused with the field at fault") {
  CHECK(BuildWireRequest(Raw(Method::kPost, "12345"), 5).ok());
  CHECK(BuildWireRequest(Raw(Method::kPost, "123456"), 5).status().code() == Code::kTooLarge);
  CHECK(BuildWireRequest(Raw(Method::kPost, "123456"), 5).status().field() == "/body");
  NotifySpec base64 = Raw(Method::kPost, "123456");
  base64.payload_kind = PayloadKind::kBodyBase64;
  CHECK(BuildWireRequest(base64, 5).status().field() == "/body_base64");
  CHECK(BuildWireRequest(Spec(Method::kPost, "[1,2]"), 5).ok());
  CheckRefused(BuildWireRequest(Spec(Method::kPost, "[1,22]"), 5), Code::kTooLarge);
  CHECK(BuildWireRequest(Form(R"({"a":"1 2"})"), 5).ok());
  CheckRefused(BuildWireRequest(Form(R"({"a":"1&2"})"), 5), Code::kTooLarge);
  CHECK(BuildWireRequest(Spec(Method::kGet, R"({"a":123})"), 5).ok());
  CheckRefused(BuildWireRequest(Spec(Method::kGet, R"({"a":1234})"), 5), Code::kTooLarge);
}

TEST_CASE("merge: keys that are held keep their place, new ones follow, numbers stay digit for digit") {
  CHECK(Merged(Spec(Method::kPost, R"({"a": 1.50, "b" :[ 1 , 2 ], "c":12345678901234567890123})"), R"({"d":1e400,"b":{"x": 0.10}})") ==
        R"({"a":1.50,"b":{"x": 0.10},"c":12345678901234567890123,"d":1e400})");
}

TEST_CASE("merge: it goes by the key's value, not its spelling") {
  CHECK(Merged(Spec(Method::kPost, R"({"a":1,"\u00e9":2})"), R"({"\u0061":3,"é":4})") == R"({"a":3,"\u00e9":4})");
}

TEST_CASE("merge: only the top level is merged") {
  CHECK(Merged(Spec(Method::kPost, R"({"a":{"x":1,"y":2}})"), R"({"a":{"x":3}})") == R"({"a":{"x":3}})");
}

TEST_CASE("merge: null is a value") {
  CHECK(Merged(Spec(Method::kPost, R"({"a":1,"b":2})"), R"({"a":null})") == R"({"a":null,"b":2})");
}

TEST_CASE("merge: an empty object leaves what is held as it stood") {
  CHECK(Merged(Spec(Method::kPost, R"({ "a" : 1 })"), "{}") == R"({ "a" : 1 })");
}

TEST_CASE("merge: into an empty object") {
  CHECK(Merged(Spec(Method::kPost, "{}"), R"({"a":1})") == R"({"a":1})");
}

TEST_CASE("merge: without data or body it takes the data whole") {
  NotifySpec spec;
  spec.url = "http://h/p";
  CHECK(Merged(spec, R"( {"a": 1} )") == R"( {"a": 1} )");
  spec.method = Method::kGet;
  CHECK(BuildWireRequest(*MergeTriggerData(spec, R"({"a":1})", kNoLimit))->target_url == "http://h/p?a=1");
}

TEST_CASE("merge: into a form, whose encoding comes when it is sent") {
  Result<NotifySpec> merged = MergeTriggerData(Form(R"({"a":{"x":1},"b":2})"), R"({"b":"c d","e":true})", kNoLimit);
  REQUIRE(merged.ok());
  CHECK(merged->payload == R"({"a":{"x":1},"b":"c d","e":true})");
  CHECK(BuildWireRequest(*merged)->body == "a%5Bx%5D=1&b=c+d&e=1");
}

TEST_CASE("merge: what cannot be merged is refused") {
  CheckRefused(MergeTriggerData(Raw(Method::kPost, "{}"), R"({"a":1})", kNoLimit), Code::kUnacceptable);
  NotifySpec base64 = Raw(Method::kPost, "{}");
  base64.payload_kind = PayloadKind::kBodyBase64;
  CheckRefused(MergeTriggerData(base64, R"({"a":1})", kNoLimit), Code::kUnacceptable);
  for (std::string_view held : {"[1]", "1", "\"a\"", "null"})
    CheckRefused(MergeTriggerData(Spec(Method::kPost, std::string(held)), R"({"a":1})", kNoLimit), Code::kUnacceptable);
  for (std::string_view data : {"[1]", "1", "\"a\"", "null", "", "{"})
    CheckRefused(MergeTriggerData(Spec(Method::kPost, "{}"), data, kNoLimit), Code::kUnacceptable);
  CheckRefused(MergeTriggerData(NotifySpec(), "[1]", kNoLimit), Code::kUnacceptable);
}

TEST_CASE("merge: data for a held notify that has neither, but another media type, is refused") {
  NotifySpec spec;
  spec.url = "http://h/p";
  spec.content_type = "text/plain";
  spec.content_type_given = true;
  CheckRefused(MergeTriggerData(spec, R"({"a":1})", kNoLimit), Code::kUnacceptable);
}

TEST_CASE("merge: a body that would be too large as sent is refused, one at the limit is not") {
  NotifySpec json = Spec(Method::kPost, R"({"a":1})");
  CHECK(MergeTriggerData(json, R"({"b":2})", 13).ok());
  CheckRefused(MergeTriggerData(json, R"({"b":22})", 13), Code::kTooLarge);
  NotifySpec form = Form(R"({"a":1})");
  CHECK(MergeTriggerData(form, R"({"b":"   "})", 9).ok());
  CheckRefused(MergeTriggerData(form, R"({"b":"&&&"})", 9), Code::kTooLarge);
  NotifySpec query = Spec(Method::kGet, R"({"a":1})");
  query.url = "http://a-long-name/that?does=not&count#at-all";
  CHECK(MergeTriggerData(query, R"({"b":2})", 7).ok());
  CheckRefused(MergeTriggerData(query, R"({"b":22})", 7), Code::kTooLarge);
}

TEST_CASE("merge: all else of the spec stays") {
  NotifySpec spec = Spec(Method::kPut, R"({"a":1})");
  spec.headers = {{"X", "y"}};
  spec.group = "g";
  spec.ttl_ms = 5;
  NotifySpec merged = *MergeTriggerData(spec, R"({"a":2})", kNoLimit);
  spec.payload = R"({"a":2})";
  CHECK(merged == spec);
}

TEST_CASE("merge: in any order of triggers each key has its last value, at the place where it first stood") {
  Random random(12);
  for (int i = 0; i < 500; ++i) {
    std::vector<std::pair<std::string, std::string>> expected;
    auto object = [&] {
      std::string text;
      std::vector<std::string> used;
      for (uint64_t k = random.Below(5); k > 0; --k) {
        std::string key = "\"k" + std::to_string(random.Below(6)) + "\"", value = std::to_string(random.Next()) + ".0";
        if (std::find(used.begin(), used.end(), key) != used.end()) continue;
        used.push_back(key);
        text += (text.empty() ? "" : ",") + key + ":" + value;
        auto held = std::find_if(expected.begin(), expected.end(), [&](const auto& member) { return member.first == key; });
        if (held != expected.end()) held->second = value;
        else expected.emplace_back(key, value);
      }
      return "{" + text + "}";
    };
    std::string merged = object();
    for (int trigger = 0; trigger < 3; ++trigger) merged = Merged(Spec(Method::kPost, merged), object());
    std::string wanted;
    for (const auto& [key, value] : expected) wanted += (wanted.empty() ? "" : ",") + key + ":" + value;
    REQUIRE(merged == "{" + wanted + "}");
  }
}
