// A call's way through a proxy: CONNECT, and the handshake with the receiver behind its answer.
#include <uv.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/utf8.h"
#include "net/sender/plain_call.h"

namespace notifyd {
namespace {

/// Of a proxy's answer to CONNECT.
constexpr size_t kMostTunnelBytes = 16 << 10;

/// A whole head off the front of `text`, with its empty line; empty: it is not whole. Lines end as in answers: with LF, a CR before it or not.
std::string_view HeadOf(std::string_view text) {
  const size_t bare = text.find("\n\n"), full = text.find("\n\r\n");
  if (bare == text.npos && full == text.npos) return {};
  return text.substr(0, bare < full ? bare + 2 : full + 3);
}

}  // namespace

void PlainCall::Tunnel(PlainConnection* connection) {
  state_ = State::kTunneling;
  connection_ = connection;
  connection->SetUser(this);
  const std::string target = request_.HostAndPort();
  tunnel_ = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
  if (!rule_->proxy_authorization.empty()) tunnel_ += std::string(kProxyAuthorization) + ": " + rule_->proxy_authorization + "\r\n";
  tunnel_ += "\r\n";
  if (connection->Write(tunnel_, {})) OnWritten(connection);
  Arm();
}

/// The proxy's answer to CONNECT (RFC 9110 section 9.3.6): behind the head of a 2xx the receiver speaks, who has nothing to say yet.
void PlainCall::TakeTunnel(PlainConnection* connection, std::string_view bytes) {
  if (!written_) return Fail(Verdict::kFailure, "connect_failed", "the proxy answered before it was asked");
  tunnel_.append(bytes);
  std::string_view head, left = tunnel_;
  std::string status;
  do {
    head = HeadOf(left);
    if (head.empty()) {
      if (tunnel_.size() > kMostTunnelBytes) Fail(Verdict::kFailure, "connect_failed", "the proxy's answer to CONNECT is too long");
      return;
    }
    left.remove_prefix(head.size());
    const bool status_line = head.starts_with("HTTP/1.") && head.size() > 12 && head[8] == ' ';
    status = status_line ? head.substr(9, 3) : std::string_view();
  } while (status.starts_with('1') && status != "101");
  if (status.empty() || status[0] != '2') {
    const std::string said = status.empty() ? "something else than HTTP" : RepairUtf8(status, status.size());
    return Fail(Verdict::kFailure, "connect_failed", "the proxy " + dial_host() + " answered " + said + " to CONNECT " + request_.HostAndPort());
  }
  if (!left.empty()) return Fail(Verdict::kFailure, "connect_failed", "the proxy says more than that the way is open");
  written_ = false;
  Secure(connection);
}

/// Behind a proxy; elsewhere the handshake is a part of dialing.
void PlainCall::Secure(PlainConnection* connection) {
  state_ = State::kSecuring;
  std::shared_ptr<const TlsContext> context = TakeTls();
  if (context == nullptr) return;
  if (connection->Secure(std::move(context), CertificateName(), {.http2 = !host_->http1_wanted, .memory = host_->tls})) return Arm();
  OnConnected(connection, UV_EPROTO);
}

}  // namespace notifyd
