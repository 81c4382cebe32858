#include "net/access/admission.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/check.h"
#include "base/crypto.h"
#include "net/access/signed_head.h"
#include "net/access/token.h"

namespace notifyd {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kSignedWithinMs = 5 * kMinuteMs;
constexpr std::string_view kBearer = "Bearer";
constexpr std::string_view kStream = "application/x-ndjson";
constexpr char kChallenge[] = "Bearer realm=\"notifyd\", Notify-HMAC-SHA256 realm=\"notifyd\"";
constexpr char kChallengeAgain[] = "Bearer realm=\"notifyd\", error=\"invalid_token\", Notify-HMAC-SHA256 realm=\"notifyd\"";

NotAdmitted NoCredential() {
  return {401, "a token is needed: Authorization: Bearer ntf_...", kChallenge, "no_credential", {}};
}

/// One text for all: whoever tries does not learn what was wrong. The log has the reason.
NotAdmitted WrongCredential(const char* reason, std::string_view token_id = {}) {
  return {401, "the credential is not valid, or not from here", kChallengeAgain, reason, std::string(token_id), !token_id.empty()};
}

/// Whoever served it before, or the process before this one, remembers what it took, and this one does not. Not the fault of who asks: signed anew it
/// is taken.
std::optional<NotAdmitted> SignedBefore() {
  return NotAdmitted{503, "this was signed before this broker served what it is about, and may have been taken then: sign it anew", {}, "", {}};
}

NotAdmitted Forbidden(std::string detail) {
  return {403, std::move(detail), {}, "", {}};
}

bool HasBody(const HttpRequest& head) {
  if (!head.body.empty() || head.Header("Transfer-Encoding") != nullptr) return true;
  const std::string* length = head.Header("Content-Length");
  return length != nullptr && length->find_first_not_of('0') != std::string::npos;
}

bool IsStream(const HttpRequest& head) {
  const std::string* type = head.Header("Content-Type");
  return type != nullptr && EqualsIgnoringCase(std::string_view(*type).substr(0, kStream.size()), kStream);
}

const std::shared_ptr<const NamedGrant>& Bootstrap() {
  static const auto kGrant = std::make_shared<const NamedGrant>(NamedGrant{"bootstrap token", Grant::Everything()});
  return kGrant;
}

/// Who may connect there is the listener's to judge; which routes it serves, the router's.
const std::shared_ptr<const NamedGrant>& ControlSocket() {
  static const auto kGrant = std::make_shared<const NamedGrant>(NamedGrant{"control socket", Grant::Everything()});
  return kGrant;
}

}  // namespace

Admission::Admission(std::shared_ptr<const AuthSettings> settings, std::shared_ptr<const AccessTable> table, NonceMemory* nonces, WallTime started)
    : settings_(std::move(settings)), table_(std::move(table)), nonces_(nonces), started_(started) {}

bool Admission::Holds(const Principal& principal, const Needed& needed, WallTime now) const {
  if (principal.anybody()) return !settings_->tokens;
  if (!principal.HoldsIn(*table_, needed, now)) return false;
  const NamedGrant* named = principal.named();
  if (!named || named == ControlSocket().get()) return true;
  if (named == Bootstrap().get()) return settings_->bootstrap && !table_->HasAdminOfAll(now);
  auto has = [&](const auto& grants) {
    return std::any_of(grants.begin(), grants.end(), [&](const auto& each) { return principal.HoldsBy(*each.second, *table_, needed); });
  };
  return has(settings_->peers) || has(settings_->certificates);
}

std::variant<Admitted, NotAdmitted> Admission::Admit(const Peer& peer, const HttpRequest& head, const Need& need, WallTime now) {
  if (need.open) return Admitted{};
  // A listener that says who its clients are says what they may do, too, whoever else is asked.
  Once once;
  Identified identified = settings_->tokens || peer.asker ? Identify(peer, head, need, now, &once) : Admitted{.principal = Principal::Anybody()};
  Admitted* admitted = std::get_if<Admitted>(&identified);
  if (admitted == nullptr || !need.known) return identified;
  std::optional<NotAdmitted> refused;
  if (!admitted->principal.HasAny(need.scopes)) refused = Forbidden("this needs the scope " + need.scopes.ToString());
  else refused = ChooseNamespace(need, admitted);
  if (refused) {
    // A token's grant may be another by now, and a namespace there.
    refused->may_be_new = refused->status == 404 || !admitted->principal.token_id().empty();
    return *std::move(refused);
  }
  // Last: what is refused may come again. Of the second of the start it is not known whether it was signed before.
  if (!once.nonce.empty()) refused = once.signed_at < std::max(need.served_since, started_) ? SignedBefore() : TakeOnce(once, now, admitted);
  if (refused) return *std::move(refused);
  return identified;
}

