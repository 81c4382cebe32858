// FakeDns: a name server on loopback that says what a test tells it to, over UDP; and keeps count of what it was asked.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/tiny_receiver.h"

namespace notifyd {

class FakeDns {
 public:
  struct Zone {
    std::vector<std::string> addresses;  // of both families; empty: the name does not exist
    uint32_t ttl_s = 0;
    bool mute = false;
    bool fails = false;  // SERVFAIL
    struct Srv {
      unsigned priority, weight, port;
      std::string target;  // empty: the root
    };
    std::vector<Srv> services = {};
    bool fails_v6 = false;  // SERVFAIL where it is asked for IPv6 addresses
  };

  FakeDns() : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    Must(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
    socklen_t size = sizeof address;
    Must(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~FakeDns() {
    // An empty datagram wakes it up.
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sendto(fd_, "", 0, 0, reinterpret_cast<sockaddr*>(&address), sizeof address);
    thread_.join();
    close(fd_);
  }

  std::string server() const { return "127.0.0.1:" + std::to_string(port_); }
  /// `name`: in lower case. One that was never set does not exist.
  void Set(const std::string& name, Zone zone) {
    std::lock_guard lock(mutex_);
    zones_[name] = std::move(zone);
  }
  /// Questions for IPv4 addresses of the name, and for SRV records.
  int asked(const std::string& name) const {
    std::lock_guard lock(mutex_);
    const auto found = asked_.find(name);
    return found == asked_.end() ? 0 : found->second;
  }

 private:
  static void Put16(std::string* out, unsigned value) {
    out->push_back(static_cast<char>(value >> 8));
    out->push_back(static_cast<char>(value & 0xFF));
  }

  void Serve() {
    char packet[1500];
    sockaddr_in from{};
    for (;;) {
      socklen_t size = sizeof from;
      const ssize_t got = recvfrom(fd_, packet, sizeof packet, 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (got <= 0) return;
      const std::string answer = Answer({packet, static_cast<size_t>(got)});
      if (!answer.empty()) sendto(fd_, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
    }
  }

  std::string Answer(const std::string& query) {
    if (query.size() < 17) return {};
    std::string name;
    size_t at = 12;
    while (at < query.size() && query[at] != 0) {
      const auto length = static_cast<size_t>(query[at]);
      if (!name.empty()) name.push_back('.');
      name += query.substr(at + 1, length);
      at += 1 + length;
    }
    for (char& c : name) c = static_cast<char>(std::tolower(c));
    const std::string question = query.substr(12, at + 5 - 12);
    const bool v6 = query[at + 2] == 28, srv = query[at + 2] == 33;
    Zone zone;
    bool known;
    {
      std::lock_guard lock(mutex_);
      if (!v6) ++asked_[name];
      known = zones_.contains(name);
      if (known) zone = zones_[name];
      if (v6 && zone.fails_v6) zone = {{}, 0, false, true};
    }
    if (zone.mute) return {};
    std::string records;
    unsigned count = 0;
    for (const Zone::Srv& each : zone.services) {
      if (!srv) break;
      std::string target;
      for (size_t from = 0; !each.target.empty() && from <= each.target.size();) {
        const size_t to = std::min(each.target.find('.', from), each.target.size());
        target += static_cast<char>(to - from) + each.target.substr(from, to - from);
        from = to + 1;
      }
      target.push_back(0);
      records += std::string("\xC0\x0C\0\x21\0\x01", 6);
      Put16(&records, zone.ttl_s >> 16);
      Put16(&records, zone.ttl_s & 0xFFFF);
      Put16(&records, static_cast<unsigned>(6 + target.size()));
      for (unsigned number : {each.priority, each.weight, each.port}) Put16(&records, number);
      records += target;
      ++count;
    }
    for (const std::string& text : zone.addresses) {
      if (srv || (text.find(':') != text.npos) != v6) continue;
      char raw[16];
      Must(inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), raw) == 1, "address");
      records += std::string("\xC0\x0C\0", 3) + (v6 ? "\x1C" : "\x01") + std::string("\0\x01", 2);
      Put16(&records, zone.ttl_s >> 16);
      Put16(&records, zone.ttl_s & 0xFFFF);
      Put16(&records, v6 ? 16 : 4);
      records.append(raw, v6 ? 16 : 4);
      ++count;
    }
    std::string out = query.substr(0, 2);
    Put16(&out, zone.fails ? 0x8182 : known && !(zone.addresses.empty() && zone.services.empty()) ? 0x8180 : 0x8183);
    Put16(&out, 1);
    Put16(&out, count);
    Put16(&out, 0);
    Put16(&out, 0);
    return out + question + records;
  }

  int fd_;
  uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::map<std::string, Zone> zones_;
  std::map<std::string, int> asked_;
  std::thread thread_;
};

}  // namespace notifyd
