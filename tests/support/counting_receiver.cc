#include "support/counting_receiver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "support/process.h"

namespace notifyd::test {
namespace {

constexpr int kQuietMs = 10;
constexpr auto kDeadline = std::chrono::seconds(kDeadlineSeconds);

/// `name` as the broker writes it; empty where there is none.
std::string_view HeaderOf(std::string_view head, std::string_view name) {
  size_t at = head.find(name);
  if (at == std::string_view::npos) return {};
  at += name.size();
  return head.substr(at, head.find("\r\n", at) - at);
}

int Number(std::string_view digits) {
  return std::atoi(std::string(digits).c_str());
}

}  // namespace

CountingReceiver::CountingReceiver(Answer answer) : answer_(std::move(answer)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, plain, size) != 0 || getsockname(listener_, plain, &size) != 0 || listen(listener_, 1024) != 0)
    throw std::runtime_error("cannot listen on a loopback port");
  port_ = ntohs(address.sin_port);
  for (int fd : {listener_, wake_}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }
  thread_ = std::thread([this] { Serve(); });
}

CountingReceiver::~CountingReceiver() {
  stopping_ = true;
  Release();
  thread_.join();
  for (const auto& [fd, connection] : connections_) close(fd);
  for (int fd : {listener_, epoll_, wake_}) close(fd);
}

void CountingReceiver::Release() {
  withholding_ = false;
  eventfd_write(wake_, 1);
}

bool CountingReceiver::WaitFor(size_t count) {
  std::unique_lock lock(mutex_);
  while (deliveries_.size() < count) {
    size_t before = deliveries_.size();
    if (!changed_.wait_for(lock, kDeadline, [&] { return deliveries_.size() > before; })) return false;
  }
  return true;
}

bool CountingReceiver::WaitForWithheld(size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kDeadline, [&] { return withheld_.size() >= count; });
}

bool CountingReceiver::NextRun() {
  std::unique_lock lock(mutex_);
  quiet_ = 0;
  bool quiet = changed_.wait_for(lock, kDeadline, [&] { return quiet_ >= 2; });
  ++run_;
  return quiet;
}

size_t CountingReceiver::count() const {
  std::lock_guard lock(mutex_);
  return deliveries_.size();
}

std::vector<Delivery> CountingReceiver::deliveries() const {
  std::lock_guard lock(mutex_);
  return deliveries_;
}

std::vector<Delivery> CountingReceiver::withheld() const {
  std::lock_guard lock(mutex_);
  std::vector<Delivery> waiting;
  for (size_t index : withheld_) waiting.push_back(deliveries_[index]);
  return waiting;
}

void CountingReceiver::Serve() {
  while (!stopping_) {
    epoll_event events[64];
    int ready = epoll_wait(epoll_, events, 64, kQuietMs);
    for (int i = 0; i < ready; ++i) {
      int fd = events[i].data.fd;
      if (fd == listener_) Accept();
      else if (fd == wake_) AnswerWithheld();
      else ReadFrom(fd);
    }
    if (ready > 0 || !connections_.empty()) continue;
    std::lock_guard lock(mutex_);
    ++quiet_;
    changed_.notify_all();
  }
}

void CountingReceiver::Accept() {
  for (int fd; (fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    connections_[fd];
  }
}

void CountingReceiver::ReadFrom(int fd) {
  auto found = connections_.find(fd);
  if (found == connections_.end()) return;
  char chunk[65536];
  ssize_t size = recv(fd, chunk, sizeof chunk, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size > 0) found->second.unread.append(chunk, static_cast<size_t>(size));
  if (size <= 0 || !TakeRequests(fd, &found->second)) Close(fd);
}

bool CountingReceiver::TakeRequests(int fd, Connection* connection) {
  for (;;) {
    std::string_view unread = connection->unread;
    size_t end = unread.find("\r\n\r\n");
    if (end == std::string_view::npos) return true;
    std::string_view head = unread.substr(0, end + 2);
    size_t length = static_cast<size_t>(Number(HeaderOf(head, "\r\nContent-Length: ")));
    if (unread.size() < end + 4 + length) return true;
    Delivery delivery;
    delivery.body = unread.substr(end + 4, length);
    delivery.id = HeaderOf(head, "\r\nNotify-Id: ");
    delivery.attempt = Number(HeaderOf(head, "\r\nNotify-Attempt: "));
    connection->unread.erase(0, end + 4 + length);
    // Read once: a request is either withheld, and so seen by the Release after it, or answered now.
    bool withhold = withholding_;
    {
      std::lock_guard lock(mutex_);
      delivery.run = run_;
      deliveries_.push_back(delivery);
      if (withhold) withheld_.insert(*(connection->withheld = deliveries_.size() - 1));
      changed_.notify_all();
    }
    if (!withhold && !AnswerOne(fd, delivery)) return false;
  }
}

bool CountingReceiver::AnswerOne(int fd, const Delivery& delivery) {
  std::string text = "HTTP/1.1 " + std::to_string(answer_(delivery)) + " X\r\nContent-Length: 0\r\n\r\n";
  return send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

void CountingReceiver::AnswerWithheld() {
  eventfd_t ignored;
  eventfd_read(wake_, &ignored);
  std::vector<int> broken;
  for (auto& [fd, connection] : connections_) {
    if (!connection.withheld) continue;
    Delivery delivery;
    {
      std::lock_guard lock(mutex_);
      delivery = deliveries_[*connection.withheld];
      withheld_.erase(*connection.withheld);
    }
    connection.withheld.reset();
    if (!AnswerOne(fd, delivery)) broken.push_back(fd);
  }
  for (int fd : broken) Close(fd);
}

void CountingReceiver::Close(int fd) {
  auto found = connections_.find(fd);
  if (found->second.withheld) {
    std::lock_guard lock(mutex_);
    withheld_.erase(*found->second.withheld);
  }
  connections_.erase(found);
  close(fd);
}

}  // namespace notifyd::test
