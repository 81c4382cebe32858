// c-ares 1.18 on libuv: its sockets are watched, its timeouts kept by one timer.
#include "net/sender/resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <uv.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <unordered_map>

#include "base/check.h"
#include "net/sender/loop_timer.h"

namespace notifyd {
namespace {

constexpr const char* kResolvConf = "/etc/resolv.conf";
constexpr int64_t kMaxTtlMs = 24 * 3600 * 1000;
/// How often resolv.conf is looked at, at most.
constexpr int64_t kConfigureMs = 1000;

void InitAresOnce() {
  static std::once_flag once;
  std::call_once(once, [] { CHECK(ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS); });
}

int64_t NowMs() {
  return static_cast<int64_t>(uv_hrtime() / 1'000'000);
}

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

/// Puts addresses into the order in which they are tried: families in turn, IPv6 first, each in the order in which they came; none twice.
std::vector<IpAddress> InOrder(const std::vector<IpAddress>& found) {
  std::vector<IpAddress> families[2], out;
  for (const IpAddress& address : found) {
    std::vector<IpAddress>& family = families[address.v6 ? 0 : 1];
    if (std::find(family.begin(), family.end(), address) == family.end()) family.push_back(address);
  }
  for (size_t i = 0; i < std::max(families[0].size(), families[1].size()); ++i) {
    for (const std::vector<IpAddress>& family : families) {
      if (i < family.size()) out.push_back(family[i]);
    }
  }
  return out;
}

bool SameSet(const std::vector<IpAddress>& a, const std::vector<IpAddress>& b) {
  return a.size() == b.size() &&
         std::all_of(a.begin(), a.end(), [&](const IpAddress& address) { return std::find(b.begin(), b.end(), address) != b.end(); });
}

}  // namespace

class Resolver::Impl {
 public:
  Impl(uv_loop_t* loop, const ResolverOptions& options) : loop_(loop), options_(options) {
    InitAresOnce();
    timer_ = MakeTimer(loop_, this);
    deliver_ = MakeTimer(loop_, this);
    empty_.error = "too many names are being looked up";
    Open();
  }

  ~Impl() {
    ending_ = true;
    if (channel_ != nullptr) ares_destroy(channel_);
    CloseTimer(timer_);
    CloseTimer(deliver_);
  }

  const Answer* Look(std::string_view name, Waiter* waiter, int64_t now_ms) {
    auto found = names_.find(name);
    if (found != names_.end() && !found->second->asking && now_ms < found->second->until_ms) return &found->second->answer;
    if (found == names_.end()) {
      if (names_.size() >= options_.max_names && !MakeRoom(now_ms)) return &empty_;
      found = names_.emplace(std::string(name), std::make_unique<Name>()).first;
      found->second->owner = this;
      found->second->text = found->first;
    }
    Name* entry = found->second.get();
    waiter->name_ = entry;
    waiter->place_ = entry->waiters.size();
    entry->waiters.push_back(waiter);
    if (!entry->asking) Ask(entry, now_ms);
    return nullptr;
  }

  void Cancel(Waiter* waiter) {
    auto* entry = static_cast<Name*>(waiter->name_);
    if (entry == nullptr) return;
    entry->waiters[waiter->place_] = nullptr;
    waiter->name_ = nullptr;
  }

  void Forget(std::string_view name) {
    const auto found = names_.find(name);
    if (found != names_.end()) found->second->until_ms = 0;
  }

  size_t asking() const { return asking_; }

 private:
  struct Name {
    Impl* owner = nullptr;
    std::string text;
    Answer answer;
    int64_t until_ms = 0;
    bool asking = false, again = false;
    std::vector<Waiter*> waiters;  // null: cancelled
  };
  struct Watch {
    uv_poll_t poll;
    Impl* owner;
    int fd;
  };

  // ---- the channel

  void Open() {
    ares_options options{};
    int mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS;
    options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
      static_cast<Impl*>(self)->OnSocketWanted(fd, readable, writable);
    };
    options.sock_state_cb_data = this;
    options.timeout = options_.query_timeout_ms;
    options.tries = 2;
    char lookups[] = "fb";  // files, then name servers
    options.lookups = lookups;
    std::vector<char*> domains;
    if (!options_.servers.empty()) {
      for (std::string& domain : options_.domains) domains.push_back(domain.data());
      options.domains = domains.data();
      options.ndomains = static_cast<int>(domains.size());
      mask |= ARES_OPT_DOMAINS;
    }
    if (ares_init_options(&channel_, &options, mask) != ARES_SUCCESS) {
      channel_ = nullptr;
      return;
    }
    if (!options_.servers.empty()) CHECK(ares_set_servers_ports_csv(channel_, options_.servers.c_str()) == ARES_SUCCESS);
    configured_ = Configured();
  }

