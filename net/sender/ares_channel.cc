#include "net/sender/ares_channel.h"

#include <sys/stat.h>

#include <mutex>

#include "base/check.h"
#include "net/sender/loop_timer.h"

namespace notifyd {
namespace {

constexpr const char* kResolvConf = "/etc/resolv.conf";
/// How often resolv.conf is looked at, at most.
constexpr int64_t kConfigureMs = 1000;

void InitAresOnce() {
  static std::once_flag once;
  std::call_once(once, [] { CHECK(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS); });
}

}  // namespace

AresChannel::AresChannel(uv_loop_t* loop, const ChannelOptions& options) : loop_(loop), options_(options) {
  InitAresOnce();
  timer_ = MakeTimer(loop_, this);
  Open();
}

AresChannel::~AresChannel() {
  ending_ = true;
  if (channel_ != nullptr) ares_destroy(channel_);
  CloseTimer(timer_);
}

void AresChannel::Open() {
  ares_options options{};
  int mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS;
  options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
    static_cast<AresChannel*>(self)->OnSocketWanted(fd, readable, writable);
  };
  options.sock_state_cb_data = this;
  options.timeout = options_.query_timeout_ms;
  options.tries = 2;
  char lookups[] = "fb";  // files, then name servers
  options.lookups = lookups;
  std::vector<char*> domains;
  if (!options_.servers.empty()) {
    for (std::string& domain : options_.domains) domains.push_back(domain.data());
    options.domains = domains.data();
    options.ndomains = static_cast<int>(domains.size());
    mask |= ARES_OPT_DOMAINS;
  }
  if (ares_init_options(&channel_, &options, mask) != ARES_SUCCESS) {
    channel_ = nullptr;
    return;
  }
  if (!options_.servers.empty()) CHECK(ares_set_servers_ports_csv(channel_, options_.servers.c_str()) == ARES_SUCCESS);
  configured_ = Configured();
}

/// Returns what tells one state of resolv.conf from another without reading it.
std::pair<int64_t, int64_t> AresChannel::Configured() {
  struct stat info {};
  if (stat(kResolvConf, &info) != 0) return {};
  return {static_cast<int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec, static_cast<int64_t>(info.st_ino)};
}

bool AresChannel::Refresh(int64_t now_ms) {
  if (channel_ != nullptr && (!options_.servers.empty() || now_ms - looked_ms_ < kConfigureMs)) return false;
  looked_ms_ = now_ms;
  if (channel_ != nullptr && Configured() == configured_) return false;
  ares_channel old = std::exchange(channel_, nullptr);
  if (old != nullptr) ares_destroy(old);
  Open();
  return true;
}

void AresChannel::OnSocketWanted(int fd, int readable, int writable) {
  const auto found = watches_.find(fd);
  const int events = (readable ? int{UV_READABLE} : 0) | (writable ? int{UV_WRITABLE} : 0);
  if (events == 0) {
    if (found == watches_.end()) return;
    uv_close(reinterpret_cast<uv_handle_t*>(&found->second->poll), [](uv_handle_t* handle) { delete static_cast<Watch*>(handle->data); });
    watches_.erase(found);
    return;
  }
  Watch* watch = found != watches_.end() ? found->second : nullptr;
  if (watch == nullptr) {
    watch = new Watch;
    watch->owner = this;
    watch->fd = fd;
    if (uv_poll_init_socket(loop_, &watch->poll, fd) != 0) {
      delete watch;  // its query runs into its timeout
      return;
    }
    watch->poll.data = watch;
    watches_.emplace(fd, watch);
  }
  uv_poll_start(&watch->poll, events, [](uv_poll_t* poll, int status, int ready) {
    auto* self = static_cast<Watch*>(poll->data);
    const int socket = self->fd;
    // An error is read off the socket like anything else.
    const bool read = status < 0 || (ready & UV_READABLE) != 0;
    self->owner->Process(read ? socket : ARES_SOCKET_BAD, status >= 0 && (ready & UV_WRITABLE) != 0 ? socket : ARES_SOCKET_BAD);
  });
}

void AresChannel::Process(ares_socket_t read, ares_socket_t write) {
  if (channel_ == nullptr) return;
  ares_process_fd(channel_, read, write);
  ArmTimer();
}

void AresChannel::ArmTimer() {
  timeval next{};
  if (channel_ == nullptr || ares_timeout(channel_, nullptr, &next) == nullptr) {
    uv_timer_stop(timer_);
    return;
  }
  const auto ms = static_cast<uint64_t>(next.tv_sec) * 1000 + static_cast<uint64_t>(next.tv_usec) / 1000 + 1;
  uv_timer_start(
      timer_, [](uv_timer_t* timer) { static_cast<AresChannel*>(timer->data)->Process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }, ms, 0);
}

}  // namespace notifyd
