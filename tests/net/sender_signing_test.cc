// Signed calls, as they are on the wire: verified by OpenSSL, and by the reference implementation of Standard Webhooks where node and npm are there.
#include "net/sender_fixture.h"
#include "net/signing/webhook.h"
#include "support/process.h"
#include "support/temp_dir.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/json.h"

using namespace notifyd;

namespace {

struct Signed {
  std::string id, timestamp, signatures, body;
};

std::string HeaderOf(const std::string& request, const std::string& name) {
  const size_t at = request.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const size_t from = at + name.size() + 4;
  return request.substr(from, request.find("\r\n", from) - from);
}

Signed SignedIn(const std::string& request) {
  return {HeaderOf(request, "webhook-id"), HeaderOf(request, "webhook-timestamp"), HeaderOf(request, "webhook-signature"),
          request.substr(request.find("\r\n\r\n") + 4)};
}

/// By OpenSSL alone.
bool Verifies(const Signed& call, const SigningKey& key) {
  const std::string content = call.id + "." + call.timestamp + "." + call.body;
  const auto* bytes = reinterpret_cast<const unsigned char*>(content.data());
  std::istringstream all(call.signatures);
  for (std::string each; all >> each;) {
    const size_t comma = each.find(',');
    const std::string version = each.substr(0, comma), signature = *DecodeBase64(each.substr(comma + 1));
    if (version == "v1" && key.kind == SigningKind::kHmac) {
      unsigned char mac[EVP_MAX_MD_SIZE];
      unsigned size = 0;
      HMAC(EVP_sha256(), key.secret.data(), static_cast<int>(key.secret.size()), bytes, content.size(), mac, &size);
      if (signature == std::string(reinterpret_cast<char*>(mac), size)) return true;
    }
    if (version == "v1a" && key.kind == SigningKind::kEd25519) {
      const std::string public_key = Ed25519Public(key.secret);
      EVP_PKEY* pkey =
          EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(public_key.data()), public_key.size());
      EVP_MD_CTX* context = EVP_MD_CTX_new();
      EVP_DigestVerifyInit(context, nullptr, nullptr, nullptr, pkey);
      const bool good =
          EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(), bytes, content.size()) == 1;
      EVP_MD_CTX_free(context);
      EVP_PKEY_free(pkey);
      if (good) return true;
    }
  }
  return false;
}

/// Where the reference implementation lies; empty: it cannot be had.
std::string Reference() {
  const std::string directory = NOTIFYD_REFERENCE_DIR;
  const std::string command =
      "sh -c 'command -v node >/dev/null && { [ -d \"" + directory + "/node_modules/standardwebhooks\" ] || { mkdir -p \"" + directory +
      "\" && cd \"" + directory +
      "\" && timeout 60 npm install --no-audit --no-fund --ignore-scripts --prefix . standardwebhooks@1.0.0; }; }' >/dev/null 2>&1";
  return std::system(command.c_str()) == 0 ? directory : std::string();
}

std::string ByReference(const std::string& directory, const std::vector<std::pair<const SigningKey*, Signed>>& calls) {
  test::TempDir files;
  std::string lines;
  for (const auto& [key, call] : calls) {
    JsonWriter json(&lines);
    json.BeginObject();
    json.Key("secret");
    json.String(FormatKeyText(key->kind, key->secret));
    json.Key("headers");
    json.BeginObject();
    for (const auto& [name, value] :
         {std::pair("webhook-id", call.id), {"webhook-timestamp", call.timestamp}, {"webhook-signature", call.signatures}}) {
      json.Key(name);
      json.String(value);
    }
    json.EndObject();
    json.Key("body");
    json.String(call.body);
    json.EndObject();
    lines += "\n";
  }
  test::Process node("node", {.arguments = {NOTIFYD_REFERENCE_SCRIPT, directory}, .environment = {}, .stdin_file = files.Write("calls", lines)});
  node.Wait();
  return node.output();
}

