#include "base/bytes.h"

#include <catch2/catch.hpp>
#include <limits>

#include "base/random.h"

using namespace notifyd;

namespace {

template <class Write>
std::string Encoded(Write write) {
  std::string out;
  Encoder encoder(&out);
  write(encoder);
  return out;
}

}  // namespace

TEST_CASE("encoder: the layouts are what they are for good") {
  CHECK(Encoded([](Encoder& e) { e.Big32(0x01020304); }) == std::string("\x01\x02\x03\x04"));
  CHECK(Encoded([](Encoder& e) { e.Big64(0x0102030405060708); }) == std::string("\x01\x02\x03\x04\x05\x06\x07\x08"));
  CHECK(Encoded([](Encoder& e) { e.BigSigned64(-1); }) == std::string("\x7f\xff\xff\xff\xff\xff\xff\xff"));
  CHECK(Encoded([](Encoder& e) { e.Varint(300); }) == std::string("\xac\x02"));
  CHECK(Encoded([](Encoder& e) { e.Signed(-2); }) == std::string("\x03"));
  CHECK(Encoded([](Encoder& e) { e.Double(1); }) == std::string("\x3f\xf0\0\0\0\0\0\0", 8));
  CHECK(Encoded([](Encoder& e) { e.Text("ab"); }) == std::string("\x02"
                                                                 "ab"));
}

TEST_CASE("encoder: big-endian bytes sort as their numbers do") {
  const int64_t values[] = {std::numeric_limits<int64_t>::min(), -1000, -1, 0, 1, 255, 256, std::numeric_limits<int64_t>::max()};
  for (size_t i = 1; i < std::size(values); ++i)
    CHECK(Encoded([&](Encoder& e) { e.BigSigned64(values[i - 1]); }) < Encoded([&](Encoder& e) { e.BigSigned64(values[i]); }));
}

TEST_CASE("decoder: reads back what was written, and nothing is left") {
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    uint64_t bits = random.Next() >> random.Below(64);
    int64_t number = static_cast<int64_t>(random.Next()) >> random.Below(64);
    std::string text(random.Below(300), 'x');
    std::string bytes = Encoded([&](Encoder& e) {
      e.Varint(bits);
      e.Signed(number);
      e.BigSigned64(number);
      e.Text(text);
      e.Big32(static_cast<uint32_t>(bits));
      e.Double(0.5);
    });
    Decoder decoder(bytes);
    REQUIRE(decoder.Varint() == bits);
    REQUIRE(decoder.Signed() == number);
    REQUIRE(decoder.BigSigned64() == number);
    REQUIRE(decoder.Text() == text);
    REQUIRE(decoder.Big32() == static_cast<uint32_t>(bits));
    REQUIRE(decoder.Double() == 0.5);
    REQUIRE(decoder.done());
  }
}

TEST_CASE("decoder: once it failed, all further reads give zero or empty") {
  Decoder decoder(
      std::string_view("\x05"
                       "abc",
                       4));
  CHECK(decoder.Text() == "");
  CHECK_FALSE(decoder.ok());
  CHECK(decoder.U8() == 0);
  CHECK(decoder.BigSigned64() == 0);
  CHECK(decoder.Varint() == 0);
  CHECK(decoder.Raw(0) == "");
  CHECK_FALSE(decoder.done());
}

TEST_CASE("decoder: a varint of more than 64 bits fails") {
  Decoder decoder(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
  decoder.Varint();
  CHECK_FALSE(decoder.ok());
}

TEST_CASE("decoder: a failure that its caller declares is one") {
  Decoder decoder("abc");
  decoder.Fail();
  CHECK_FALSE(decoder.ok());
  CHECK(decoder.U8() == 0);
}

TEST_CASE("checksum and fingerprint: the same for the same bytes, for good") {
  CHECK(Checksum("notify") == Checksum("notify"));
  CHECK(Checksum("notify") != Checksum("notifz"));
  CHECK(FingerprintOf("a") == FingerprintOf("a"));
  CHECK_FALSE(FingerprintOf("a") == FingerprintOf("b"));
  // XXH3-64 of nothing, as its specification has it.
  CHECK(Checksum("") == 0x38d394c2);
}
