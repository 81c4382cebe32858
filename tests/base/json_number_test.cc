#include "base/json_number.h"

#include <catch2/catch.hpp>
#include <string>

#include "base/random.h"

using namespace notifyd;

namespace {

int Order(std::string_view a, std::string_view b) {
  const auto order = CompareJsonNumbers(a, b), back = CompareJsonNumbers(b, a);
  INFO(a << " and " << b);
  CHECK((order < 0) == (back > 0));
  CHECK((order == 0) == (back == 0));
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

std::string Digits(Random* random, size_t most) {
  std::string digits(1 + random->Below(most), '0');
  for (char& c : digits) c = static_cast<char>('0' + random->Below(10));
  return digits;
}

}  // namespace

TEST_CASE("json numbers: in ascending order, each against each") {
  const char* const ascending[] = {"-1e999999999999999999999999",
                                   "-1e999999999999999999",
                                   "-123456789012345678901234567891",
                                   "-123456789012345678901234567890",
                                   "-10",
                                   "-9.5",
                                   "-9",
                                   "-1e-3",
                                   "-1e-99999999999999999999",
                                   "0",
                                   "1e-999999999999999999999999",
                                   "1e-99999999999999999999",
                                   "1e-400",
                                   "0.1",
                                   "0.10000000000000000555",
                                   "0.11",
                                   "1",
                                   "1.0000000000000000000000001",
                                   "2",
                                   "9",
                                   "10",
                                   "11",
                                   "99.9",
                                   "9007199254740992",
                                   "9007199254740993",
                                   "18446744073709551615",
                                   "18446744073709551616",
                                   "123456789012345678901234567890",
                                   "1e400",
                                   "1e401",
                                   "9e99999999999999999",
                                   "1e100000000000000000",
                                   "1.5e100000000000000000",
                                   "9e999999999999999999999999"};
  for (size_t i = 0; i < std::size(ascending); ++i)
    for (size_t k = 0; k < std::size(ascending); ++k) {
      CHECK((ExactNumber(ascending[i]) == ExactNumber(ascending[k])) == (i == k));
      CHECK(Order(ascending[i], ascending[k]) == (i < k ? -1 : i > k ? 1 : 0));
    }
}

TEST_CASE("json numbers: equal however they are written, at the edge of the exponents that are reckoned with too") {
  for (auto [a, b] : {std::pair("1", "1.0"),
                      {"1", "10e-1"},
                      {"0", "-0"},
                      {"-0", "0e999999999999999999999"},
                      {"100", "1E+2"},
                      {"1e99999999999999999", "10e99999999999999998"},
                      {"1e100000000000000000", "0.1e100000000000000001"},
                      {"100e99999999999999998", "1e100000000000000000"},
                      {"1e-100000000000000000", "10e-100000000000000001"},
                      {"1e-99999999999999999", "100e-100000000000000001"},
                      {"1e1000000000000000000000000", "1000e999999999999999999999997"},
                      {"12.5e000000000000000000000000000001", "125"}}) {
    CHECK(Order(a, b) == 0);
    CHECK(ExactNumber(a) == ExactNumber(b));
    CHECK(Order(ExactNumber(a), a) == 0);
  }
}

TEST_CASE("json numbers: order does not change with the place of the point") {
  Random random(7);
  for (int i = 0; i < 2000; ++i) {
    const std::string a = "1" + Digits(&random, 20), b = "1" + Digits(&random, 20);
    const std::string far = GENERATE("5", "99999999999999990", "99999999999999999999", "-99999999999999990", "-99999999999999999999");
    const int order = a.size() != b.size() ? (a.size() < b.size() ? -1 : 1) : a < b ? -1 : a > b ? 1 : 0;
    REQUIRE(Order(a, b) == order);
    REQUIRE(Order(a + "e" + far, b + "e" + far) == order);
    REQUIRE(Order("-" + a + ".0", "-" + b + "e0") == -order);
  }
}

TEST_CASE("json numbers: whole ones") {
  for (const char* number : {"0", "-0", "1", "-5", "1.0", "12.50e1", "1e400", "1e99999999999999999999", "0e-5", "100e-2"})
    CHECK(IsWholeNumber(number));
  for (const char* number : {"0.5", "1.01", "1e-1", "12.5e0", "100e-3", "1e-99999999999999999999", "9007199254740993.5"})
    CHECK_FALSE(IsWholeNumber(number));
}

TEST_CASE("json numbers: multiples, exactly") {
  for (auto [number, of] : {std::pair("0", "7"),
                            {"14", "7"},
                            {"-14", "7"},
                            {"0.3", "0.1"},
                            {"4.35", "0.01"},
                            {"1.1", "1e-30"},
                            {"1e400", "3e-1"},
                            {"3e400", "9e0"},
                            {"1e99999999999999999999", "5"},
                            {"9007199254740993", "3"},
                            {"0.0075", "0.0001"},
                            {"1e308", "0.5"},
                            {"123456789012345678", "123456789012345678"},
                            {"36893488147419103232", "4294967296"}}) {
    INFO(number << " of " << of);
    REQUIRE(IsDivisor(of));
    const bool multiple = std::string_view(number) != "1e400" && std::string_view(number) != "3e400";
    CHECK(IsMultipleOf(number, of) == multiple);
  }
  for (auto [number, of] : {std::pair("1", "7"), {"0.35", "0.1"}, {"1e-99999999999999999999", "1"}, {"9007199254740993", "2"}, {"10", "1e2"}}) {
    INFO(number << " of " << of);
    CHECK_FALSE(IsMultipleOf(number, of));
  }
  CHECK(IsDivisor("1e-300"));
  for (const char* divisor : {"0", "-1", "0.0", "1e99999999999999999999", "1234567890123456789"}) CHECK_FALSE(IsDivisor(divisor));
}
