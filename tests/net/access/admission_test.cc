#include "net/access/admission.h"

#include <catch2/catch.hpp>

#include "base/crypto.h"
#include "net/access/access_fixture.h"

namespace notifyd {
namespace {

const Need kSubmits{.scopes = {Scope::kSubmit}, .changes = true};

TEST_CASE("admission: without auth.mode token everybody may do everything, in default where no other is named") {
  AccessStage stage;
  stage.settings.tokens = false;
  const auto answer = stage.Ask(AccessStage::Request("Bearer nonsense"), {.scopes = {Scope::kAdmin}});
  REQUIRE(StatusOf(answer) == 200);
  CHECK(std::get<Admitted>(answer).space->name == "default");
  CHECK(std::get<Admitted>(answer).principal.anybody());
  CHECK(StatusOf(stage.Ask(AccessStage::Request(), {.scopes = {Scope::kRead}, .sphere = Need::Sphere::kAll})) == 200);
  CHECK(StatusOf(stage.Ask(AccessStage::Request(), {.scopes = {Scope::kRead}, .named = "none"})) == 404);
}

TEST_CASE("admission: credentials that are none") {
  AccessStage stage;
  const std::string text = stage.Give(Grant::Everything());
  struct Case {
    std::string shown;
    const char* reason;
  };
  const Case table[] = {
      {"", "no_credential"},
      {"Bearer", "unknown_token"},
      {"Bearer " + text.substr(0, text.size() - 1), "wrong_secret"},
      {"Bearer ntf_" + std::string(12, 'a') + "_" + stage.last.secret, "unknown_token"},
      {"Bearer " + text + "_", "unknown_token"},
      {"Bearer " + text + " ", "unknown_token"},
      {"Basic " + text, "unknown_scheme"},
      {text, "unknown_scheme"},
      {"Notify-HMAC-SHA256 " + text, "unreadable_signature"},
  };
  for (const Case& each : table) {
    CAPTURE(each.shown);
    const auto answer = stage.Ask(AccessStage::Request(each.shown), kSubmits);
    CHECK(StatusOf(answer) == 401);
    CHECK(ReasonOf(answer) == each.reason);
    CHECK(std::get<NotAdmitted>(answer).detail.find(stage.last.secret) == std::string::npos);
  }
  for (const char* scheme : {"Bearer ", "bearer ", "BEARER  "}) CHECK(StatusOf(stage.Ask(AccessStage::Request(scheme + text), kSubmits)) == 200);
  HttpRequest twice = AccessStage::Request("Bearer " + text);
  twice.headers.emplace_back("authorization", "Bearer " + text);
  CHECK(ReasonOf(stage.Ask(twice, kSubmits)) == "several_credentials");
}

TEST_CASE("admission: a token counts until it expires, where it may come from, and while it is enabled") {
  AccessStage stage;
  TokenRow row = stage.NewRow(Grant::Everything());
  const std::string shown = "Bearer " + stage.last.Text();
  SECTION("expiry") {
    row.grant.expires_at = kLater;
    stage.Put(row);
    CHECK(StatusOf(stage.Ask(AccessStage::Request(shown), kSubmits, AccessStage::From("10.0.0.1"), WallTime{kLater.ms - 1})) == 200);
    CHECK(ReasonOf(stage.Ask(AccessStage::Request(shown), kSubmits)) == "expired_token");
  }
  SECTION("addresses") {
    row.grant.cidrs = {*Cidr::Parse("10.0.0.0/8"), *Cidr::Parse("fd00::/8")};
    stage.Put(row);
    CHECK(StatusOf(stage.Ask(AccessStage::Request(shown), kSubmits, AccessStage::From("10.9.9.9"))) == 200);
    CHECK(StatusOf(stage.Ask(AccessStage::Request(shown), kSubmits, AccessStage::From("::ffff:10.9.9.9"))) == 200);
    CHECK(StatusOf(stage.Ask(AccessStage::Request(shown), kSubmits, AccessStage::From("fd12::1"))) == 200);
    CHECK(ReasonOf(stage.Ask(AccessStage::Request(shown), kSubmits, AccessStage::From("11.0.0.1"))) == "wrong_address");
    CHECK(ReasonOf(stage.Ask(AccessStage::Request(shown), kSubmits, Peer{std::nullopt, 0, {}})) == "wrong_address");
  }
  SECTION("disabled") {
    row.disabled = true;
    stage.Put(row);
    CHECK(ReasonOf(stage.Ask(AccessStage::Request(shown), kSubmits)) == "disabled_token");
  }
  SECTION("rotated") {
    row.old_secret = row.secret;
    row.old_until = kLater;
    const NewToken next = MakeToken();
    row.secret = KeepSecret(next.secret, false);
    stage.Put(row);
    CHECK(StatusOf(stage.Ask(AccessStage::Request("Bearer ntf_" + row.id + "_" + next.secret), kSubmits)) == 200);
    CHECK(StatusOf(stage.Ask(AccessStage::Request(shown), kSubmits, AccessStage::From("10.0.0.1"), WallTime{kLater.ms - 1})) == 200);
    CHECK(ReasonOf(stage.Ask(AccessStage::Request(shown), kSubmits)) == "wrong_secret");
  }
}

TEST_CASE("admission: the bootstrap token counts while there is no valid admin token of all namespaces") {
  AccessStage stage;
  const std::string text = "ntf_bootstrap00_" + MakeTokenSecret();
  stage.settings.bootstrap = Sha256(text);
  const Need admin{.scopes = {Scope::kAdmin}, .sphere = Need::Sphere::kNone};
  CHECK(StatusOf(stage.Ask(AccessStage::Request("Bearer " + text), admin)) == 200);
  stage.Give(AccessStage::Of({"one"}, {Scope::kAdmin}));
  stage.Give(AccessStage::Of({"*"}, {Scope::kRead}));
  CHECK(StatusOf(stage.Ask(AccessStage::Request("Bearer " + text), admin)) == 200);
  TokenRow row = stage.NewRow(AccessStage::Of({"*"}, {Scope::kAdmin}));
  row.grant.expires_at = kLater;
  stage.Put(row);
  CHECK(ReasonOf(stage.Ask(AccessStage::Request("Bearer " + text), admin, AccessStage::From("10.0.0.1"), WallTime{kLater.ms - 1})) ==
        "bootstrap_is_over");
  CHECK(StatusOf(stage.Ask(AccessStage::Request("Bearer " + text), admin)) == 200);
  row.grant.expires_at.reset();
  stage.Put(row);
  CHECK(StatusOf(stage.Ask(AccessStage::Request("Bearer " + text), admin)) == 401);
  stage.settings.bootstrap.reset();
  CHECK(ReasonOf(stage.Ask(AccessStage::Request("Bearer " + text), admin)) == "unknown_token");
}

TEST_CASE("admission: a uid or a certificate that is listed stands for a token, but not beside a wrong one") {
  AccessStage stage;
  stage.settings.peers[1000] = std::make_shared<const NamedGrant>(NamedGrant{"peer 1000", AccessStage::Of({"one"}, {Scope::kSubmit})});
  stage.settings.peers[65534] = stage.settings.peers[1000];
  stage.settings.certificates["DNS:billing.example"] =
      std::make_shared<const NamedGrant>(NamedGrant{"certificate DNS:billing.example", AccessStage::Of({"two"}, {Scope::kSubmit})});
  auto ask = [&](std::optional<uint32_t> uid, std::vector<std::string> names, const std::string& shown = {}) {
    return stage.Ask(AccessStage::Request(shown), kSubmits, Peer{std::nullopt, uid, std::move(names)});
  };
  CHECK(std::get<Admitted>(ask(1000, {})).space->name == "one");
  CHECK(std::get<Admitted>(ask(1000, {})).principal.name() == "peer 1000");
  CHECK(ReasonOf(ask(1001, {})) == "no_credential");
  CHECK(ReasonOf(ask(0, {})) == "no_credential");
  CHECK(ReasonOf(ask(65534, {})) == "no_credential");
  CHECK(std::get<Admitted>(ask({}, {"DNS:other.example", "DNS:billing.example"})).space->name == "two");
  CHECK(ReasonOf(ask({}, {"URI:billing.example"})) == "no_credential");
  CHECK(ReasonOf(ask(1000, {"DNS:billing.example"}, "Bearer nonsense")) == "unknown_token");
}

TEST_CASE("admission: over the control socket nobody is asked for a credential, but a wrong one is refused there too") {
  AccessStage stage;
  const Need admin{.scopes = {Scope::kAdmin}, .sphere = Need::Sphere::kNone};
  const Peer peer{std::nullopt, 0, {}, ServedParts::ControlSocket()};
  CHECK(StatusOf(stage.Ask(AccessStage::Request(""), admin, peer)) == 200);
  CHECK(std::get<Admitted>(stage.Ask(AccessStage::Request(""), admin, peer)).principal.name() == "control socket");
  CHECK(ReasonOf(stage.Ask(AccessStage::Request("Bearer nonsense"), admin, peer)) == "unknown_token");
  CHECK(ReasonOf(stage.Ask(AccessStage::Request(""), admin, Peer{std::nullopt, 0})) == "no_credential");
}

TEST_CASE("admission: a token's use is told once a minute") {
  AccessStage stage;
  const std::string a = "Bearer " + stage.Give(Grant::Everything()), b = "Bearer " + stage.Give(Grant::Everything());
  Admission admission = stage.Make();
  auto first = [&](const std::string& shown, int64_t ms) {
    return std::get<Admitted>(admission.Admit(AccessStage::From("10.0.0.1"), AccessStage::Request(shown), kSubmits, WallTime{kStart.ms + ms}))
        .first_use;
  };
  CHECK(first(a, 0));
  CHECK_FALSE(first(a, 59'999));
  CHECK(first(b, 59'999));
  CHECK(first(a, 60'000));
  CHECK_FALSE(first(a, 60'001));
}

TEST_CASE("admission: another table holds from the next request on") {
  AccessStage stage;
  const std::string shown = "Bearer " + stage.Give(Grant::Everything());
  Admission admission = stage.Make();
  CHECK(StatusOf(admission.Admit(AccessStage::From("10.0.0.1"), AccessStage::Request(shown), kSubmits, kLater)) == 200);
  stage.table.PutToken(stage.last.id, nullptr);
  admission.SetTable(std::make_shared<const AccessTable>(stage.table));
  CHECK(StatusOf(admission.Admit(AccessStage::From("10.0.0.1"), AccessStage::Request(shown), kSubmits, kLater)) == 401);
}

}  // namespace
}  // namespace notifyd
