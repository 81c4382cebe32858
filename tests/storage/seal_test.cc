#include "storage/seal.h"

#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/crypto.h"
#include "base/random.h"
#include "storage/hex.h"

namespace notifyd {
namespace {

SealKeys Keys(const std::vector<char>& keys) {
  std::string text;
  for (char c : keys) text += EncodeBase64(std::string(32, c)) + "\n";
  Result<SealKeys> parsed = SealKeys::Parse(text);
  REQUIRE(parsed.ok());
  return *parsed;
}

SealStart Start(uint32_t number, char key, char salt) {
  return {number, SealKeys::NameOf(std::string(32, key)), std::string(32, salt)};
}

TEST_CASE("seal: the key file") {
  const std::string a = EncodeBase64(std::string(32, 'a')), b = Hex(std::string(32, 'b'));
  const Result<SealKeys> keys = SealKeys::Parse("# the new one\n\n  " + a + "\r\n" + b);
  REQUIRE(keys.ok());
  CHECK(keys->active() == SealKeys::NameOf(std::string(32, 'a')));
  CHECK(*keys->Find(SealKeys::NameOf(std::string(32, 'b'))) == std::string(32, 'b'));
  CHECK(keys->Find(SealKeys::NameOf(std::string(32, 'c'))) == nullptr);
  struct Case {
    std::string text;
    const char* detail;
  };
  const Case table[] = {{"", "no key"},           {"# nothing\n", "no key"},       {a + "\nhello", "line 2"},
                        {"\n" + a + a, "line 2"}, {a + "\n" + a, "stands before"}, {EncodeBase64(std::string(31, 'a')), "line 1"}};
  for (const Case& each : table) {
    const Result<SealKeys> wrong = SealKeys::Parse(each.text);
    REQUIRE_FALSE(wrong.ok());
    CHECK(wrong.status().detail().find(each.detail) != std::string::npos);
    CHECK(wrong.status().detail().find("hello") == std::string::npos);
  }
}

TEST_CASE("seal: pieces and starts, byte for byte") {
  std::string start;
  EncodeSealStart(Start(300, 'k', 's'), &start);
  CHECK(Hex(start) == "01ac02aa679d3f7373737373737373737373737373737373737373737373737373737373737373aef315bc"_hex);
  CHECK(*DecodeSealStart(start) == Start(300, 'k', 's'));
  CHECK(SealStartName(300) == "seal/300");
  Seal seal(Keys({'k'}), {}, Start(300, 'k', 's'));
  CHECK(Hex(SealBound(2, 7, SealedField::kSpec, 3, "x")) == "00000002 0000000000000007 01 00000003 78"_hex);
  const std::string piece = *seal.Close(SealBound(2, 7, SealedField::kSpec, 0), "https://receiver.example/");
  CHECK(Hex(piece) == "01ac0200ddafdc1eef289ed92b4baf6b7831bca91a5f8db3986c11adfd9cc020979df2a4184f89d6cbc7ca14a1"_hex);
  CHECK(*seal.Open(SealBound(2, 7, SealedField::kSpec, 0), piece) == "https://receiver.example/");
  // The same by the words of seal.h: 01, 300 as a varint, counter 0.
  const std::string key = HkdfSha256(std::string(32, 'k'), std::string(32, 's'), "notifyd-seal-1" + Unhex("0000012c"), 32);
  const std::string bound = Unhex("04 01ac0200") + SealBound(2, 7, SealedField::kSpec, 0);
  CHECK(piece == Unhex("01ac0200") + SealGcm(key, std::string(12, '\0'), bound, "https://receiver.example/"));
}

TEST_CASE("seal: a start that is damaged") {
  std::string start;
  EncodeSealStart(Start(300, 'k', 's'), &start);
  for (size_t i = 0; i < start.size(); ++i) {
    CHECK_FALSE(DecodeSealStart(start.substr(0, i)).ok());
    std::string other = start;
    other[i] = static_cast<char>(other[i] ^ 1);
    CHECK(DecodeSealStart(other).status().code() == Code::kCorrupt);
  }
}

TEST_CASE("seal: a piece opens where it was put, and nowhere else, and not once a bit of it is another") {
  Seal seal(Keys({'k'}), {}, Start(1, 'k', 's'));
  const std::string bound = SealBound(2, 7, SealedField::kResponseBody, 3);
  const std::string piece = *seal.Close(bound, "an answer");
  CHECK(piece.find("an answer") == std::string::npos);
  for (const std::string& other : {SealBound(3, 7, SealedField::kResponseBody, 3), SealBound(2, 8, SealedField::kResponseBody, 3),
                                   SealBound(2, 7, SealedField::kAttemptDetail, 3), SealBound(2, 7, SealedField::kResponseBody, 4),
                                   SealBound(2, 7, SealedField::kResponseBody, 3, "x"), std::string()})
    CHECK(seal.Open(other, piece).status().code() == Code::kCorrupt);
  for (size_t i = 0; i < piece.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string other = piece;
      other[i] = static_cast<char>(other[i] ^ 1 << bit);
      CHECK_FALSE(seal.Open(bound, other).ok());
    }
    CHECK_FALSE(seal.Open(bound, piece.substr(0, i)).ok());
  }
  CHECK_FALSE(seal.Open(bound, piece + "x").ok());
}

TEST_CASE("seal: no key and nonce is used twice: not by threads, not by starts") {
  Seal seal(Keys({'k'}), {}, Start(1, 'k', 's'));
  std::vector<std::vector<std::string>> made(4);
  std::vector<std::thread> threads;
  for (std::vector<std::string>& each : made)
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) each.push_back(*seal.Close("b", "the same"));
    });
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> all;
  for (const std::vector<std::string>& each : made)
    for (const std::string& piece : each) {
      REQUIRE(*seal.Open("b", piece) == "the same");
      all.insert(piece.substr(0, piece.size() - 24));
    }
  CHECK(all.size() == 2000);
  // Another start begins at the same counter, by another key; so do two of one key file and one number, by their salts.
  Seal next(Keys({'k'}), {Start(1, 'k', 's')}, Start(2, 'k', 's')), twin(Keys({'k'}), {}, Start(1, 'k', 't'));
  const std::string one = *Seal(Keys({'k'}), {}, Start(1, 'k', 's')).Close("b", "the same"), two = *next.Close("b", "the same"),
                    three = *twin.Close("b", "the same");
  CHECK(one.substr(3) != two.substr(3));
  CHECK(one.substr(3) != three.substr(3));
  CHECK(*next.Open("b", one) == "the same");
  CHECK(Seal::NewStart(Keys({'k'}), 3).salt != Seal::NewStart(Keys({'k'}), 3).salt);
}

