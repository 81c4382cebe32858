#include "base/ids.h"

#include <catch2/catch.hpp>

#include "base/random.h"

using namespace notifyd;

TEST_CASE("id: its text is 17 characters and reads back") {
  CHECK(NotifyId{1}.ToString() == "n0000000000000001");
  CHECK(NotifyId{0x00ffeeddccbbaa99}.ToString() == "n00ffeeddccbbaa99");
  CHECK(NotifyId::Parse("n0000000000000001") == NotifyId{1});
}

TEST_CASE("id: it names its namespace, and those of before are default's") {
  CHECK(NotifyId{77}.number() == kDefaultNumber);
  const NotifyId id = NotifyId::Of(0x1234, 5);
  CHECK(id.number() == 0x1234);
  CHECK(id.ToString() == "n1234000000000005");
  CHECK(NotifyId::Parse(id.ToString()) == id);
  CHECK(static_cast<int64_t>(NotifyId::Of(kMostNumber, (uint64_t{1} << 48) - 1).value) > 0);
}

TEST_CASE("id: texts sort as the numbers do") {
  Random random(2);
  for (int i = 0; i < 2000; ++i) {
    NotifyId a{random.Next() >> random.Below(64)}, b{random.Next() >> random.Below(64)};
    REQUIRE((a < b) == (a.ToString() < b.ToString()));
  }
}

TEST_CASE("id: what ToString does not print is none") {
  for (std::string_view text : {"", "n", "n0000000000000000", "0000000000000001", "n000000000000001", "n00000000000000001", "N0000000000000001",
                                "n8000000000000001", "nffffffffffffffff", "n000000000000000A", "n000000000000000g", " n0000000000000001", "n0000000000000001 ", "n+000000000000001"})
    CHECK_FALSE(NotifyId::Parse(text).has_value());
}
