#include "net/tls/openssl_peer.h"

#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "support/must.h"

namespace notifyd {
Wire::Wire(std::unique_ptr<TlsSession> session, SSL_CTX* peer, bool peer_is_server) : session_(std::move(session)), peer_(SSL_new(peer)) {
  Must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends_) == 0, "socketpair");
  SSL_set_fd(peer_, ends_[1]);
  SSL_set_mode(peer_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (peer_is_server) SSL_set_accept_state(peer_);
  else SSL_set_connect_state(peer_);
}

Wire::~Wire() {
  SSL_free(peer_);
  close(ends_[0]);
  if (ends_[1] >= 0) close(ends_[1]);
}

void Wire::CutPeer() {
  close(ends_[1]);
  ends_[1] = -1;
}

void Wire::Inject(std::string_view bytes) {
  Must(write(ends_[1], bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "inject");
}

bool Wire::StepPeer() {
  if (ends_[1] < 0 || !peer_error.empty() || peer_closed_) return false;
  bool moved = false;
  auto failed = [&](int result) {
    const int error = SSL_get_error(peer_, result);
    if (error == SSL_ERROR_ZERO_RETURN) {
      peer_saw_close = true;
    } else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
      const char* reason = ERR_reason_error_string(ERR_peek_error());
      peer_error = reason != nullptr ? reason : "closed";
    }
  };
  ERR_clear_error();
  char buffer[16 << 10];
  int result = SSL_read(peer_, buffer, sizeof buffer);
  if (result > 0) {
    peer_got.append(buffer, static_cast<size_t>(result));
    moved = true;
  } else {
    failed(result);
  }
  if (!peer_error.empty() || !SSL_is_init_finished(peer_)) return moved;
  if (!to_write_.empty()) {
    ERR_clear_error();
    result = SSL_write(peer_, to_write_.data(), static_cast<int>(to_write_.size()));
    if (result > 0) to_write_.erase(0, static_cast<size_t>(result));
    else failed(result);
    moved = moved || result > 0;
  } else if (peer_close_) {
    SSL_shutdown(peer_);
    peer_close_ = false;
    moved = true;
  }
  return moved;
}

bool Wire::StepSession() {
  bool moved = false;
  char buffer[64 << 10];
  const ssize_t count = read(ends_[0], buffer, sizeof buffer);
  if (count > 0) {
    std::string came(buffer, static_cast<size_t>(count));
    if (distort) distort(&came);
    in_ += came;
  }
  if (!in_.empty()) {
    const size_t size = split ? std::clamp<size_t>(split(in_.size()), 1, in_.size()) : in_.size();
    const std::string piece = in_.substr(0, size);
    in_.erase(0, size);
    session_->Receive(piece, &got);
    moved = true;
  }
  out_ += session_->TakeOutput();
  if (!out_.empty()) {
    const ssize_t written = send(ends_[0], out_.data(), out_.size(), MSG_NOSIGNAL);
    if (written > 0) {
      out_.erase(0, static_cast<size_t>(written));
      sent += static_cast<size_t>(written);
      moved = true;
    }
  }
  return moved;
}

void Wire::Settle() {
  for (int still = 0; still < 2;) {
    const bool peer = StepPeer(), session = StepSession();
    still = peer || session ? 0 : still + 1;
  }
}

}  // namespace notifyd
