// Admission: who may do what, decided from a request's head and from what the listener knows of its peer, before anything is read. The one place
// where that is decided. Contract section 8.
//
// I1  In this order, each before the next: credential (401, for unknown paths too), scope (403, which names it), namespace by the grant alone (403,
//     whether it exists or not), object (404).
// I2  An unknown token costs what a known one costs: one hash, two comparisons.
// I3  Whoever shows a credential is judged by it alone: a wrong one is refused also where the peer's uid or certificate would do.
//
// One a loop, on its thread; what all loops share (the table, the nonces) is shared by pointers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <variant>
#include <vector>

#include "base/time.h"
#include "broker/access_table.h"
#include "net/access/nonce_memory.h"
#include "net/access/principal.h"
#include "net/http.h"
#include "net/peer.h"

namespace notifyd {

/// What the configuration says.
struct AuthSettings {
  bool tokens = false;  // auth.mode "token"; else "none"
  std::map<uint32_t, std::shared_ptr<const NamedGrant>> peers;
  /// By a name as TlsSession::peer_names has it. Of a certificate with several the first one that is listed counts.
  std::map<std::string, std::shared_ptr<const NamedGrant>> certificates;
  std::optional<Digest256> bootstrap;  // SHA-256 of auth.bootstrap_token_file's token
  /// Whoever the kernel has no uid for in this user namespace: means anybody, and so nobody.
  uint32_t overflow_uid = 65'534;
};

/// What a request about a namespace that is being removed is refused with (409).
inline constexpr const char* kNamespaceGoes = "the namespace is being removed";

/// What an endpoint asks for: its row in the table of routes, and what stands in the request's target.
struct Need {
  enum class Sphere : uint8_t {
    kNone,       // no namespace: tokens, the list of namespaces, what is open
    kNamespace,  // one
    kAll,        // sums over all of them: a grant of `*`
  };
  bool known = true;     // false: there is nothing at this path, so that only the credential is judged
  bool open = false;     // for everybody: probes, public keys
  ScopeSet scopes = {};  // one of them
  Sphere sphere = Sphere::kNamespace;
  bool changes = false;                           // anything: a signed one must not be taken twice
  WallTime served_since = {};                     // a signed change of a time before may have been taken by whoever served it then
  std::optional<std::string> named = {};          // /v1/namespaces/{ns}/...
  std::optional<NamespaceNumber> id_number = {};  // the path names an id, of that namespace
};

/// It may go on.
struct Admitted {
  Principal principal = {};
  std::shared_ptr<const NamespaceRow> space = {};  // sphere kNamespace: the one that is meant
  /// A signed one: the body must have this digest (content_digest.h), or be empty where it is empty. Before anything is evaluated.
  std::optional<std::string> content_digest = {};
  /// A token that was not used in this minute yet, on this loop: to be told to the registry.
  bool first_use = false;
  /// A signed change: what is to be given back where nothing of it was begun.
  std::optional<NonceMemory::Taken> nonce = {};
};

/// It is refused.
struct NotAdmitted {
  int status = 401;
  std::string detail;  // for people; never says whether a token or a namespace exists
  /// The header WWW-Authenticate of a 401; empty else.
  std::string authenticate;
  /// For the log: "no_credential", "unknown_token", "wrong_address", ...; empty where it is no failed attempt.
  const char* reason = "";
  std::string token_id;  // as it was said, where one was
  bool may_be_new = false;  // a newer table of namespaces and tokens might say otherwise
};

class Admission {
 public:
  /// `nonces`: borrowed, shared. `started`: a signed change of a second before is refused as no credential, one of that second is to be signed anew.
  Admission(std::shared_ptr<const AuthSettings> settings, std::shared_ptr<const AccessTable> table, NonceMemory* nonces, WallTime started);

  void SetTable(std::shared_ptr<const AccessTable> table) { table_ = std::move(table); }
  void SetSettings(std::shared_ptr<const AuthSettings> settings) { settings_ = std::move(settings); }
  const AccessTable& table() const { return *table_; }

  /// Would whoever was let in be let in again, with what he showed then, to go on with what he began? As Principal::HoldsIn, and by the settings.
  bool Holds(const Principal& principal, const Needed& needed, WallTime now) const;

  /// A signed change that is refused is not remembered: it may come again.
  std::variant<Admitted, NotAdmitted> Admit(const Peer& peer, const HttpRequest& head, const Need& need, WallTime now);
  void GiveBack(const NonceMemory::Taken& nonce) { nonces_->GiveBack(nonce); }

 private:
  using Identified = std::variant<Admitted, NotAdmitted>;
  /// A signed change, borrowed from its head: not to be taken twice until then. Without a nonce: it is none.
  struct Once {
    std::string_view token_id, nonce;
    WallTime signed_at, until;
  };
  Identified Identify(const Peer& peer, const HttpRequest& head, const Need& need, WallTime now, Once* once);
  Identified ByToken(std::string_view text, const Peer& peer, WallTime now);
  Identified BySignature(std::string_view parameters, const Peer& peer, const HttpRequest& head, const Need& need, WallTime now, Once* once);
  /// Nothing: it comes for the first time.
  std::optional<NotAdmitted> TakeOnce(const Once& once, WallTime now, Admitted* admitted);
  Identified ByPeer(const Peer& peer) const;
  Identified Accept(std::shared_ptr<const TokenRow> token, const TokenSecret& shown, const Peer& peer, WallTime now);
  std::optional<NotAdmitted> ChooseNamespace(const Need& need, Admitted* admitted) const;

  std::shared_ptr<const AuthSettings> settings_;
  std::shared_ptr<const AccessTable> table_;
  NonceMemory* nonces_;
  const WallTime started_;
  int64_t minute_ = 0;
  std::unordered_set<std::string> used_;  // in this minute
};

}  // namespace notifyd
