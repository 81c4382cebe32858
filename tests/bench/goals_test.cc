// Verdicts: met or missed, of the median of the runs, and only where there is a figure.
#include "bench/goals.h"

#include <string>

#include <catch2/catch.hpp>

namespace notifyd::bench {
namespace {

std::vector<Record> Runs(const std::vector<double>& values) {
  std::vector<Record> runs;
  for (double value : values) {
    Record run;
    runs.push_back(run.Real("late_ms", value, 3));
  }
  return runs;
}

TEST_CASE("goals: what is as good as the bound has met it") {
  CHECK(AtMost("", "", 0.04).Met(0.04));
  CHECK_FALSE(AtMost("", "", 0.04).Met(0.0401));
  CHECK(AtLeast("", "", 6000).Met(6000));
  CHECK_FALSE(AtLeast("", "", 6000).Met(5999));
}

TEST_CASE("goals: the median of the runs is judged") {
  std::vector<Record> rows = Judge({AtMost("late, ms", "late_ms", 3)}, Runs({1, 2.5, 90}));
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].Json() == R"({"what":"late, ms","field":"late_ms","bound":"at most","goal":3,"figure":2.5,"met":true})");
  CHECK(Judge({AtMost("late, ms", "late_ms", 3)}, Runs({1, 3.2, 90}))[0].Json().find(R"("met":false)") != std::string::npos);
}

TEST_CASE("goals: a verdict is of the figure itself, not of what is shown") {
  std::vector<Record> rows = Judge({AtMost("CPU", "late_ms", 0.04)}, Runs({0.0404}));
  CHECK(rows[0].Json().find(R"("goal":0.04,"figure":0.040,"met":false)") != std::string::npos);
}

TEST_CASE("goals: one whose figure is not there has no verdict") {
  CHECK(Judge({AtMost("other", "other_ms", 3)}, Runs({1})).empty());
  CHECK(TableOfVerdicts({AtMost("other", "other_ms", 3)}, Runs({1})).empty());
}

TEST_CASE("goals: people read goal, figure and verdict") {
  std::string table = TableOfVerdicts({AtMost("late, ms", "late_ms", 3), AtLeast("late at least, ms", "late_ms", 1000)}, Runs({4}));
  CHECK(table.find("at most 3") != std::string::npos);
  CHECK(table.find("at least 1,000") != std::string::npos);
  CHECK(table.find("missed") != std::string::npos);
  CHECK(table.find("verdict") != std::string::npos);
}

}  // namespace
}  // namespace notifyd::bench
