#include "cli/client/table.h"

#include <catch2/catch.hpp>

using namespace notifyd;

TEST_CASE("table: columns are aligned, the last one is not padded") {
  Table table({"ID", "STATE"});
  table.Row({"n1", "held"});
  table.Row({"n12345", "x"});
  CHECK(table.ToString() == "ID      STATE\nn1      held\nn12345  x\n");
}

TEST_CASE("table: width counts characters, not bytes") {
  Table table;
  table.Row({"\xc3\xa4\xc3\xb6", "1"});
  table.Row({"ab", "2"});
  CHECK(table.ToString() == "\xc3\xa4\xc3\xb6  1\nab  2\n");
}

TEST_CASE("table: control characters do not reach the terminal") {
  Table table;
  table.Row({"a\x1b[2Jb\n"});
  table.Row(
      {"\xc2\x9b"
       "2J \xe2\x80\xae"});
  CHECK(table.ToString() == "a\\u001b[2Jb\\n\n\\u009b2J \\u202e\n");
}

TEST_CASE("table: long text is cut with dots, between characters") {
  CHECK(Clipped("short", 5) == "short");
  CHECK(Clipped("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", 5) == "\xc3\xa4\xc3\xa4...");
}

TEST_CASE("table: numbers are grouped by thousands") {
  CHECK(Grouped(0) == "0");
  CHECK(Grouped(999) == "999");
  CHECK(Grouped(1000) == "1,000");
  CHECK(Grouped(12345678) == "12,345,678");
}

TEST_CASE("table: sizes and durations in a unit that fits") {
  CHECK(BytesText(0) == "0 B");
  CHECK(BytesText(1023) == "1023 B");
  CHECK(BytesText(1536) == "1.5 KiB");
  CHECK(BytesText(3ull << 40) == "3.0 TiB");
  CHECK(DurationText(999) == "999 ms");
  CHECK(DurationText(1500) == "1.5 s");
  CHECK(DurationText(185'000) == "3m 05s");
  CHECK(DurationText(4 * 3'600'000 + 7 * 60'000) == "4h 07m");
  CHECK(DurationText(51 * 3'600'000) == "2d 03h");
}