NamespaceRow Row(std::vector<SigningKey> keys) {
  NamespaceRow row;
  row.name = "default";
  row.keys = std::move(keys);
  return row;
}

SigningKey Key(const std::string& name, SigningKind kind, int64_t created_ms = 0, WallTime valid_until = kWallNever) {
  return {name, kind, MakeKeySecret(), WallTime{created_ms}, valid_until};
}

WallTime WallNow() {
  return WallTime{std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
}

}  // namespace

TEST_CASE("signing: what is signed is what is sent, packed where that is asked for") {
  TinyReceiver receiver(200, "");
  SenderFixture sender;
  const SigningKey key = Key("main", SigningKind::kHmac);
  sender.at = WallNow();
  sender.SetTable({Row({key})});
  NotifySpec spec = PostOf(receiver.Url("/"), std::string(1'000, 'x'));
  spec.compress = true;
  CHECK(sender.Send(spec).verdict == Verdict::kSuccess);
  const Signed call = SignedIn(receiver.requests().at(0));
  CHECK(call.body.size() < 500);
  CHECK(Verifies(call, key));
}

TEST_CASE("signing: a large body is signed beside the loop, for each hop that it goes to") {
  TinyReceiver receiver([](TinyReceiver::Peer& peer) {
    std::string request;
    while (peer.ReadRequest(&request)) {
      if (request.starts_with("POST /to")) peer.Answer(200, "");
      else peer.Answer(307, "", "Location: /to\r\n");
    }
  });
  SenderOptions options;
  options.follow_redirects = true;
  SenderFixture sender(options);
  const SigningKey mac = Key("main", SigningKind::kHmac), pair = Key("main", SigningKind::kEd25519);
  sender.at = WallNow();
  sender.SetTable({Row({mac, pair})});
  const NotifySpec spec = PostOf(receiver.Url("/from"), std::string(300'000, 'x'));
  CHECK(sender.Send(spec).verdict == Verdict::kSuccess);
  sender.OnLoop([&] { CHECK(sender.prepared_apart() == 2); });
  const std::vector<std::string> requests = receiver.requests();
  REQUIRE(requests.size() == 2);
  for (const std::string& request : requests) {
    const Signed call = SignedIn(request);
    CHECK(call.body == spec.payload);
    CHECK(Verifies(call, mac));
    CHECK(Verifies(call, pair));
  }
}

TEST_CASE("signing: a rotation reaches what waits for its retry; both keys verify during the overlap, the new one alone afterwards") {
  TinyReceiver receiver(500, "");
  SenderFixture sender;
  const WallTime now = WallNow();
  SigningKey old_mac = Key("main", SigningKind::kHmac), old_pair = Key("main", SigningKind::kEd25519);
  const SigningKey new_mac = Key("main", SigningKind::kHmac, 1), new_pair = Key("main", SigningKind::kEd25519, 1);
  const NotifySpec spec = PostOf(receiver.Url("/hook"), "{\"test\": \"\xC3\xA4\"}");
  const auto attempt = [&](WallTime at) {
    sender.at = at;
    CHECK(sender.Send(spec).verdict == Verdict::kFailure);
    return SignedIn(receiver.requests().back());
  };
  sender.SetTable({Row({old_mac, old_pair})});
  const Signed before = attempt(now);
  old_mac.valid_until = old_pair.valid_until = WallTime{now.ms + 2000};
  sender.SetTable({Row({old_mac, old_pair, new_mac, new_pair})});
  const Signed during = attempt({now.ms + 1000}), after = attempt({now.ms + 2000});
  CHECK(before.timestamp == std::to_string(now.ms / 1000));
  CHECK(before.id == HeaderOf(receiver.requests().front(), "Notify-Id"));
  CHECK(before.body == spec.payload);
  struct Row {
    const Signed* call;
    bool old_good, new_good;
  };
  for (const Row& row : {Row{&before, true, false}, Row{&during, true, true}, Row{&after, false, true}}) {
    CHECK(Verifies(*row.call, old_mac) == row.old_good);
    CHECK(Verifies(*row.call, old_pair) == row.old_good);
    CHECK(Verifies(*row.call, new_mac) == row.new_good);
    CHECK(Verifies(*row.call, new_pair) == row.new_good);
  }
  const std::string reference = Reference();
  if (reference.empty()) {
    WARN("node or npm is not there: the reference implementation was not asked");
    return;
  }
  Signed forged = during;
  forged.body += " ";
  CHECK(ByReference(reference, {{&old_mac, before},
                                {&new_mac, before},
                                {&old_mac, during},
                                {&new_mac, during},
                                {&old_mac, after},
                                {&new_mac, after},
                                {&new_mac, forged}}) == "good\nbad\ngood\ngood\nbad\ngood\nbad\n");
}

TEST_CASE("signing: a rule chooses the key by its name, or none at all; what it names must be there") {
  TinyReceiver receiver(200, "");
  const std::string origin = "http://127.0.0.1:" + std::to_string(receiver.port());
  std::vector<DestinationRule> rules(3);
  const char* const paths[] = {"/named", "/none", "/gone"};
  for (size_t i = 0; i < rules.size(); ++i) rules[i].match = *UrlPattern::Parse(origin + paths[i]);
  rules[0].sign = "edge";
  rules[1].signs = false;
  rules[2].sign = "lost";
  SenderOptions options;
  options.rules = std::make_shared<const DestinationRules>(rules, FingerprintOf("1"));
  SenderFixture sender(options);
  const SigningKey main = Key("main", SigningKind::kHmac, 2), edge = Key("edge", SigningKind::kHmac, 1);
  const auto call = [&](const char* path) {
    CHECK(sender.Send(PostOf(receiver.Url(path), "x")).verdict == Verdict::kSuccess);
    return SignedIn(receiver.requests().back());
  };
  CHECK(call("/plain").signatures.empty());
  sender.SetTable({Row({main, edge})});
  CHECK(Verifies(call("/plain"), main));
  CHECK_FALSE(Verifies(call("/plain"), edge));
  CHECK(Verifies(call("/named"), edge));
  CHECK_FALSE(Verifies(call("/named"), main));
  CHECK(call("/none").id.empty());
  const AttemptResult unsigned_call = sender.Send(PostOf(receiver.Url("/gone"), "x"));
  CHECK(unsigned_call.verdict == Verdict::kFailure);
  CHECK(unsigned_call.record.error == "not_signed");
}

TEST_CASE("signing: an older notify's own webhook headers give way; a redirect to another origin takes no signature along") {
  TinyReceiver other(200, "");
  TinyReceiver receiver([&](TinyReceiver::Peer& peer) {
    for (std::string request; peer.ReadRequest(&request);) {
      if (request.starts_with("POST /a")) peer.Answer(307, "", "Location: /b\r\n");
      else if (request.starts_with("POST /b")) peer.Answer(307, "", "Location: " + other.Url("/c") + "\r\n");
    }
  });
  SenderOptions options;
  options.follow_redirects = true;
  SenderFixture sender(options);
  const SigningKey main = Key("main", SigningKind::kHmac);
  sender.SetTable({Row({main})});
  NotifySpec spec = PostOf(receiver.Url("/a"), "x");
  spec.headers = {{"Webhook-Id", "forged"}, {"webhook-other", "forged"}};
  REQUIRE(sender.Send(spec).verdict == Verdict::kSuccess);
  for (const std::string& request : receiver.requests()) {
    CHECK(Verifies(SignedIn(request), main));
    CHECK(request.find("forged") == std::string::npos);
  }
  CHECK(receiver.requests().size() == 2);
  CHECK(other.requests().at(0).find("webhook-") == std::string::npos);
}
