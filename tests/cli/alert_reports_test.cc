// What other members say of alerts, and of which nothing is known.
#include "cli/daemon/alert_reports.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

using namespace notifyd;

TEST_CASE("alert reports: what is too old says nothing, and a member of which nothing is known for long is missing, until it says all or is gone") {
  AlertReports reports;
  AlertSettings settings;
  settings.rules.emplace_back().name = "r";
  const auto read = [&](int64_t now_ms, std::vector<std::string> others = {"b"}) {
    AlertFigures figures;
    figures.member = "a";
    figures.settings = std::make_shared<const AlertSettings>(settings);
    reports.AddTo(&figures, others, now_ms);
    return figures.members;
  };
  AlertReport report;
  report.member = "b";
  report.rules.emplace_back().rule = "r";
  report.rules[0].print = PrintOf(settings.rules[0]);
  CHECK_FALSE(read(0)[0].missing);
  CHECK(read(AlertReports::kFreshMs)[0].missing);
  reports.Take(report, 10'000);
  CHECK(read(10'000)[0].report);
  CHECK_FALSE(read(10'000)[0].missing);
  CHECK_FALSE(read(10'001 + AlertReports::kFreshMs)[0].report);
  CHECK_FALSE(read(10'001 + AlertReports::kFreshMs)[0].missing);
  CHECK(read(10'001 + 2 * AlertReports::kFreshMs)[0].missing);
  // Its file says something else of the alert.
  report.rules[0].print ^= 1;
  for (int64_t now_ms : {40'000, 44'000, 48'000}) {
    reports.Take(report, now_ms);
    CHECK(read(now_ms)[0].report);
    CHECK(read(now_ms)[0].missing);
  }
  CHECK(read(50'000, {}).empty());
  // It came back as another one.
  CHECK_FALSE(read(50'000)[0].report);
  CHECK_FALSE(read(50'000)[0].missing);
}
