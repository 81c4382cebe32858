// The picture and the tables of the performance document are what the file of figures gives, to the byte.
#include "bench/draw.h"

#include <fstream>
#include <sstream>
#include <string>

// clang-format off: behind all that includes base/check.h, so that in a test CHECK is Catch's
#include <catch2/catch.hpp>
// clang-format on

namespace notifyd::bench {
namespace {

std::string FileOf(const std::string& name) {
  std::ifstream in(std::string(NOTIFYD_SOURCE_DIR) + "/docs/" + name, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

constexpr const char* kOne = R"({"date":"2026-01-02","machine":"2 cores & more",
  "goals":[{"what":"rate","goal":"at least 2","figure":"3","verdict":"met","command":"`x`"}],
  "peers":[{"name":"notifyd","acknowledged":"its sync","per_s":20000,"cpu_s_per_1000":0.04,"peak_mib":40,"to_rabbitmq":4},
           {"name":"other","acknowledged":"its write","per_s":5000,"cpu_s_per_1000":0.16,"peak_mib":200.4,"to_rabbitmq":1}],
  "pending":[{"pending":1000,"resident_mib":30},{"pending":1000000,"resident_mib":61}]})";

TEST_CASE("draw: docs/performance.svg is what docs/performance.json gives; notify-bench draw makes it") {
  Result<std::string> svg = DrawSvg(FileOf("performance.json"));
  REQUIRE(svg.ok());
  CHECK(*svg == FileOf("performance.svg"));
}

TEST_CASE("draw: docs/performance.md has the tables that docs/performance.json gives; notify-bench draw --tables prints them") {
  Result<std::string> tables = FigureTables(FileOf("performance.json"));
  REQUIRE(tables.ok());
  const std::string document = FileOf("performance.md");
  const size_t between = tables->find("\n\n");
  REQUIRE(between != std::string::npos);
  CHECK(document.find(tables->substr(0, between + 1)) != std::string::npos);
  CHECK(document.find(tables->substr(between + 2)) != std::string::npos);
}

TEST_CASE("draw: bars are as long as their figures, text is text, and nothing is fetched from elsewhere") {
  Result<std::string> svg = DrawSvg(kOne);
  REQUIRE(svg.ok());
  auto width_behind = [&](const std::string& mark) {
    const size_t at = svg->find("width=\"", svg->find(mark));
    return std::stod(svg->substr(at + 7));
  };
  CHECK(width_behind("class=\"own\" x=") == Approx(4 * width_behind("class=\"other\" x=")).epsilon(0.01));
  CHECK(svg->find(">20,000</text>") != std::string::npos);
  CHECK(svg->find("2 cores &amp; more") != std::string::npos);
  CHECK(svg->find("prefers-color-scheme: dark") != std::string::npos);
  CHECK(svg->find("href") == std::string::npos);
  CHECK(svg->find("@import") == std::string::npos);
  CHECK(svg->find("url(") == std::string::npos);
}

TEST_CASE("draw: tables say goal, figure, verdict and command, and thousands apart") {
  Result<std::string> tables = FigureTables(kOne);
  REQUIRE(tables.ok());
  CHECK(tables->find("| rate | at least 2 | 3 | met | `x` |\n") != std::string::npos);
  CHECK(tables->find("| other | its write | 5,000 | 0.160 | 200 | 1.00 |\n") != std::string::npos);
}

TEST_CASE("draw: a file that lacks something is refused") {
  CHECK(DrawSvg("{}").status().code() == Code::kUnacceptable);
  CHECK(DrawSvg("not JSON").status().code() == Code::kUnacceptable);
  CHECK(FigureTables(R"({"date":"x","machine":"y","goals":[],"peers":[{}],"pending":[]})").status().code() == Code::kUnacceptable);
}

}  // namespace
}  // namespace notifyd::bench
