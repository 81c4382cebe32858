#include "cli/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "cli/process.h"

namespace notifyd::test {
namespace {

int BindLoopback(uint16_t* port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("cannot bind a loopback port");
  *port = ntohs(address.sin_port);
  return fd;
}

bool SendAll(int fd, const std::string& text) {
  for (size_t sent = 0; sent < text.size();) {
    ssize_t size = send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (size <= 0) return false;
    sent += static_cast<size_t>(size);
  }
  return true;
}

/// Takes one whole request out of `buffer`; false where the peer has gone before.
bool ReadRequest(int fd, std::string* buffer, SeenRequest* request) {
  auto more = [&] {
    char chunk[16384];
    ssize_t size = recv(fd, chunk, sizeof chunk, 0);
    if (size > 0) buffer->append(chunk, static_cast<size_t>(size));
    return size > 0;
  };
  size_t head_end;
  while ((head_end = buffer->find("\r\n\r\n")) == std::string::npos)
    if (!more()) return false;
  request->head = buffer->substr(0, head_end + 2);
  size_t space = request->head.find(' '), second = request->head.find(' ', space + 1);
  request->method = request->head.substr(0, space);
  request->target = request->head.substr(space + 1, second - space - 1);
  size_t length = std::strtoull(request->Header("content-length").c_str(), nullptr, 10);
  while (buffer->size() < head_end + 4 + length)
    if (!more()) return false;
  request->body = buffer->substr(head_end + 4, length);
  buffer->erase(0, head_end + 4 + length);
  return true;
}

}  // namespace

std::string SeenRequest::Header(const std::string& name) const {
  for (size_t line = head.find("\r\n"); line != std::string::npos && line + 2 < head.size(); line = head.find("\r\n", line + 2)) {
    const char* at = head.c_str() + line + 2;
    if (strncasecmp(at, name.c_str(), name.size()) != 0 || at[name.size()] != ':') continue;
    std::string value = head.substr(line + 3 + name.size(), head.find("\r\n", line + 2) - line - 3 - name.size());
    return value.substr(std::min(value.size(), value.find_first_not_of(' ')));
  }
  return "";
}

ScriptedServer::ScriptedServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = BindLoopback(&port_);
  if (listen(listener_, 128) != 0) throw std::runtime_error("cannot listen");
  acceptor_ = std::thread([this] { Accept(); });
}

ScriptedServer::~ScriptedServer() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    for (int fd : open_) shutdown(fd, SHUT_RDWR);
  }
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  close(listener_);
}

void ScriptedServer::Accept() {
  for (;;) {
    int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_ || fd < 0) {
      if (fd >= 0) close(fd);
      return;
    }
    open_.push_back(fd);
    threads_.emplace_back([this, fd] { Serve(fd); });
  }
}

void ScriptedServer::Serve(int fd) {
  std::string buffer;
  for (SeenRequest request; ReadRequest(fd, &buffer, &request); request = {}) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      seen_.push_back(request);
      changed_.notify_all();
    }
    ScriptedAnswer answer = handler_(request);
    std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " X\r\nContent-Type: " + answer.content_type +
                       "\r\nContent-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body;
    if (!SendAll(fd, text)) break;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  open_.erase(std::find(open_.begin(), open_.end(), fd));
  close(fd);
}

std::vector<SeenRequest> ScriptedServer::WaitFor(size_t count) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(kDeadlineSeconds), [&] { return seen_.size() >= count; });
  return seen_;
}

std::vector<SeenRequest> ScriptedServer::seen() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return seen_;
}

uint16_t ClosedPort() {
  uint16_t port = 0;
  close(BindLoopback(&port));
  return port;
}

}  // namespace notifyd::test
