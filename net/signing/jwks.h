// The public keys of those that sign, as a JSON Web Key Set (RFC 7517, RFC 8037): what /.well-known/jwks.json shows. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/namespace.h"

namespace notifyd {

/// The key's name there: its thumbprint (RFC 7638).
std::string KeyThumbprint(std::string_view seed);

/// Those of `keys` that are Ed25519's and valid at `now`, each once. Nothing secret is in it.
std::string Jwks(const std::vector<const SigningKey*>& keys, WallTime now);

}  // namespace notifyd
