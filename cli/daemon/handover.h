// Handover: sockets that one process leaves open for the one that takes its place over exec, named in an environment variable:
//
//   NOTIFYD_SOCKETS=<process id>;<listening>;<connections>[;<owner>]       descriptor numbers with commas, runs of them as 20-31
//
// The owner, of a store that several share, is what it was by: <epoch>,<renewal>,<incarnation in hex>. Whoever takes the place owns it at once.
// The process id is the same before and after exec; another one says that the variable was left over, and it is ignored.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "broker/ownership.h"
#include "cli/daemon/settings.h"

namespace notifyd {

inline constexpr char kHandoverVariable[] = "NOTIFYD_SOCKETS";
/// Beside it, as an earlier notifyd would not read one that says more: whose store that of the owner is.
inline constexpr char kStoreVariable[] = "NOTIFYD_SOCKETS_STORE";

struct Handover {
  std::vector<int> listening;
  std::vector<int> connections;
  std::optional<OwnerWord> owner = {};
  std::string store = {};  // the mark of the store that it owned (OwnerStore::Mark); empty: not known
  /// To where it belongs: a socket that listens, or a connection.
  void Add(int fd);
  bool empty() const { return listening.empty() && connections.empty(); }  // of sockets
};

/// The variable's value. The kernel takes 128 KiB of one variable: connections for which there is no room are taken out of `handover`; there is for
/// 17,000 at least, and for any number whose descriptors follow one another.
std::string EncodeHandover(Handover* handover, pid_t process);
/// The other variable's: the mark of the store, with the owner's word that it goes with; empty where there is none.
std::string EncodeStore(const Handover& handover);
/// The mark, where it is that of this owner's store; else empty.
std::string DecodeStore(std::string_view text, const OwnerWord& owner);
/// Error: kUnacceptable; another process's is one.
Result<Handover> DecodeHandover(std::string_view text, pid_t process);

/// What this process was handed: takes the variable out of the environment, so that no child inherits it, closes all of it on exec from now on, and
/// keeps what is a listening TCP or Unix socket, or a connection of one. `fault` says what was not as it should be; empty: nothing. Before any
/// thread.
Handover TakeHandover(std::string* fault);

/// All sockets at which this process listens, for one that goes on in its place; every connection of its over TCP is reset when it ends, so that
/// nothing is sent any more that still waits in the kernel. Any thread.
Handover KeepListening();

/// The path that a Unix socket, or the one that it was accepted at, is bound to; empty where there is none.
std::string PathOf(int fd);
/// The listening socket `fd` is bound to that address; a port of 0 fits any.
bool ListensOn(int fd, const ListenAddress& listen);

/// All descriptors but standard input, output and error are closed on exec, but for these.
void CloseOthersOnExec(const Handover& handover);

}  // namespace notifyd
