// Trace context: what is taken of it, by the rules of W3C Trace Context level 1, and which of two counts.
#include "net/api/trace_context.h"
#include <catch2/catch.hpp>

namespace notifyd {
namespace {

const std::string kParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const std::string kOther = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

TEST_CASE("traceparent: one of version 00 is kept as it is") {
  CHECK(ReadTraceParent(kParent) == kParent);
  CHECK(ReadTraceParent(" \t" + kParent + " ") == kParent);
  CHECK(ReadTraceParent(kParent.substr(0, 53) + "ff") == kParent.substr(0, 53) + "ff");
}

TEST_CASE("traceparent: a higher version is read as 00, of its flags sampled alone") {
  std::string ids = kParent.substr(2, 51);
  CHECK(ReadTraceParent("01" + ids + "01") == kParent);
  CHECK(ReadTraceParent("cc" + ids + "ff") == kParent);
  CHECK(ReadTraceParent("fe" + ids + "0b-what-the-future-will-be-like") == kParent);
  CHECK(ReadTraceParent("01" + ids + "0a") == "00" + ids + "00");
  CHECK(ReadTraceParent("01" + ids + "01.what") == "");
  CHECK(ReadTraceParent("01" + ids + "010") == "");
}

TEST_CASE("traceparent: what is not valid is none") {
  auto value = GENERATE(values<std::string>({
      "",
      "00",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0100",
      "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "0A-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
      "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e473.-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b.-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-.1",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A",
      "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
      "00-4bf92f3577b34da6a3ce929d0e0e47360-0f067aa0ba902b7-01",
  }));
  CAPTURE(value);
  CHECK(ReadTraceParent(value) == "");
}

TEST_CASE("tracestate: a good one is kept as it is") {
  auto value = GENERATE(values<std::string>(
      {"a=1", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "a=1, b=2 ,\tc=3", "a=1,,b=2,", "fw529a3039@dt=x y", "0t@dt=1", "a*b/c_d-e=!~", "a= b"}));
  CAPTURE(value);
  CHECK(ReadTraceState(value) == value);
  CHECK(ReadTraceState("\t " + value + " ") == value);
}

TEST_CASE("tracestate: what is not valid is none") {
  auto value = GENERATE(values<std::string>({"", " ", ",", "a", "a=", "=1", "A=1", "a=1,a=2", "a =1", "a=b=c", "1a=1", "a@=1", "@a=1", "a@1=1",
                                             "a@b@c=1", "a=\x7f", "a=\xc3\xa9", "a=1\n", "a@abcdefghijklmno=1"}));
  CAPTURE(value);
  CHECK(ReadTraceState(value) == "");
}

TEST_CASE("tracestate: lengths and the number of members are bounded") {
  std::string a256(256, 'a');
  CHECK(ReadTraceState(a256 + "=" + std::string(255, 'x')).size() == 512);
  CHECK(ReadTraceState(a256 + "=" + std::string(256, 'x')) == "");
  CHECK(ReadTraceState(a256 + "a=1") == "");
  CHECK(ReadTraceState("a=" + std::string(256, 'x')) != "");
  CHECK(ReadTraceState("a=" + std::string(257, 'x')) == "");
  std::string members;
  for (int i = 0; i < 32; ++i) members += (i ? ",a" : "a") + std::to_string(i) + "=1";
  CHECK(ReadTraceState(members) == members);
  CHECK(ReadTraceState(members + ",b=1") == "");
}

TEST_CASE("trace of a request: names in any case, several tracestates are one list") {
  CHECK(TraceOf({{"X", "y"}, {"TraceParent", kParent}, {"tracestate", "a=1"}, {"TRACESTATE", "b=2"}}) == TraceContext{kParent, "a=1,b=2"});
  CHECK(TraceOf({}) == TraceContext{});
}

TEST_CASE("trace of a request: a bad tracestate is dropped alone, a bad traceparent with it") {
  CHECK(TraceOf({{"traceparent", kParent}, {"tracestate", "?"}}) == TraceContext{kParent, ""});
  CHECK(TraceOf({{"traceparent", "?"}, {"tracestate", "a=1"}}) == TraceContext{});
  CHECK(TraceOf({{"tracestate", "a=1"}}) == TraceContext{});
}

TEST_CASE("trace of a request: two traceparents are none") {
  CHECK(TraceOf({{"traceparent", kParent}, {"traceparent", kParent}}) == TraceContext{});
}

TEST_CASE("trace of a request: one that begins here takes the place of what counted as none") {
  HeaderList headers{{"Traceparent", kParent}, {"traceparent", kOther}, {"TraceState", "a=1"}, {"X-A", "1"}};
  REQUIRE(TraceOf(headers).parent.empty());
  BeginTrace(kOther, &headers);
  CHECK(headers == HeaderList{{"X-A", "1"}, {"traceparent", kOther}});
  CHECK(TraceOf(headers) == TraceContext{kOther, ""});
}

TEST_CASE("trace of a notify: its request's, where its headers have none") {
  HeaderList headers = {{"X", "y"}};
  CHECK(TakeTrace({kParent, "a=1"}, &headers) == TraceContext{kParent, "a=1"});
  CHECK(headers == HeaderList{{"X", "y"}});
}

TEST_CASE("trace of a notify: its own headers win and are taken out") {
  HeaderList headers = {{"A", "1"}, {"TraceState", "b=2"}, {"B", "2"}, {"Traceparent", kOther}, {"C", "3"}};
  CHECK(TakeTrace({kParent, "a=1"}, &headers) == TraceContext{kOther, "b=2"});
  CHECK(headers == HeaderList{{"A", "1"}, {"B", "2"}, {"C", "3"}});
}

TEST_CASE("trace of a notify: the request's tracestate does not go with its own traceparent") {
  HeaderList headers = {{"traceparent", kOther}};
  CHECK(TakeTrace({kParent, "a=1"}, &headers) == TraceContext{kOther, ""});
  CHECK(headers.empty());
}

TEST_CASE("trace of a notify: an own traceparent that is not valid gives way to the request's, with its tracestate") {
  HeaderList headers = {{"A", "1"}, {"TraceParent", "mine"}, {"tracestate", "a=1"}, {"B", "2"}};
  CHECK(TakeTrace({kParent, "b=2"}, &headers) == TraceContext{kParent, "b=2"});
  CHECK(headers == HeaderList{{"A", "1"}, {"B", "2"}});
  headers = {{"traceparent", ""}};
  CHECK(TakeTrace({kParent, ""}, &headers) == TraceContext{kParent, ""});
  CHECK(headers.empty());
}

TEST_CASE("trace of a notify: an own traceparent that is not valid stays a header where the request has none") {
  HeaderList headers = {{"traceparent", "mine"}, {"tracestate", "a=1"}};
  HeaderList before = headers;
  CHECK(TakeTrace({}, &headers) == TraceContext{});
  CHECK(headers == before);
}

TEST_CASE("trace of a notify: an own tracestate that is not valid stays a header") {
  HeaderList headers = {{"traceparent", kOther}, {"tracestate", "?"}};
  CHECK(TakeTrace({}, &headers) == TraceContext{kOther, ""});
  CHECK(headers == HeaderList{{"tracestate", "?"}});
}

TEST_CASE("trace of a notify: an own tracestate alone stays a header, in place of the request's") {
  HeaderList headers = {{"tracestate", "b=2"}};
  CHECK(TakeTrace({kParent, "a=1"}, &headers) == TraceContext{kParent, ""});
  CHECK(headers == HeaderList{{"tracestate", "b=2"}});
}

}  // namespace
}  // namespace notifyd
