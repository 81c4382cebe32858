// What the commands of whoever owns a store share: notifyd token, notifyd rekey, notifyd restore, notifyd move.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace CLI {
class App;
}  // namespace CLI

namespace notifyd {

inline constexpr int kCommandDone = 0, kCommandFailed = 1, kCommandUsage = 2;

/// Says it on standard error, and returns `exit_code`.
int Complain(const std::string& text, int exit_code);

/// Reads the arguments into what `app` has of them. Returns false where that was all there is to do (help, or a fault, which it says): `exit_code`
/// then.
bool ParseOrSay(CLI::App* app, const std::vector<std::string>& arguments, int* exit_code);

/// Takes the broker's own flags out of `arguments`, each with its value: what is left is the command's.
std::vector<std::string> TakeSettings(std::vector<std::string>* arguments);

/// From the root on, as a client of a socket in it needs it.
std::string WholePath(const std::string& directory);

/// Becomes the owner of the directory where this is root: who writes nothing into a store that its owner could not read afterwards. Error: kIo.
Status BecomeOwner(const std::string& directory);

}  // namespace notifyd
