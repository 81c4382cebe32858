// CurlMulti: a curl multi handle driven by a libuv loop. One loop, one thread.
//
// I1  A connection's poll handle is made with its socket and lives until the socket is closed: between two transfers it stays armed, so that
//     a reused connection costs no epoll_ctl and no handle (measured: 1.6x the calls per second of making one a transfer).
// I2  Only sockets of which curl surely says when it closes them are kept so: those that KeepSocket names, once they are connected. Before that
//     (a connect that times out, the loser of two) and for its own (the resolver's wake-up pair) curl 7.88 closes without CloseSocket, and
//     may open the next one under the same number: their handles go as soon as curl stops asking for them, for libuv aborts on a dead one.
// I3  An idle connection on which anything arrives is of no more use: its peer closed it, or sent what nobody asked for and what the next
//     transfer would take for its answer. It is emptied and shut down at once, and curl drops it when it next looks at it.
#pragma once

#include <functional>
#include <memory>
#include <vector>

struct uv_loop_s;

namespace notifyd {

class CurlMulti {
 public:
  struct Watch;
  /// The poll handles by file descriptor: one a loop, for libuv takes no second handle for a descriptor, whichever multi handle it was of.
  using Watches = std::vector<Watch*>;

  /// `progressed` runs after each turn in which curl did something: there the finished transfers are to be read. `loop` and `watches` are
  /// borrowed.
  CurlMulti(uv_loop_s* loop, Watches* watches, std::function<void()> progressed);
  /// All easy handles must have been removed. Connections are closed; memory of libuv's handles goes when the loop next runs.
  ~CurlMulti();

  /// The CURLM*.
  void* raw() const;
  /// For CURLOPT_OPENSOCKETFUNCTION: a close-on-exec socket; -1 with errno set where there is none.
  int OpenSocket(int family, int type, int protocol);
  /// This socket, which OpenSocket made, belongs to an established connection now.
  void KeepSocket(int fd);
  /// For CURLOPT_CLOSESOCKETFUNCTION.
  int CloseSocket(int fd);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace notifyd