TEST_CASE("seal: a new key seals, the old one opens until its pieces are gone, and one that is missing is told") {
  Seal before(Keys({'a'}), {}, Start(1, 'a', 's'));
  const std::string old = *before.Close("b", "text");
  Seal after(Keys({'b', 'a'}), {Start(1, 'a', 's')}, Start(2, 'b', 's'));
  CHECK(*after.Open("b", old) == "text");
  CHECK(after.IsOld(old));
  CHECK(after.Starts() == std::vector<SealStart>{Start(1, 'a', 's'), Start(2, 'b', 's')});
  const std::string anew = *after.Close("b", *after.Open("b", old));
  CHECK_FALSE(after.IsOld(anew));
  CHECK_FALSE(after.IsOld("no piece"));
  Seal without(Keys({'b'}), {Start(1, 'a', 's'), Start(2, 'b', 's')}, Start(3, 'b', 's'));
  CHECK(without.Open("b", old).status().code() == Code::kUnavailable);
  CHECK(*without.Open("b", anew) == "text");
  // Of a start that the store does not know.
  CHECK(before.Open("b", anew).status().code() == Code::kCorrupt);
}

TEST_CASE("seal: any bytes are refused or open, and never do anything else") {
  Seal seal(Keys({'k'}), {}, Start(1, 'k', 's'));
  Random random(5);
  for (int i = 0; i < 20'000; ++i) {
    std::string piece(random.Below(60), '\0');
    for (char& c : piece) c = static_cast<char>(random.Next());
    if (piece.size() > 3 && random.Chance(0.7)) piece.replace(0, 3, std::string("\x01\x01\x00", 3));
    REQUIRE_FALSE(seal.Open("b", piece).ok());
  }
}

}  // namespace
}  // namespace notifyd
