// Where members of a cluster listen, as they tell it each other.
#include "cli/daemon/told_listeners.h"

#include <catch2/catch.hpp>

using namespace notifyd;

namespace {

Listener At(const char* address, uint16_t port) {
  return {*IpAddress::Parse(address), port};
}

std::vector<std::string> Hear(std::string_view told, std::string_view advertise) {
  std::vector<std::string> heard;
  for (const Listener& listener : HearListeners(told, advertise)) heard.push_back(listener.address.ToString() + " " + std::to_string(listener.port));
  return heard;
}

}  // namespace

TEST_CASE("told listeners: what a member tells is where clients reach it") {
  CHECK(TellListeners({}, "192.0.2.1:7400").empty());
  CHECK(TellListeners({At("192.0.2.9", 8080), At("::1", 80)}, "member-1:7400") == "192.0.2.9:8080, [::1]:80");
  // All of a machine's addresses are told as the one at which members reach it: its others may be somebody else's where they are told.
  CHECK(TellListeners({At("0.0.0.0", 8080)}, "192.0.2.1:7400") == "192.0.2.1:8080");
  CHECK(TellListeners({At("::", 8080)}, "192.0.2.1:7400") == "192.0.2.1:8080");
  CHECK(TellListeners({At("::", 8080)}, "[2001:db8::1]:7400") == "[2001:db8::1]:8080");
  CHECK(TellListeners({At("0.0.0.0", 8080)}, "[2001:db8::1]:7400").empty());
  CHECK(TellListeners({At("0.0.0.0", 8080), At("192.0.2.9", 80)}, "member-1:7400") == "192.0.2.9:80");
}

TEST_CASE("told listeners: what is heard is what is another one's for sure") {
  CHECK(Hear("192.0.2.9:8080, [2001:db8::1]:80", "192.0.2.1:7400") == std::vector<std::string>{"192.0.2.9 8080", "2001:db8::1 80"});
  CHECK(Hear("127.0.0.1:8080,[::1]:80", "127.0.0.1:7400").size() == 2);
  // Its loopback is this machine's own where it is on another one.
  CHECK(Hear("127.0.0.1:8080, 127.9.9.9:1, [::1]:80, 192.0.2.9:80", "192.0.2.1:7400") == std::vector<std::string>{"192.0.2.9 80"});
  CHECK(Hear("127.0.0.1:8080", "member-1:7400").empty());
  CHECK(Hear("0.0.0.0:8080, [::]:80, 192.0.2.9, 192.0.2.9:0, name:80, , x", "192.0.2.1:7400").empty());
  std::string many;
  for (int port = 1; port <= 1'000; ++port) many += "192.0.2.9:" + std::to_string(port) + ",";
  CHECK(Hear(many, "192.0.2.1:7400").size() == 64);
}
