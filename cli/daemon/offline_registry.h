// The registry of a store that no broker has open, and the store itself, for commands of whoever owns its directory.
#pragma once

#include <string>

#include "base/status.h"
#include "cli/daemon/settings.h"
#include "net/access/token.h"
#include "net/api/token_fields.h"

namespace notifyd {

/// Opens the store of `options` under its lock, makes the token as somebody who may do everything (its name is its id where none is said), and
/// returns it once it is durable. Errors: those of opening a store (a directory that is in use names who has it), kUnacceptable with the field, kIo.
Result<NewToken> MakeTokenInStore(const Options& options, const TokenSettings& wish);

/// Opens the store of `options` under its lock, and disables all tokens but where they are to be kept; how many those are. Errors: as above.
Result<size_t> SettleTokens(const Options& options, bool keep);
/// Opens the store of `options` under its lock, seals all of it anew, and closes it. The names of the keys that are needed then (RekeyState::needed).
/// Errors: those of opening a store and of a rekey.
Result<std::string> RekeyStore(const Options& options);

}  // namespace notifyd
