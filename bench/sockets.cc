#include "bench/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include <charconv>

namespace notifyd::bench {
namespace {

Status Failed(std::string_view what, const Address& address) {
  return Status(Code::kIo, fmt::format("{} {}: {}", what, address.ToString(), strerror(errno)));
}

}  // namespace

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

Result<Address> Address::Parse(std::string_view text) {
  auto wrong = [&](std::string_view why) { return Status(Code::kUnacceptable, fmt::format("\"{}\": {}", text, why)); };
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong("an address is written ADDR:PORT");
  std::string host(text.substr(0, colon));
  std::string_view port = text.substr(colon + 1);
  Address address;
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port_);
  if (error != std::errc() || end != port.data() + port.size()) return wrong("the port is a number from 0 to 65535");
  if (host == "localhost") return address;
  if (host == "[::1]") {
    address.v6_ = true;
    return address;
  }
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) != 1 || ntohl(v4.s_addr) >> 24 != 127) {
    return wrong("only loopback addresses (127.0.0.0/8, [::1], localhost) are taken");
  }
  address.v4_ = ntohl(v4.s_addr);
  return address;
}

Result<Address> Address::ParseUrl(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (url.substr(0, kScheme.size()) != kScheme) return Status(Code::kUnacceptable, fmt::format("\"{}\" does not begin with http://", url));
  std::string_view rest = url.substr(kScheme.size());
  if (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  return Parse(rest);
}

std::string Address::ToString() const {
  if (v6_) return fmt::format("[::1]:{}", port_);
  return fmt::format("{}.{}.{}.{}:{}", v4_ >> 24, v4_ >> 16 & 255, v4_ >> 8 & 255, v4_ & 255, port_);
}

socklen_t Address::Fill(sockaddr_storage* out) const {
  *out = {};
  if (v6_) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(out);
    v6->sin6_family = AF_INET6;
    v6->sin6_addr = in6addr_loopback;
    v6->sin6_port = htons(port_);
    return sizeof *v6;
  }
  auto* v4 = reinterpret_cast<sockaddr_in*>(out);
  v4->sin_family = AF_INET;
  v4->sin_addr.s_addr = htonl(v4_);
  v4->sin_port = htons(port_);
  return sizeof *v4;
}

Result<Fd> Address::Listen() {
  Fd fd(socket(family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return Failed("no socket for", *this);
  int one = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_storage name;
  socklen_t size = Fill(&name);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&name), size) || listen(fd.get(), 4096)) return Failed("cannot listen on", *this);
  size = sizeof name;
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &size)) return Failed("no name for", *this);
  port_ = ntohs(v6_ ? reinterpret_cast<sockaddr_in6*>(&name)->sin6_port : reinterpret_cast<sockaddr_in*>(&name)->sin_port);
  return fd;
}

Result<Fd> Address::Connect() const {
  Fd fd(socket(family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return Failed("no socket for", *this);
  sockaddr_storage name;
  socklen_t size = Fill(&name);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&name), size)) return Failed("cannot connect to", *this);
  int one = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  return fd;
}

}  // namespace notifyd::bench
