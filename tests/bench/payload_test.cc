// What the load generator's notifies carry: as big as asked for, JSON, different in each, and neither constant nor random.
#include "bench/payload.h"

#include <simdjson.h>
#include <zlib.h>

#include <set>
#include <string>

#include "bench/workload.h"

#include <catch2/catch.hpp>

namespace notifyd::bench {
namespace {

std::string BodyOf(const Payloads& payloads, uint64_t number) {
  std::string body;
  payloads.Append(number, &body);
  return body;
}

TEST_CASE("payload: a body has exactly the bytes asked for, is JSON and says its number") {
  simdjson::dom::parser parser;
  for (uint64_t bytes : {40, 41, 64, 200, 239, 240, 241, 256, 300, 1000, 70'000}) {
    Payloads payloads(7, bytes);
    for (uint64_t number : {uint64_t{0}, uint64_t{9}, uint64_t{1'234'567}, uint64_t{18'446'744'073'709'551'615u}}) {
      std::string body = BodyOf(payloads, number);
      INFO(bytes << " bytes, number " << number << ": " << body.substr(0, 400));
      CHECK(body.size() == bytes);
      simdjson::dom::element root;
      REQUIRE_FALSE(parser.parse(body).get(root));
      uint64_t said = 0;
      REQUIRE_FALSE(root["n"].get(said));
      CHECK(said == number);
    }
  }
}

TEST_CASE("payload: a seed gives the same bodies again, and thousands of numbers differ in more than the number") {
  Payloads payloads(1, 300), again(1, 300), other(2, 300);
  std::set<std::string> tails;
  for (uint64_t number = 10'000; number < 14'000; ++number) {
    const std::string body = BodyOf(payloads, number);
    CHECK(body == BodyOf(again, number));
    tails.insert(body.substr(10));
  }
  CHECK(tails.size() == 4'000);
  CHECK(BodyOf(payloads, 1) != BodyOf(other, 1));
}

TEST_CASE("payload: a block of bodies compresses as web hooks do, to between a quarter and two thirds") {
  for (uint64_t bytes : {256, 300, 1000}) {
    Payloads payloads(3, bytes);
    std::string block;
    for (uint64_t number = 0; block.size() < 64 * 1024; ++number) payloads.Append(number, &block);
    uLongf packed = compressBound(block.size());
    std::string out(packed, '\0');
    REQUIRE(compress(reinterpret_cast<Bytef*>(out.data()), &packed, reinterpret_cast<const Bytef*>(block.data()), block.size()) == Z_OK);
    const double share = static_cast<double>(packed) / static_cast<double>(block.size());
    INFO(bytes << " bytes");
    CHECK(share > 0.25);
    CHECK(share < 0.67);
  }
}

TEST_CASE("workload: from the time on that its plan names nothing more is submitted") {
  WorkloadPlan plan;
  plan.url = "http://127.0.0.1:9/n";
  plan.count = 100;
  plan.until_ns = 1000;
  Workload workload(plan);
  std::string body;
  CHECK(workload.Next(0, 999, &body) == 1);
  CHECK(workload.Next(0, 1000, &body) == 0);
}

TEST_CASE("workload: far-off ones are due when they say, the same for a number however often it is asked") {
  WorkloadPlan plan = FarOffPlan(5, kHourMs, 2 * kHourMs);
  const int64_t now_ms = WallNanos() / 1'000'000;
  for (uint64_t number = 0; number < 1000; ++number) {
    const int64_t due_ms = plan.due_ms(number);
    CHECK(due_ms == plan.due_ms(number));
    CHECK(due_ms > now_ms + kHourMs - 60'000);
    CHECK(due_ms < now_ms + 3 * kHourMs + 60'000);
  }
}

}  // namespace
}  // namespace notifyd::bench
