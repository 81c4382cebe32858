// Who may do what, as the configuration says: the settings under [auth]. Contract section 8.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/status.h"
#include "broker/grant.h"
#include "net/access/admission.h"

namespace notifyd {

/// What a table under [auth.peers] or [auth.certificates] gives.
struct AccessGrant {
  Grant grant;
  uint32_t uid = 0;  // of a peer
  bool operator==(const AccessGrant&) const = default;
};

struct AuthOptions {
  std::string mode = "unset";  // "none", "token"; "unset": nobody said, which counts as "none" where only this machine can connect
  std::string bootstrap_token_file;
  std::map<std::string, AccessGrant> peers;         // by what the file calls it, a uid or a user's name
  std::map<std::string, AccessGrant> certificates;  // by a name as TlsSession::peer_names has it
  bool tokens() const { return mode == "token"; }
};

/// Reads the bootstrap token's file, and the kernel's overflow uid. Error: kUnacceptable with the field "/auth/bootstrap_token_file": it cannot be
/// read, is open to others than its owner, or holds no token.
Result<std::shared_ptr<const AuthSettings>> ReadAuthSettings(const AuthOptions& options);

/// What conf/notifyd.toml says about the tables, commented out.
std::string GrantsAsToml();

}  // namespace notifyd
