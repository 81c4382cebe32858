#include "support/tiny_receiver.h"

#include <utility>

namespace notifyd {

bool TinyReceiver::Peer::ReadRequest(std::string* out) {
  std::string request, body;
  if (!stream_->ReadHead(&request)) return false;
  const size_t length = request.find("\r\nContent-Length: ");
  if (length != std::string::npos && !stream_->ReadBytes(std::stoul(request.substr(length + 18)), &body)) return false;
  request += body;
  if (out != nullptr) *out = request;
  std::lock_guard lock(receiver_->mutex_);
  receiver_->requests_.push_back(std::move(request));
  return true;
}

bool TinyReceiver::Peer::Answer(int status, std::string_view body, std::string_view headers) {
  return Send("HTTP/1.1 " + std::to_string(status) + " X\r\n" + std::string(headers) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
              std::string(body));
}

TinyReceiver::TinyReceiver(Script script, const std::string& address, uint16_t port, SSL_CTX* tls)
    : script_(std::move(script)),
      tls_(tls),
      server_(
          [this](Stream& stream, int number) {
            if (!stream.Accept(tls_)) return;
            Peer peer(this, &stream, number);
            script_(peer);
          },
          address, port) {}

TinyReceiver::TinyReceiver(Script script, in_addr_t listen_at, uint16_t port, SSL_CTX* tls)
    : TinyReceiver(std::move(script), listen_at == INADDR_ANY ? "0.0.0.0" : "127.0.0.1", port, tls) {}

TinyReceiver::TinyReceiver(int status, std::string body, const std::string& address, uint16_t port, SSL_CTX* tls)
    : TinyReceiver(
          [=](Peer& peer) {
            while (peer.ReadRequest() && peer.Answer(status, body)) continue;
          },
          address, port, tls) {}

}  // namespace notifyd
