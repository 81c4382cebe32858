#include "storage/registry_records.h"

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "base/random.h"
#include "storage/hex.h"

namespace notifyd {
namespace {

std::string Bytes(const NamespaceRow& row, const SecretSeal* seal = nullptr) {
  std::string out;
  EncodeNamespace(row, seal, &out);
  return out;
}
std::string Bytes(const TokenRow& row, const SecretSeal* seal = nullptr) {
  std::string out;
  EncodeToken(row, seal, &out);
  return out;
}

/// Turns letters around, and says where it belongs: enough to see what is sealed, and bound to what.
class FakeSeal : public SecretSeal {
 public:
  std::string Seal(std::string_view bound, std::string_view plain) const override {
    return "<" + std::string(plain.rbegin(), plain.rend()) + ">" + std::string(bound);
  }
  std::optional<std::string> Open(std::string_view bound, std::string_view sealed) const override {
    const std::string end = ">" + std::string(bound);
    if (!sealed.starts_with('<') || !sealed.ends_with(end)) return std::nullopt;
    const std::string_view inner = sealed.substr(1, sealed.size() - 1 - end.size());
    return std::string(inner.rbegin(), inner.rend());
  }
};

NamespaceRow FullNamespace() {
  NamespaceRow row;
  row.name = "team-a";
  row.number = 300;
  row.version = 77;
  row.deleting = true;
  row.created_at = WallTime{1'800'000'000'000};
  NamespaceSettings& s = row.settings;
  s.max_pending = 1000;
  s.max_stored_bytes = 1 << 30;
  s.submits_per_s = 2.5;
  s.burst = 10;
  s.max_in_flight = 64;
  s.retention_succeeded_ms = 1;
  s.retention_settled_ms = 2;
  s.destinations.allow = std::vector<std::string>{"10.0.0.0/8"};
  s.destinations.deny = std::vector<std::string>{};
  s.destinations.https_only = true;
  s.destinations.ports = std::vector<uint16_t>{80, 443};
  s.retry.emplace().max_attempts = 3;
  s.retry->later_on = AnswerPattern{{202}, "wait", {}};
  s.timeout_ms = 5000;
  LaneRule rule;
  rule.match = "a*";
  rule.settings.concurrency = 2;
  s.lane_rules = {rule, rule};
  s.lane_rules[1].mode = Mode::kFifo;
  row.keys = {{"main", SigningKind::kHmac, "0123456789abcdefghijklmn", WallTime{1}, WallTime{2}},
              {"edge", SigningKind::kEd25519, std::string(32, 'e'), WallTime{3}, kWallNever}};
  return row;
}

TokenRow FullToken() {
  TokenRow row;
  row.id = "abcdEFGH";
  row.version = 5;
  row.name = "billing";
  row.grant.namespaces = NamespaceSet::Of({"one", "two"});
  row.grant.scopes = {Scope::kSubmit, Scope::kAdmin};
  row.grant.caller = "billing";
  row.grant.cidrs = {*Cidr::Parse("10.0.0.0/8"), *Cidr::Parse("fd00::/8")};
  row.grant.lanes = {"billing/"};
  row.grant.fkeys = {"b-"};
  row.grant.services = {"pay"};
  row.grant.submits_per_s = 0.5;
  row.grant.expires_at = WallTime{1'900'000'000'000};
  row.disabled = true;
  row.signing = true;
  row.secret.hash.fill(0xaa);
  row.secret.signing_key.emplace().fill(0xbb);
  row.secret.signing_key->front() = 0xba;
  row.old_secret.emplace().hash.fill(0xcc);
  row.old_secret->signing_key.emplace().fill(0xdd);
  row.old_until = WallTime{7};
  row.created_by = "token x";
  row.created_at = WallTime{8};
  return row;
}

TEST_CASE("registry records: a rule's order_by, with what goes with it") {
  for (const auto& [partitions, spread] : {std::pair(std::optional<uint32_t>(), std::optional<bool>()), {7u, false}, {1024u, true}}) {
    NamespaceRow row;
    row.name = "one";
    row.number = 3;
    row.settings.lane_rules = {{"a*", Mode::kFifo, {}, "/id", partitions, spread}, {"b", {}, {}}, {"c", {}, {}, "", partitions, spread}};
    row.settings.cell = "east";
    const Result<std::shared_ptr<const NamespaceRow>> read = DecodeNamespace(row.number, Bytes(row), nullptr);
    REQUIRE(read.ok());
    CHECK((*read)->settings.lane_rules == row.settings.lane_rules);
    CHECK((*read)->settings.cell == "east");
  }
}

TEST_CASE("registry records: keys, byte for byte") {
  CHECK(Hex(EncodeNamespaceKey(300)) == "4e 012c"_hex);
  CHECK(Hex(EncodeNamespaceWakeKey(0)) == "57 0000"_hex);
  CHECK(EncodeTokenKey("abcdEFGH") == "TabcdEFGH");
  CHECK(EncodeTokenUseKey("abcdEFGH") == "UabcdEFGH");
  const AuditPlace place{WallTime{1'800'000'000'000}, 7};
  CHECK(Hex(EncodeAuditKey(place)) == "41 800001a3185c5000 00000007"_hex);
  CHECK(DecodeAuditKey(EncodeAuditKey(place)) == place);
  CHECK_FALSE(DecodeAuditKey(EncodeAuditKey(place) + "x"));
  CHECK(DecodeNamespaceKey(EncodeNamespaceKey(kMostNumber)) == kMostNumber);
  CHECK(DecodeNamespaceWakeKey(EncodeNamespaceWakeKey(7)) == 7);
  CHECK(DecodeTokenKey("TabcdEFGH") == "abcdEFGH");
  CHECK(DecodeTokenUseKey("UabcdEFGH") == "abcdEFGH");
  for (const std::string& key :
       {std::string(), std::string("N"), std::string("N\0", 2), std::string("N\0\0\0", 4), std::string("N\x80\0", 3), std::string("W\0\0", 3)})
    CHECK_FALSE(DecodeNamespaceKey(key));
  for (const char* key : {"", "T", "Tabc", "UabcdEFGH", "Tabcd_FGH"}) CHECK_FALSE(DecodeTokenKey(key));
}

TEST_CASE("registry records: values, byte for byte") {
  NamespaceRow small;
  small.name = "one";
  small.number = 2;
  small.version = 3;
  small.created_at = WallTime{1'800'000'000'000};
  CHECK(Hex(Bytes(small)) == "01036f6e650380c0e285e3680000007d848abe"_hex);
  CHECK(Hex(Bytes(FullNamespace())) ==
        "01067465616d2d614d80c0e285e36801ff7fe807808080800440040000000000000a400204010a31302e302e302e302f3800"
        "010250bb038101030301ca010477616974904e0202612a0207010202efe221d702612a0107010202efe221d702046d61696e"
        "00020418303132333435363738396162636465666768696a6b6c6d6e04656467650106feffffffffffffffff012065656565"
        "656565656565656565656565656565656565656565656565656565654ff109f9"_hex);
  TokenRow token;
  token.id = "abcdEFGH";
  token.version = 4;
  token.name = "ci";
  token.grant = Grant::Everything();
  token.secret.hash.fill(0x11);
  token.created_by = "root";
  token.created_at = WallTime{1'800'000'000'000};
  CHECK(Hex(Bytes(token)) ==
        "0104026369017f00111111111111111111111111111111111111111111111111111111111111111104726f6f7480c0e285e3"
        "6801a6bbc8"_hex);
  CHECK(Hex(Bytes(FullToken())) ==
        "01050762696c6c696e67fe032102036f6e650374776f0762696c6c696e670200080a0000000108fd00000000000000000000"
        "0000000000010862696c6c696e672f0102622d01037061793fe000000000000080e0998dcc6e07aaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa20babbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
        "bbbbbbbbcccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc20dddddddddddddddddddddddddd"
        "dddddddddddddddddddddddddddddddddddddd0e07746f6b656e20781087cc5504"_hex);
  std::string use, head, wake;
  EncodeTokenUse(WallTime{1'800'000'000'000}, &use);
  CHECK(Hex(use) == "0180c0e285e368385b43d7"_hex);
  EncodeRegistryHead({300, 77, {1, 2, 3, 4, 5, 6, 7, 8}}, &head);
  CHECK(Hex(head) == "01ac024d0102030405060708064dfafb"_hex);
  std::string audit;
  const AuditEntry entry{WallTime{1'800'000'000'000}, "ann", "token_made", "abcdEFGH", "192.0.2.7", "billing", 300};
  EncodeAudit(entry, &audit);
  CHECK(Hex(audit) == "0103616e6e0a746f6b656e5f6d616465086162636445464748093139322e302e322e370762696c6c696e67ac0292506d89"_hex);
  CHECK(*DecodeAudit(entry.at, audit) == entry);
  for (size_t i = 0; i < audit.size(); ++i) CHECK_FALSE(DecodeAudit(entry.at, audit.substr(0, i)).ok());
  AuditEntry says = entry;
  says.said = "paused, retry";
  std::string longer;
  EncodeAudit(says, &longer);
  CHECK(longer.size() == audit.size() + 1 + says.said.size());
  CHECK(*DecodeAudit(entry.at, longer) == says);
  for (size_t i = 0; i < longer.size(); ++i) CHECK_FALSE(DecodeAudit(entry.at, longer.substr(0, i)).ok());
  EncodeNamespaceWake({}, &wake);
  CHECK(Hex(wake) == "0101a76865f3"_hex);
  wake.clear();
  EncodeNamespaceWake({NamespaceWake::Asleep{WallTime{1'800'000'000'000}, Totals()}}, &wake);
  CHECK(Hex(wake) == "010080c0e285e368240301000000000000000000000000000000010000000000000000000001000000bc58f031184c8754"_hex);
}

TEST_CASE("registry records: a wake whose totals are of version 2 is read") {
  const auto wake = DecodeNamespaceWake(Unhex("010080c0e285e3682002010000000000000000000000000000000100000000000000000000698baa640fb02813"));
  REQUIRE(wake.ok());
  REQUIRE(wake->asleep);
  CHECK(wake->asleep->until == WallTime{1'800'000'000'000});
  CHECK(wake->asleep->totals.next_id == 1);
}

TEST_CASE("registry records: what was written is read") {
  const NamespaceRow space = FullNamespace();
  const Result<std::shared_ptr<const NamespaceRow>> read = DecodeNamespace(space.number, Bytes(space), nullptr);
  REQUIRE(read.ok());
  CHECK(**read == space);
  const TokenRow token = FullToken();
  const Result<std::shared_ptr<const TokenRow>> read_token = DecodeToken(token.id, Bytes(token), nullptr);
  REQUIRE(read_token.ok());
  CHECK(**read_token == token);
  std::string text;
  EncodeRegistryHead({kMostNumber + 1, 77, {1, 2, 3, 4, 5, 6, 7, 8}}, &text);
  CHECK(*DecodeRegistryHead(text) == RegistryHead{kMostNumber + 1, 77, {1, 2, 3, 4, 5, 6, 7, 8}});
  text.clear();
  EncodeRegistryHead({kMostNumber + 2, 0, {}}, &text);
  CHECK_FALSE(DecodeRegistryHead(text).ok());
  text.clear();
  Totals totals;
  totals.accepted = 300;
  EncodeNamespaceWake({NamespaceWake::Asleep{WallTime{-5}, totals}}, &text);
  CHECK(DecodeNamespaceWake(text)->asleep->until == WallTime{-5});
  CHECK(DecodeNamespaceWake(text)->asleep->totals.accepted == 300);
  for (size_t i = 0; i < text.size(); ++i) CHECK_FALSE(DecodeNamespaceWake(text.substr(0, i)).ok());
}

TEST_CASE("registry records: sealed secrets are not in the bytes, and open for their own row alone") {
  const FakeSeal seal;
  const NamespaceRow space = FullNamespace();
  const std::string value = Bytes(space, &seal);
  CHECK(value.find("0123456789abcdefghijklmn") == std::string::npos);
  REQUIRE(DecodeNamespace(space.number, value, &seal).ok());
  CHECK(**DecodeNamespace(space.number, value, &seal) == space);
  CHECK_FALSE(DecodeNamespace(space.number, value, nullptr).ok());
  CHECK_FALSE(DecodeNamespace(301, value, &seal).ok());
  // What was written before sealing was switched on is read on.
  CHECK(**DecodeNamespace(space.number, Bytes(space), &seal) == space);

  const TokenRow token = FullToken();
  const std::string sealed = Bytes(token, &seal);
  CHECK(sealed.find(std::string(BytesOf(*token.secret.signing_key))) == std::string::npos);
  CHECK(**DecodeToken(token.id, sealed, &seal) == token);
  CHECK_FALSE(DecodeToken(token.id, sealed, nullptr).ok());
  CHECK_FALSE(DecodeToken("otherone", sealed, &seal).ok());
}

/// Any fields under a right checksum.
std::string Reframed(std::string fields) {
  Encoder(&fields).Big32(Checksum(fields));
  return fields;
}

TEST_CASE("registry records: changed bytes are damage, also under a right checksum, or are read in the one form in which they are written") {
  const std::string space = Bytes(FullNamespace()), token = Bytes(FullToken());
  for (size_t i = 0; i < space.size(); ++i) CHECK_FALSE(DecodeNamespace(300, space.substr(0, i), nullptr).ok());
  for (size_t i = 0; i < token.size(); ++i) CHECK_FALSE(DecodeToken("abcdEFGH", token.substr(0, i), nullptr).ok());
  Random random(11);
  size_t good = 0, bad = 0;
  for (int i = 0; i < 40'000; ++i) {
    const bool is_token = i % 2 == 0;
    std::string fields = (is_token ? token : space).substr(0, (is_token ? token : space).size() - 4);
    for (uint64_t changes = 1 + random.Below(3); changes > 0; --changes) {
      const size_t at = random.Below(fields.size());
      if (random.Chance(0.7)) fields[at] = static_cast<char>(random.Chance(0.5) ? fields[at] ^ 1 << random.Below(8) : random.Next());
      else if (random.Chance(0.5)) fields.erase(at, 1 + random.Below(4));
      else fields.insert(at, 1, static_cast<char>(random.Next()));
      if (fields.empty()) fields = "\x01";
    }
    const std::string value = Reframed(fields);
    std::string again;
    if (is_token) {
      const auto read = DecodeToken("abcdEFGH", value, nullptr);
      if (read.ok()) {
        again = Bytes(**read);
        const auto twice = DecodeToken("abcdEFGH", again, nullptr);
        REQUIRE(twice.ok());
        REQUIRE(Bytes(**twice) == again);
      }
    } else {
      const auto read = DecodeNamespace(300, value, nullptr);
      if (read.ok()) {
        again = Bytes(**read);
        const auto twice = DecodeNamespace(300, again, nullptr);
        REQUIRE(twice.ok());
        REQUIRE(Bytes(**twice) == again);
      }
    }
    again.empty() ? ++bad : ++good;
  }
  CHECK(good > 1000);
  CHECK(bad > 1000);
}

}  // namespace
}  // namespace notifyd
