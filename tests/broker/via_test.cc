#include "broker/via.h"

#include "broker/spec.h"

#include <catch2/catch.hpp>

using namespace notifyd;

TEST_CASE("via: a chain names a broker by the whole of its name, whatever stands around it") {
  for (const char* chain : {"a", "b, a", "a,b", " a ,b", "b,\ta;x=1, c", "b;x=a, a ; y", ",,a"}) {
    CAPTURE(chain);
    CHECK(ViaNames(chain, "a"));
  }
  for (const char* chain : {"", "aa", "A", "b, ab", "b;a", "b; x=a", "a b"}) {
    CAPTURE(chain);
    CHECK_FALSE(ViaNames(chain, "a"));
  }
}

TEST_CASE("via: chains are joined in order, each name once, what is no name left out") {
  CHECK(MergeVia("", "a") == "a");
  CHECK(MergeVia("a", "") == "a");
  CHECK(MergeVia("a,b", "c") == "a, b, c");
  CHECK(MergeVia("a;v=1, b", "b, c, a") == "a;v=1, b, c");
  CHECK(MergeVia(" , ;x, a\x01, \xC3\xA9", ",") == "");
}

TEST_CASE("via: a joined chain keeps its newest names within its bound") {
  std::string chain;
  for (int i = 0; i < 200; ++i) chain += "broker-" + std::to_string(i) + ",";
  const std::string merged = MergeVia(chain, "me");
  CHECK(merged.size() <= kMaxViaBytes);
  CHECK(merged.size() > kMaxViaBytes - 20);
  CHECK(ViaNames(merged, "me"));
  CHECK(ViaNames(merged, "broker-199"));
  CHECK_FALSE(ViaNames(merged, "broker-0"));
  CHECK(MergeVia(std::string(2000, 'x'), "").empty());
}

TEST_CASE("via: a spec keeps its chain as a header that no submitter may set, and one without has no byte of it") {
  NotifySpec spec;
  spec.url = "http://h/";
  spec.headers = {{"X-A", "1"}};
  NotifySpec as_header = spec;
  as_header.headers.emplace_back("Notify-Via", "a, b");
  spec.via = "a, b";
  CHECK(EncodeSpec(spec) == EncodeSpec(as_header));
  CHECK(*DecodeSpec(EncodeSpec(spec)) == spec);
  CHECK(ViaOfSpec(EncodeSpec(spec)) == "a, b");
  CHECK(DecodeSpec(SpecWithVia(EncodeSpec(spec), "c, a"))->via == "c, a");
  NotifySpec none = spec;
  none.via.clear();
  CHECK(SpecWithVia(EncodeSpec(spec), "") == EncodeSpec(none));
  CHECK(SpecWithVia("rubbish", "c") == "rubbish");
  CHECK(ViaOfSpec("rubbish").empty());
}
