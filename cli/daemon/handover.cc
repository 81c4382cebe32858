#include "cli/daemon/handover.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cinttypes>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <set>
#include <utility>

#include "base/crash_point.h"

namespace notifyd {
namespace {

constexpr size_t kMostBytes = 120'000;
constexpr int kNumberMost = 1 << 24;

template <class Number>
std::optional<Number> ParseNumber(std::string_view text, int base = 10) {
  Number value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || text.front() == '-' || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Cuts `text` at the first `separator`; all of it where there is none.
std::string_view TakeUntil(char separator, std::string_view* text) {
  size_t at = std::min(text->find(separator), text->size());
  std::string_view part = text->substr(0, at);
  text->remove_prefix(std::min(at + 1, text->size()));
  return part;
}

bool DecodeList(std::string_view text, std::vector<int>* numbers) {
  while (!text.empty()) {
    std::string_view run = TakeUntil(',', &text);
    size_t dash = run.find('-');
    std::optional<int> from = ParseNumber<int>(run.substr(0, dash));
    std::optional<int> to = dash == std::string_view::npos ? from : ParseNumber<int>(run.substr(dash + 1));
    if (!from || !to || *from <= STDERR_FILENO || *to < *from || *to > kNumberMost) return false;
    // Each once: no more than there are numbers, however often they are said.
    if (numbers->size() + static_cast<size_t>(*to - *from) >= size_t{kNumberMost}) return false;
    for (int number = *from; number <= *to; ++number) numbers->push_back(number);
  }
  return true;
}

/// As many of the sorted `numbers` as there is room for; those that are not written are taken out.
std::string EncodeList(std::vector<int>* numbers, size_t room) {
  std::string text;
  for (size_t i = 0; i < numbers->size();) {
    size_t last = i;
    while (last + 1 < numbers->size() && (*numbers)[last + 1] == (*numbers)[last] + 1) ++last;
    std::string run = (text.empty() ? "" : ",") + std::to_string((*numbers)[i]);
    if (last > i) run += "-" + std::to_string((*numbers)[last]);
    if (text.size() + run.size() > room) {
      numbers->resize(i);
      break;
    }
    text += run;
    i = last + 1;
  }
  return text;
}

std::string EncodeOwner(const OwnerWord& word) {
  char text[96];
  std::snprintf(text, sizeof text, "%" PRIu64 ",%" PRIu64 ",%016" PRIx64 "%016" PRIx64, word.epoch, word.renewal, word.incarnation.high,
                word.incarnation.low);
  return text;
}

std::optional<OwnerWord> DecodeOwner(std::string_view text) {
  const std::optional<uint64_t> epoch = ParseNumber<uint64_t>(TakeUntil(',', &text)), renewal = ParseNumber<uint64_t>(TakeUntil(',', &text));
  if (!epoch || !renewal || text.size() != 32) return std::nullopt;
  const std::optional<uint64_t> high = ParseNumber<uint64_t>(text.substr(0, 16), 16), low = ParseNumber<uint64_t>(text.substr(16), 16);
  if (!high || !low) return std::nullopt;
  return OwnerWord{*epoch, *renewal, {*high, *low}, false};
}

int Option(int fd, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

bool IsOurs(int fd) {
  int domain = Option(fd, SO_DOMAIN);
  // One without a path is no listener's.
  if (domain == AF_UNIX) return Option(fd, SO_TYPE) == SOCK_STREAM && !PathOf(fd).empty();
  return (domain == AF_INET || domain == AF_INET6) && Option(fd, SO_TYPE) == SOCK_STREAM && Option(fd, SO_PROTOCOL) == IPPROTO_TCP;
}

/// But for standard input, output and error.
std::vector<int> OpenDescriptors() {
  std::vector<int> open;
  DIR* directory = opendir("/proc/self/fd");
  if (!directory) return open;
  while (const dirent* entry = readdir(directory)) {
    const std::optional<int> fd = ParseNumber<int>(entry->d_name);
    if (fd && *fd > STDERR_FILENO && *fd != dirfd(directory)) open.push_back(*fd);
  }
  closedir(directory);
  return open;
}

/// Those of `numbers` that are what they are said to be, each once.
std::vector<int> Keep(const std::vector<int>& numbers, bool listening, std::set<int>* seen, size_t* skipped) {
  std::vector<int> kept;
  for (int fd : numbers) {
    if (!IsOurs(fd) || (Option(fd, SO_ACCEPTCONN) == 1) != listening || !seen->insert(fd).second) {
      ++*skipped;
      continue;
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    kept.push_back(fd);
  }
  return kept;
}

}  // namespace

std::string PathOf(int fd) {
  sockaddr_un bound{};
  socklen_t size = sizeof bound;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0 || bound.sun_family != AF_UNIX) return {};
  const size_t most = size - std::min<size_t>(size, offsetof(sockaddr_un, sun_path));
  return std::string(bound.sun_path, strnlen(bound.sun_path, most));
}

void Handover::Add(int fd) {
  (Option(fd, SO_ACCEPTCONN) == 1 ? listening : connections).push_back(fd);
}

std::string EncodeHandover(Handover* handover, pid_t process) {
  std::sort(handover->listening.begin(), handover->listening.end());
  std::sort(handover->connections.begin(), handover->connections.end());
  std::string text = std::to_string(process) + ";";
  text += EncodeList(&handover->listening, kMostBytes) + ";";
  text += EncodeList(&handover->connections, kMostBytes - text.size());
  return handover->owner ? text + ";" + EncodeOwner(*handover->owner) : text;
}

std::string EncodeStore(const Handover& handover) {
  return handover.owner && !handover.store.empty() ? EncodeOwner(*handover.owner) + ";" + handover.store : std::string();
}

std::string DecodeStore(std::string_view text, const OwnerWord& owner) {
  const std::string_view of = TakeUntil(';', &text);
  return of == EncodeOwner(owner) ? std::string(text) : std::string();
}

Result<Handover> DecodeHandover(std::string_view text, pid_t process) {
  std::string_view rest = text;
  std::optional<pid_t> of = ParseNumber<pid_t>(TakeUntil(';', &rest));
  if (!of) return Status(Code::kUnacceptable, "it does not begin with a process id");
  if (*of != process) return Status(Code::kUnacceptable, "it is left over from process " + std::to_string(*of));
  Handover handover;
  const std::string_view listening = TakeUntil(';', &rest), connections = TakeUntil(';', &rest);
  if (!DecodeList(listening, &handover.listening) || !DecodeList(connections, &handover.connections))
    return Status(Code::kUnacceptable, "it does not list descriptors");
  if (rest.empty()) return handover;
  handover.owner = DecodeOwner(rest);
  if (!handover.owner) return Status(Code::kUnacceptable, "it does not say what an owner was by");
  return handover;
}

Handover TakeHandover(std::string* fault) {
  const char* value = std::getenv(kHandoverVariable);
  if (!value) return {};
  std::string text = value;
  const char* of_store = std::getenv(kStoreVariable);
  const std::string store = of_store ? of_store : "";
  unsetenv(kHandoverVariable);
  unsetenv(kStoreVariable);
  Result<Handover> decoded = DecodeHandover(text, getpid());
  if (!decoded.ok()) {
    *fault = decoded.status().detail();
    return {};
  }
  PassCrashPoint(CrashPoint::kRestartAfterExec);
  std::set<int> seen;
  size_t skipped = 0;
  Handover kept;
  kept.owner = decoded->owner;
  if (kept.owner) kept.store = DecodeStore(store, *kept.owner);
  kept.listening = Keep(decoded->listening, /*listening=*/true, &seen, &skipped);
  kept.connections = Keep(decoded->connections, /*listening=*/false, &seen, &skipped);
  if (skipped > 0) *fault = std::to_string(skipped) + " of its descriptors are no sockets of that kind";
  return kept;
}

bool ListensOn(int fd, const ListenAddress& listen) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return false;
  if (!listen.path.empty()) return bound.ss_family == AF_UNIX && PathOf(fd) == listen.path;
  if (bound.ss_family == AF_INET) {
    const auto& address = reinterpret_cast<const sockaddr_in&>(bound);
    in_addr wanted{};
    return inet_pton(AF_INET, listen.address.c_str(), &wanted) == 1 && wanted.s_addr == address.sin_addr.s_addr &&
           (listen.port == 0 || listen.port == ntohs(address.sin_port));
  }
  const auto& address = reinterpret_cast<const sockaddr_in6&>(bound);
  in6_addr wanted{};
  return bound.ss_family == AF_INET6 && inet_pton(AF_INET6, listen.address.c_str(), &wanted) == 1 &&
         IN6_ARE_ADDR_EQUAL(&wanted, &address.sin6_addr) && (listen.port == 0 || listen.port == ntohs(address.sin6_port));
}

Handover KeepListening() {
  Handover handover;
  for (int fd : OpenDescriptors()) {
    if (!IsOurs(fd)) continue;
    if (Option(fd, SO_ACCEPTCONN) == 1) {
      handover.listening.push_back(fd);
    } else if (Option(fd, SO_DOMAIN) != AF_UNIX) {
      const linger at_once{1, 0};
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
  }
  return handover;
}

void CloseOthersOnExec(const Handover& handover) {
  std::set<int> kept(handover.listening.begin(), handover.listening.end());
  kept.insert(handover.connections.begin(), handover.connections.end());
  for (int fd : OpenDescriptors()) fcntl(fd, F_SETFD, kept.count(fd) > 0 ? 0 : FD_CLOEXEC);
}

}  // namespace notifyd