  /// Returns what tells one state of resolv.conf from another without reading it.
  static std::pair<int64_t, int64_t> Configured() {
    struct stat info {};
    if (stat(kResolvConf, &info) != 0) return {};
    return {static_cast<int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec, static_cast<int64_t>(info.st_ino)};
  }

  /// c-ares reads its configuration once. Queries under way are asked again of the new servers.
  void Refresh(int64_t now_ms) {
    if (channel_ != nullptr && (!options_.servers.empty() || now_ms - looked_ms_ < kConfigureMs)) return;
    looked_ms_ = now_ms;
    if (channel_ != nullptr && Configured() == configured_) return;
    ares_channel old = std::exchange(channel_, nullptr);
    if (old != nullptr) ares_destroy(old);
    Open();
    for (auto& [text, entry] : names_) {
      if (std::exchange(entry->again, false)) Query(entry.get());
    }
  }

  void OnSocketWanted(int fd, int readable, int writable) {
    const auto found = watches_.find(fd);
    const int events = (readable ? int{UV_READABLE} : 0) | (writable ? int{UV_WRITABLE} : 0);
    if (events == 0) {
      if (found == watches_.end()) return;
      uv_close(reinterpret_cast<uv_handle_t*>(&found->second->poll), [](uv_handle_t* handle) { delete static_cast<Watch*>(handle->data); });
      watches_.erase(found);
      return;
    }
    Watch* watch = found != watches_.end() ? found->second : nullptr;
    if (watch == nullptr) {
      watch = new Watch;
      watch->owner = this;
      watch->fd = fd;
      if (uv_poll_init_socket(loop_, &watch->poll, fd) != 0) {
        delete watch;  // its query runs into its timeout
        return;
      }
      watch->poll.data = watch;
      watches_.emplace(fd, watch);
    }
    uv_poll_start(&watch->poll, events, [](uv_poll_t* poll, int status, int ready) {
      auto* self = static_cast<Watch*>(poll->data);
      const int socket = self->fd;
      // An error is read off the socket like anything else.
      const bool read = status < 0 || (ready & UV_READABLE) != 0;
      self->owner->Process(read ? socket : ARES_SOCKET_BAD, status >= 0 && (ready & UV_WRITABLE) != 0 ? socket : ARES_SOCKET_BAD);
    });
  }

  void Process(ares_socket_t read, ares_socket_t write) {
    if (channel_ == nullptr) return;
    ares_process_fd(channel_, read, write);
    ArmTimer();
  }

  void ArmTimer() {
    timeval next{};
    if (channel_ == nullptr || ares_timeout(channel_, nullptr, &next) == nullptr) {
      uv_timer_stop(timer_);
      return;
    }
    const auto ms = static_cast<uint64_t>(next.tv_sec) * 1000 + static_cast<uint64_t>(next.tv_usec) / 1000 + 1;
    uv_timer_start(
        timer_, [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->Process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }, ms, 0);
  }

  // ---- names

  void Ask(Name* entry, int64_t now_ms) {
    Refresh(now_ms);
    entry->asking = true;
    ++asking_;
    Query(entry);
  }

  void Query(Name* entry) {
    if (channel_ == nullptr) return OnFound(entry, ARES_ENOTINITIALIZED, nullptr);
    ares_addrinfo_hints hints{};
    hints.ai_flags = ARES_AI_NOSORT;  // sorting opens sockets to each address
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(
        channel_, entry->text.c_str(), nullptr, &hints,
        [](void* arg, int status, int, ares_addrinfo* found) {
          auto* name = static_cast<Name*>(arg);
          name->owner->OnFound(name, status, found);
        },
        entry);
    ArmTimer();
  }

