#include "support/raw_client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "support/process.h"

namespace notifyd {
namespace {

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

std::string RawResponse::Header(std::string name) const {
  size_t at = Lower(head).find("\r\n" + Lower(name) + ": ");
  if (at == std::string::npos) return {};
  at += name.size() + 4;
  return head.substr(at, head.find("\r\n", at) - at);
}

RawClient::RawClient(uint16_t port, int receive_buffer_bytes, int deadline_s) : fd_(Connect(port, receive_buffer_bytes)) {
  const timeval most{deadline_s, 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
  stream_.emplace(fd_);
}

RawClient::~RawClient() {
  if (fd_ >= 0) close(fd_);
}

size_t RawClient::TrySend(std::string_view bytes) {
  const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent > 0 ? static_cast<size_t>(sent) : 0;
}

void RawClient::ShutdownWrite() {
  stream_->ShutDown();
}

void RawClient::Reset() {
  stream_->ResetOnClose();
  close(std::exchange(fd_, -1));
  stream_.emplace(fd_);
}

RawResponse RawClient::ReadResponse(bool no_body) {
  RawResponse response;
  if (!stream_->ReadHead(&response.head)) return response;
  response.status = std::atoi(response.head.c_str() + 9);
  response.closes = response.Header("connection") == "close";
  if (no_body) return response;
  if (response.Header("transfer-encoding") == "chunked") {
    for (std::string chunk; !response.whole && ReadChunk(&chunk); response.body += chunk) response.whole = chunk.empty();
    return response;
  }
  const size_t length = std::strtoull(response.Header("content-length").c_str(), nullptr, 10);
  response.whole = stream_->MoreUntil(length);
  stream_->ReadBytes(std::min(length, stream_->unread.size()), &response.body);
  return response;
}

std::string RawClient::ReadAll() {
  while (stream_->More()) continue;
  return std::exchange(stream_->unread, {});
}

bool RawClient::ReadEnd() {
  char byte;
  return stream_->unread.empty() && recv(fd_, &byte, 1, 0) == 0;
}

namespace test {

RawConnection::RawConnection(const std::string& address)
    : RawClient(static_cast<uint16_t>(std::atoi(address.c_str() + address.rfind(':') + 1)), 0, kDeadlineSeconds) {
  if (!connected()) throw std::runtime_error("no connection to " + address);
}

RawResponse RawConnection::Call(const std::string& method, const std::string& path, const std::string& body) {
  Send(method, path, body);
  return Receive();
}

void RawConnection::Send(const std::string& method, const std::string& path, const std::string& body) {
  SendRaw(method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
          "\r\n\r\n" + body);
}

RawResponse RawConnection::Receive() {
  RawResponse response = ReadResponse();
  if (!response.whole) throw std::runtime_error("the connection ended before the whole answer: " + response.head);
  return response;
}

void RawConnection::SendRaw(std::string_view text) {
  if (!RawClient::Send(text)) throw std::runtime_error("the connection takes nothing more");
}

}  // namespace test
}  // namespace notifyd