Admission::Identified Admission::Identify(const Peer& peer, const HttpRequest& head, const Need& need, WallTime now, Once* once) {
  const std::string* shown = nullptr;
  for (const auto& [name, value] : head.headers) {
    if (!EqualsIgnoringCase(name, "Authorization")) continue;
    if (shown != nullptr) return WrongCredential("several_credentials");
    shown = &value;
  }
  if (shown == nullptr) return ByPeer(peer);
  const std::string_view text = *shown;
  const size_t blank = std::min(text.find(' '), text.size());
  const size_t begin = std::min(text.find_first_not_of(' ', blank), text.size());
  const std::string_view scheme = text.substr(0, blank), rest = text.substr(begin);
  if (EqualsIgnoringCase(scheme, kBearer)) return ByToken(rest, peer, now);
  if (EqualsIgnoringCase(scheme, kSignedScheme)) return BySignature(rest, peer, head, need, now, once);
  return WrongCredential("unknown_scheme");
}

Admission::Identified Admission::ByPeer(const Peer& peer) const {
  if (peer.asker) return Admitted{.principal = Principal(peer.asker->grant)};
  if (peer.serves.control) return Admitted{.principal = Principal(ControlSocket())};
  if (peer.uid && *peer.uid != settings_->overflow_uid) {
    if (auto found = settings_->peers.find(*peer.uid); found != settings_->peers.end()) return Admitted{.principal = Principal(found->second)};
  }
  for (const std::string& name : peer.certificate_names) {
    if (auto found = settings_->certificates.find(name); found != settings_->certificates.end())
      return Admitted{.principal = Principal(found->second)};
  }
  return NoCredential();
}

Admission::Identified Admission::ByToken(std::string_view text, const Peer& peer, WallTime now) {
  const std::optional<TokenText> parsed = ParseToken(text);
  const std::shared_ptr<const TokenRow> token = parsed ? table_->FindToken(parsed->id) : nullptr;
  const TokenSecret* right = FindSecret(token.get(), parsed ? parsed->secret : text, now);
  static const Digest256 kNoToken = Sha256(RandomBytes(32));
  const bool first = EqualSecrets(BytesOf(Sha256(text)), BytesOf(settings_->bootstrap.value_or(kNoToken)));
  if (right != nullptr) return Accept(token, *right, peer, now);
  if (first && !table_->HasAdminOfAll(now)) return Admitted{.principal = Principal(Bootstrap())};
  return WrongCredential(first ? "bootstrap_is_over" : token ? "wrong_secret" : "unknown_token", parsed ? parsed->id : std::string_view());
}

