// AresChannel: a channel of c-ares 1.18 on a loop: its sockets are watched, its timeouts kept by one timer, and it is made anew when resolv.conf
// changes. Loop thread only. For net/sender/*.cc alone.
#pragma once

#include <ares.h>
#include <uv.h>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace notifyd {

struct ChannelOptions {
  /// Name servers, "127.0.0.1:5353", several with commas; empty: as the system's resolv.conf says, which is looked at again when it changes.
  std::string servers;
  /// Search domains; used with `servers` alone.
  std::vector<std::string> domains;
  /// One server's time to answer; it is asked twice.
  int query_timeout_ms = 1500;
};

class AresChannel {
 public:
  AresChannel(uv_loop_t* loop, const ChannelOptions& options);
  /// Whatever is asked for ends with ARES_EDESTRUCTION before this returns; ending() is true then.
  ~AresChannel();
  AresChannel(const AresChannel&) = delete;
  AresChannel& operator=(const AresChannel&) = delete;

  /// Null where it could not be made. Asked anew for each query.
  ares_channel get() const { return channel_; }
  bool ending() const { return ending_; }
  /// c-ares reads its configuration once: call it before a query. Returns whether the channel was made anew; then what was asked for has ended with
  /// ARES_EDESTRUCTION, and is to be asked for again. `now_ms`: monotonic.
  bool Refresh(int64_t now_ms);
  /// Must be called after each query.
  void ArmTimer();

 private:
  struct Watch {
    uv_poll_t poll;
    AresChannel* owner;
    int fd;
  };
  void Open();
  static std::pair<int64_t, int64_t> Configured();
  void OnSocketWanted(int fd, int readable, int writable);
  void Process(ares_socket_t read, ares_socket_t write);

  uv_loop_t* loop_;
  ChannelOptions options_;
  ares_channel channel_ = nullptr;
  bool ending_ = false;
  std::pair<int64_t, int64_t> configured_;
  int64_t looked_ms_ = 0;
  uv_timer_t* timer_;
  std::unordered_map<int, Watch*> watches_;
};

}  // namespace notifyd
