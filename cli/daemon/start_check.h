// StartCheck: what a start may refuse because of its settings although each of them reads well, asked without starting anything. --check-config, a
// start, a reload and a restart in place ask it alike, behind the reading of the settings (cli/daemon/settings.h), so that none of them takes what
// another refuses.
#pragma once

#include <sys/types.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "cli/daemon/settings.h"
#include "net/tls/tls_files.h"

namespace notifyd {

/// What a broker that runs holds, and hands over at a restart in place.
struct Holdings {
  std::string listening_on;  // "127.0.0.1:7300,unix:/run/notifyd.sock": what it is bound to
  std::string data_dir;      // as its settings say
  std::string sealed_by = {};        // the names of the keys that its store needs (Sealing::needed)
  std::set<std::string> cells = {};  // of those that its settings name, the ones in which namespaces lie, or to which they are to move
};

/// Could a start go on with these: can the addresses be bound, do certificates and keys read, is the bootstrap token its owner's alone, are enough
/// open files allowed, are the cells named in which namespaces lie, and is the directory a store, or can it be made one? `held`: for the broker that
/// holds that; what it has is its successor's, and anything else must be free. Without it an address or a directory in use passes, for it may be used
/// by the very broker whose settings these are; a start finds that by itself. Nor is it known without it by which keys the store is sealed. Reads the
/// disk, and changes nothing but the process's soft limit of open files, which a start raises too. Errors: kUnacceptable, kIo, kCorrupt; the detail
/// names the address, the file, the limit or the directory. `certificates`: those of the listeners are read, too; a broker that runs keeps those it
/// has, and judges new ones by itself.
Status CheckStart(const Options& options, const std::optional<Holdings>& held, bool certificates = true);

/// The files of a listener with TLS.
TlsPaths PathsOf(const ListenerOptions& listener);

/// The exit code of a start that failed: 2 for the configuration, 1 for anything else (contract section 4).
int ExitCodeOf(const Status& failed);

/// What tells a child of `process` that runs --check-config what its parent holds: variables of its environment, "NAME=value". One of another version
/// takes those that it knows.
std::vector<std::string> EncodeHoldings(const Holdings& holdings, pid_t process);
/// Takes them out of the environment. Nothing where they are not there, or left over from another process than `parent`. Before any thread.
std::optional<Holdings> TakeHoldings(pid_t parent);

}  // namespace notifyd