Admission::Identified Admission::BySignature(std::string_view parameters, const Peer& peer, const HttpRequest& head, const Need& need, WallTime now,
                                             Once* once) {
  const std::optional<SignedHead> said = ParseSignedHead(parameters);
  if (!said) return WrongCredential("unreadable_signature");
  const std::shared_ptr<const TokenRow> token = table_->FindToken(said->id);
  const std::optional<std::string> lines = LinesToSign(head, said->ts, said->nonce);
  if (!lines) return WrongCredential("repeated_header", said->id);

  static const Digest256 kNoKey = Sha256(RandomBytes(32));
  const bool old_counts = token && token->old_secret && now < token->old_until;
  auto matches = [&](const TokenSecret* secret) {
    const bool has = secret != nullptr && secret->signing_key;
    return EqualSecrets(said->signature, BytesOf(HmacSha256(BytesOf(has ? *secret->signing_key : kNoKey), *lines))) && has;
  };
  const bool right = matches(token ? &token->secret : nullptr);
  const bool right_old = matches(old_counts ? &*token->old_secret : nullptr);
  if (!(right | right_old) || !token->signing) return WrongCredential(token ? "wrong_signature" : "unknown_token", said->id);

  const std::string* header = head.Header("Content-Digest");
  const std::string_view digest = header != nullptr ? TrimBlanks(*header) : std::string_view();
  if (HasBody(head) && digest.empty()) return WrongCredential("body_not_signed", said->id);
  // From here on it is the token's owner who asks.
  const int64_t signed_ms = said->ts > kWallNever.ms / 1000 ? kWallNever.ms : said->ts * 1000;
  if (signed_ms - kSignedWithinMs > now.ms || signed_ms < now.ms - kSignedWithinMs - 999) return WrongCredential("signed_at_another_time", said->id);
  Identified identified = Accept(token, right ? token->secret : *token->old_secret, peer, now);
  Admitted* admitted = std::get_if<Admitted>(&identified);
  if (admitted == nullptr) return identified;
  if (IsStream(head)) return NotAdmitted{422, "a stream of notifies (NDJSON) takes no signature: show the token", {}, "", std::string(said->id)};
  admitted->content_digest = std::string(digest);
  if (!need.changes) return identified;
  if (said->ts < started_.ms / 1000) return WrongCredential("signed_before_start", said->id);
  *once = {said->id, said->nonce, WallTime{signed_ms}, WallTime{signed_ms + kSignedWithinMs + 1000}};
  return identified;
}

std::optional<NotAdmitted> Admission::TakeOnce(const Once& once, WallTime now, Admitted* admitted) {
  NonceMemory::Taken taken;
  switch (nonces_->Add(once.token_id, once.nonce, once.until, now, &taken)) {
    case NonceMemory::Answer::kNew:
      admitted->nonce = taken;
      return std::nullopt;
    case NonceMemory::Answer::kSeen:
      return WrongCredential("repeated_nonce", once.token_id);
    case NonceMemory::Answer::kFull:
      break;
  }
  return NotAdmitted{429, "too many signed changes in the last minutes", {}, "", std::string(once.token_id)};
}

Admission::Identified Admission::Accept(std::shared_ptr<const TokenRow> token, const TokenSecret& shown, const Peer& peer, WallTime now) {
  if (token->disabled) return WrongCredential("disabled_token", token->id);
  if (token->grant.ExpiredAt(now)) return WrongCredential("expired_token", token->id);
  if (!IsFrom(token->grant.cidrs, peer.address)) return WrongCredential("wrong_address", token->id);
  if (minute_ != now.ms / kMinuteMs) {
    minute_ = now.ms / kMinuteMs;
    used_.clear();
  }
  const bool first_use = used_.insert(token->id).second;
  return Admitted{.principal = Principal(std::move(token), shown, peer.address), .first_use = first_use};
}

std::optional<NotAdmitted> Admission::ChooseNamespace(const Need& need, Admitted* admitted) const {
  const Principal& principal = admitted->principal;
  if (need.sphere == Need::Sphere::kNone) return std::nullopt;
  if (need.sphere == Need::Sphere::kAll)
    return principal.HasAllNamespaces() ? std::nullopt : std::optional(Forbidden("this needs a token of all namespaces (\"*\")"));
  const NotAdmitted missing{404, "there is no such notify", {}, "", {}};
  std::string_view name;
  if (need.named) {
    name = *need.named;
    if (!principal.HasNamespace(name)) return Forbidden("this token is not one of the namespace");
  } else if (need.id_number) {
    // An id says where it belongs. A foreign one is answered as one that does not exist.
    admitted->space = table_->FindNamespace(*need.id_number);
    if (admitted->space == nullptr || !principal.HasNamespace(admitted->space->name)) return missing;
    return std::nullopt;
  } else if (const NamespaceSet& set = principal.grant()->namespaces; set.names.size() == 1) {
    name = set.names.front();
  } else if (set.Has(kDefaultNamespace)) {
    name = kDefaultNamespace;
  } else {
    return NotAdmitted{422, "this token is one of several namespaces: name one, as in /v1/namespaces/{namespace}/notifies", {}, "", {}};
  }
  admitted->space = table_->FindNamespace(name);
  if (admitted->space == nullptr) return NotAdmitted{404, "there is no namespace \"" + std::string(name) + "\"", {}, "", {}};
  if (need.id_number && *need.id_number != admitted->space->number) return missing;
  return std::nullopt;
}

}  // namespace notifyd
