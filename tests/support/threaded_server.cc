#include "support/threaded_server.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

#include "support/must.h"
#include "support/slowness.h"

namespace notifyd {

ThreadedServer::ThreadedServer(Serve serve, const std::string& address, uint16_t port, int receive_buffer_bytes)
    : serve_(std::move(serve)), listener_(Listen(address, port)), port_(PortOf(listener_)) {
  if (receive_buffer_bytes > 0) setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  accepter_ = std::thread([this] { Accept(); });
}

ThreadedServer::~ThreadedServer() {
  stopping_ = true;
  shutdown(listener_, SHUT_RDWR);
  accepter_.join();
  close(listener_);
  {
    std::lock_guard lock(mutex_);
    for (int fd : open_) shutdown(fd, SHUT_RDWR);
  }
  for (std::list<std::thread>* threads : {&threads_, &ended_})
    for (std::thread& thread : *threads) thread.join();
}

void ThreadedServer::WaitForOpen(size_t most) {
  std::unique_lock lock(mutex_);
  Must(closed_.wait_for(lock, test::AtMostSeconds(60), [&] { return open_.size() <= most; }), "too many connections stay open");
}

void ThreadedServer::Accept() {
  for (int fd; !stopping_ && (fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::list<std::thread> ended;
    {
      std::lock_guard lock(mutex_);
      open_.push_back(fd);
      const auto self = threads_.emplace(threads_.end());
      *self = std::thread([this, fd, number = accepted_++, self] { Run(fd, number, self); });
      ended.swap(ended_);
    }
    for (std::thread& thread : ended) thread.join();
  }
}

void ThreadedServer::Run(int fd, int number, std::list<std::thread>::iterator self) {
  {
    Stream stream(fd);
    serve_(stream, number);
  }
  std::lock_guard lock(mutex_);
  open_.remove(fd);
  close(fd);
  if (!stopping_) ended_.splice(ended_.end(), threads_, self);
  closed_.notify_all();
}

}  // namespace notifyd