  void OnFound(Name* entry, int status, ares_addrinfo* found) {
    if (status == ARES_EDESTRUCTION) {
      entry->again = !ending_;
      return;
    }
    const int64_t now_ms = NowMs();
    int64_t ttl_ms = kMaxTtlMs;
    std::vector<IpAddress> addresses;
    if (found != nullptr) {
      for (const ares_addrinfo_node* node = found->nodes; node != nullptr; node = node->ai_next) {
        if (std::optional<IpAddress> address = IpAddress::From(node->ai_addr)) addresses.push_back(*address);
        ttl_ms = std::min<int64_t>(ttl_ms, int64_t{1000} * std::max(node->ai_ttl, 0));
      }
      for (const ares_addrinfo_cname* name = found->cnames; name != nullptr; name = name->next)
        ttl_ms = std::min<int64_t>(ttl_ms, int64_t{1000} * std::max(name->ttl, 0));
      ares_freeaddrinfo(found);
    }
    Answer& answer = entry->answer;
    if (status == ARES_SUCCESS && !addresses.empty()) {
      addresses = InOrder(addresses);
      if (answer.addresses == nullptr || !SameSet(*answer.addresses, addresses)) answer.version = ++versions_;
      answer.addresses = std::make_shared<const std::vector<IpAddress>>(std::move(addresses));
      answer.error.clear();
      answer.gone = false;
      entry->until_ms = now_ms + std::max(ttl_ms, options_.min_ttl_ms);
    } else {
      answer.gone = status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_EBADNAME || status == ARES_SUCCESS;
      answer.addresses = nullptr;
      answer.version = ++versions_;
      answer.error = entry->text + ": " + (status == ARES_SUCCESS ? "no address" : ares_strerror(status));
      entry->until_ms = now_ms + options_.failure_ms;
    }
    entry->asking = false;
    --asking_;
    // Maybe from inside Look: whoever waits is told from the loop.
    done_.push_back(entry->text);
    uv_timer_start(
        deliver_, [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->Deliver(); }, 0, 0);
  }

  void Deliver() {
    std::vector<std::string> done;
    done.swap(done_);
    for (const std::string& text : done) {
      const auto found = names_.find(text);
      if (found == names_.end()) continue;
      Name* entry = found->second.get();
      // It was asked for anew in the meantime: that answer is theirs.
      if (entry->asking) continue;
      // Whoever is told may cancel others, or look again.
      const Answer answer = entry->answer;
      Name parked;
      parked.waiters.swap(entry->waiters);
      for (Waiter* waiter : parked.waiters) {
        if (waiter != nullptr) waiter->name_ = &parked;
      }
      for (size_t i = 0; i < parked.waiters.size(); ++i) {
        Waiter* waiter = std::exchange(parked.waiters[i], nullptr);
        if (waiter == nullptr) continue;
        waiter->name_ = nullptr;
        waiter->OnResolved(answer);
      }
    }
  }

  /// Drops the names whose TTL ended first, to make room; false where all are being asked for.
  bool MakeRoom(int64_t now_ms) {
    bool room = false;
    for (auto at = names_.begin(); at != names_.end();) {
      const bool idle = !at->second->asking && at->second->waiters.empty();
      const bool over = idle && at->second->until_ms <= now_ms;
      at = over ? names_.erase(at) : std::next(at);
      room |= over;
    }
    if (room) return true;
    const auto any =
        std::find_if(names_.begin(), names_.end(), [](const auto& each) { return !each.second->asking && each.second->waiters.empty(); });
    if (any == names_.end()) return false;
    names_.erase(any);
    return true;
  }

  uv_loop_t* loop_;
  ResolverOptions options_;
  ares_channel channel_ = nullptr;
  bool ending_ = false;
  std::pair<int64_t, int64_t> configured_;
  int64_t looked_ms_ = 0;
  uv_timer_t* timer_;
  uv_timer_t* deliver_;
  std::unordered_map<int, Watch*> watches_;
  std::unordered_map<std::string, std::unique_ptr<Name>, StringHash, std::equal_to<>> names_;
  std::vector<std::string> done_;
  size_t asking_ = 0;
  uint64_t versions_ = 0;
  Answer empty_;
};

Resolver::Resolver(uv_loop_s* loop, const ResolverOptions& options) : impl_(std::make_unique<Impl>(loop, options)) {}
Resolver::~Resolver() = default;
const Resolver::Answer* Resolver::Look(std::string_view name, Waiter* waiter, int64_t now_ms) {
  return impl_->Look(name, waiter, now_ms);
}
void Resolver::Cancel(Waiter* waiter) {
  impl_->Cancel(waiter);
}
void Resolver::Forget(std::string_view name) {
  impl_->Forget(name);
}
size_t Resolver::asking() const {
  return impl_->asking();
}

}  // namespace notifyd
