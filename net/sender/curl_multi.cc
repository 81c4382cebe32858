// The binding of curl's multi interface (curl_multi_socket_action) to libuv.
#include "net/sender/curl_multi.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>

#include "base/check.h"
#include "net/sender/loop_timer.h"

namespace notifyd {

struct CurlMulti::Watch {
  uv_poll_t poll;
  Impl* owner;
  int fd;
  int wanted = 0;  // what curl asks for; 0: the connection is idle
  int armed = 0;   // what libuv watches for
  bool kept = false;
};

class CurlMulti::Impl {
 public:
  Impl(uv_loop_t* loop, Watches* watches, std::function<void()> progressed)
      : loop_(loop), watches_(*watches), progressed_(std::move(progressed)), multi_(curl_multi_init()) {
    CHECK(multi_ != nullptr);
    timer_ = MakeTimer(loop_, this);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Impl::OnSocketWanted);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Impl::OnTimerWanted);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
  }

  /// Apart from the destructor, because closing the connections calls back.
  void Close() {
    curl_multi_cleanup(multi_);
    multi_ = nullptr;
    CloseTimer(timer_);
    for (Watch* watch : watches_) {
      if (watch != nullptr && watch->owner == this) Drop(watch);
    }
  }

  CURLM* multi() const { return multi_; }

  int OpenSocket(int family, int type, int protocol) {
    const int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    if (fd < 0) return -1;
    // What was closed under this number without a word: curl takes the two for one socket and does not ask again for what it waits for.
    const Watch* stale = Find(fd);
    const int wanted = stale != nullptr ? stale->wanted : 0;
    Watch* watch = MakeWatch(fd);
    if (watch == nullptr) {
      close(fd);
      errno = ENOMEM;
      return -1;
    }
    watch->wanted = wanted;
    if (wanted != 0) Arm(watch, wanted);
    return fd;
  }

  void KeepSocket(int fd) {
    if (Watch* watch = Find(fd)) watch->kept = true;
  }

  int CloseSocket(int fd) {
    if (Watch* watch = Find(fd)) Drop(watch);
    return close(fd);
  }

 private:
  Watch* FindAny(int fd) const { return static_cast<size_t>(fd) < watches_.size() ? watches_[static_cast<size_t>(fd)] : nullptr; }
  Watch* Find(int fd) const {
    Watch* watch = FindAny(fd);
    return watch != nullptr && watch->owner == this ? watch : nullptr;
  }

  Watch* MakeWatch(int fd) {
    if (static_cast<size_t>(fd) >= watches_.size()) watches_.resize(static_cast<size_t>(fd) + 64);
    if (Watch* stale = FindAny(fd)) Drop(stale);
    auto* watch = new Watch;
    watch->owner = this;
    watch->fd = fd;
    if (uv_poll_init_socket(loop_, &watch->poll, fd) != 0) {
      delete watch;
      return nullptr;
    }
    watch->poll.data = watch;
    watches_[static_cast<size_t>(fd)] = watch;
    return watch;
  }

  void Arm(Watch* watch, int events) {
    uv_poll_start(&watch->poll, events, &Impl::OnReady);
    watch->armed = events;
  }

  void Drop(Watch* watch) {
    watches_[static_cast<size_t>(watch->fd)] = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&watch->poll), [](uv_handle_t* handle) { delete static_cast<Watch*>(handle->data); });
  }

  static int OnSocketWanted(CURL*, curl_socket_t fd, int what, void* self, void*) {
    auto* impl = static_cast<Impl*>(self);
    Watch* watch = impl->Find(fd);
    if (what == CURL_POLL_REMOVE) {
      if (watch == nullptr) return 0;
      if (watch->kept) {
        watch->wanted = 0;
        // Idle sockets are writable all the time; what must be noticed is that something arrives (I3).
        if (watch->armed != UV_READABLE) impl->Arm(watch, UV_READABLE);
      } else {
        impl->Drop(watch);
      }
      return 0;
    }
    if (watch == nullptr && (watch = impl->MakeWatch(fd)) == nullptr) return -1;
    watch->wanted = (what & CURL_POLL_IN ? int{UV_READABLE} : 0) | (what & CURL_POLL_OUT ? int{UV_WRITABLE} : 0);
    if (watch->wanted != watch->armed) impl->Arm(watch, watch->wanted);
    return 0;
  }

  static int OnTimerWanted(CURLM*, long ms, void* self) {
    auto* impl = static_cast<Impl*>(self);
    if (ms < 0) {
      uv_timer_stop(impl->timer_);
    } else {
      // libuv counts from the start of this turn, curl from now.
      if (ms > 0) uv_update_time(impl->loop_);
      // A timer of 0 ms that is set again from its own callback runs again in the same pass of libuv's timers: a receiver for which curl always wants
      // to go on at once would hold the loop for as long as it sends.
      if (ms == 0 && impl->in_timeout_) ms = 1;
      uv_timer_start(impl->timer_, &Impl::OnTimeout, static_cast<uint64_t>(ms), 0);
    }
    return 0;
  }

  static void OnReady(uv_poll_t* poll, int status, int events) {
    auto* watch = static_cast<Watch*>(poll->data);
    Impl* impl = watch->owner;
    if (watch->wanted == 0) {
      impl->OnIdleReady(watch);
      return;
    }
    // An error on the socket stands behind what arrived before it: curl, told of the error alone, reads nothing. libuv stops to watch then, and curl
    // does not ask again for what it waits for already.
    if (status < 0) {
      const int fd = watch->fd;
      watch->armed = 0;
      impl->Act(fd, CURL_CSELECT_IN);
      Watch* left = impl->Find(fd);
      if (left == watch && watch->armed == 0) impl->Arm(watch, watch->wanted != 0 ? watch->wanted : int{UV_READABLE});
      return;
    }
    const int flags = (events & UV_READABLE ? CURL_CSELECT_IN : 0) | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    impl->Act(watch->fd, flags);
  }

  static void OnTimeout(uv_timer_t* timer) {
    auto* impl = static_cast<Impl*>(timer->data);
    impl->in_timeout_ = true;
    impl->Act(CURL_SOCKET_TIMEOUT, 0);
    impl->in_timeout_ = false;
  }

  void OnIdleReady(Watch* watch) {
    uv_poll_stop(&watch->poll);
    watch->armed = 0;
    // curl takes a connection with unread bytes for alive, so they have to go.
    char scratch[4096];
    for (int i = 0; i < 64 && recv(watch->fd, scratch, sizeof scratch, MSG_DONTWAIT) > 0; ++i) continue;
    shutdown(watch->fd, SHUT_RDWR);
  }

  void Act(curl_socket_t fd, int flags) {
    int running = 0;
    curl_multi_socket_action(multi_, fd, flags, &running);
    progressed_();
  }

  uv_loop_t* loop_;
  Watches& watches_;
  std::function<void()> progressed_;
  CURLM* multi_;
  uv_timer_t* timer_;
  bool in_timeout_ = false;
};

CurlMulti::CurlMulti(uv_loop_s* loop, Watches* watches, std::function<void()> progressed)
    : impl_(std::make_unique<Impl>(loop, watches, std::move(progressed))) {}
CurlMulti::~CurlMulti() {
  impl_->Close();
}
void* CurlMulti::raw() const {
  return impl_->multi();
}
int CurlMulti::OpenSocket(int family, int type, int protocol) {
  return impl_->OpenSocket(family, type, protocol);
}
void CurlMulti::KeepSocket(int fd) {
  impl_->KeepSocket(fd);
}
int CurlMulti::CloseSocket(int fd) {
  return impl_->CloseSocket(fd);
}

}  // namespace notifyd
