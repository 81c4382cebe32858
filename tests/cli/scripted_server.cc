#include "cli/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
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

/// What stands before a body; false where the peer has gone before.
bool ReadHead(int fd, std::string* buffer, SeenRequest* request) {
  size_t head_end;
  while ((head_end = buffer->find("\r\n\r\n")) == std::string::npos) {
    char chunk[16384];
    ssize_t size = recv(fd, chunk, sizeof chunk, 0);
    if (size <= 0) return false;
    buffer->append(chunk, static_cast<size_t>(size));
  }
  request->head = buffer->substr(0, head_end + 2);
  size_t space = request->head.find(' '), second = request->head.find(' ', space + 1);
  request->method = request->head.substr(0, space);
  request->target = request->head.substr(space + 1, second - space - 1);
  buffer->erase(0, head_end + 4);
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

StreamedRequest::StreamedRequest(int fd, std::string* buffer, const SeenRequest& head) : fd_(fd), buffer_(buffer), head_(head) {
  chunked_ = head.Header("transfer-encoding") == "chunked";
  if (!chunked_) left_ = std::strtoull(head.Header("content-length").c_str(), nullptr, 10);
  ended_ = !chunked_ && left_ == 0;
}

bool StreamedRequest::More() {
  char chunk[16384];
  ssize_t size = recv(fd_, chunk, sizeof chunk, 0);
  if (size > 0) buffer_->append(chunk, static_cast<size_t>(size));
  return size > 0;
}

bool StreamedRequest::Line(std::string* line) {
  size_t end;
  while ((end = buffer_->find("\r\n")) == std::string::npos)
    if (!More()) return false;
  *line = buffer_->substr(0, end);
  buffer_->erase(0, end + 2);
  return true;
}

bool StreamedRequest::Read(std::string* piece) {
  if (ended_) return false;
  std::string line;
  if (chunked_ && left_ == 0) {
    if (!Line(&line)) return false;
    left_ = std::strtoull(line.c_str(), nullptr, 16);
    if (left_ == 0) {
      ended_ = Line(&line);
      return false;
    }
  }
  if (buffer_->empty() && !More()) return false;
  size_t size = std::min(left_, buffer_->size());
  *piece = buffer_->substr(0, size);
  buffer_->erase(0, size);
  left_ -= size;
  if (left_ > 0) return true;
  if (chunked_) return Line(&line);  // the line end behind a chunk
  ended_ = true;
  return true;
}

bool StreamedRequest::Send(const std::string& text) {
  return SendAll(fd_, text);
}

bool StreamedRequest::SendHead(int status, const std::string& content_type) {
  return Send("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: " + content_type + "\r\nTransfer-Encoding: chunked\r\n\r\n");
}

bool StreamedRequest::SendChunk(const std::string& text) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return text.empty() || Send(size + text + "\r\n");
}

bool StreamedRequest::SendEnd() {
  return Send("0\r\n\r\n");
}

ScriptedServer::ScriptedServer(Handler handler) : handler_(std::move(handler)) {
  Start();
}

ScriptedServer::ScriptedServer(StreamHandler handler) : stream_handler_(std::move(handler)) {
  Start();
}

void ScriptedServer::Start() {
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
  auto saw = [&](const SeenRequest& request) {
    std::lock_guard<std::mutex> lock(mutex_);
    seen_.push_back(request);
    changed_.notify_all();
  };
  for (SeenRequest request; ReadHead(fd, &buffer, &request); request = {}) {
    StreamedRequest streamed(fd, &buffer, request);
    if (stream_handler_) {
      saw(request);
      stream_handler_(&streamed);
      break;
    }
    for (std::string piece; streamed.Read(&piece);) request.body += piece;
    if (!streamed.ended()) break;
    saw(request);
    ScriptedAnswer answer = handler_(request);
    std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " X\r\nContent-Type: " + answer.content_type + "\r\n" + answer.headers +
                       "Content-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body;
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
