#include "net/sender/resolver.h"

#include <netinet/in.h>

#include <algorithm>
#include <unordered_map>

#include "net/sender/ares_channel.h"
#include "net/sender/loop_timer.h"
#include "net/sender/timed.h"

namespace notifyd {
namespace {

constexpr int64_t kMaxTtlMs = 24 * 3600 * 1000;

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
  Impl(uv_loop_t* loop, const ResolverOptions& options)
      : options_(options), deliver_(MakeTimer(loop, this)), channel_(loop, {options.servers, options.domains, options.query_timeout_ms}) {
    empty_.error = "too many names are being looked up";
  }

  ~Impl() { CloseTimer(deliver_); }

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

  // ---- names

  void Ask(Name* entry, int64_t now_ms) {
    if (channel_.Refresh(now_ms)) {
      for (auto& [text, other] : names_) {
        if (std::exchange(other->again, false)) Query(other.get());
      }
    }
    entry->asking = true;
    ++asking_;
    Query(entry);
  }

  void Query(Name* entry) {
    if (channel_.get() == nullptr) return OnFound(entry, ARES_ENOTINITIALIZED, nullptr);
    ares_addrinfo_hints hints{};
    hints.ai_flags = ARES_AI_NOSORT;  // sorting opens sockets to each address
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(
        channel_.get(), entry->text.c_str(), nullptr, &hints,
        [](void* arg, int status, int, ares_addrinfo* found) {
          auto* name = static_cast<Name*>(arg);
          name->owner->OnFound(name, status, found);
        },
        entry);
    channel_.ArmTimer();
  }

  void OnFound(Name* entry, int status, ares_addrinfo* found) {
    if (status == ARES_EDESTRUCTION) {
      entry->again = !channel_.ending();
      return;
    }
    const int64_t now_ms = MonotonicMs();
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

  ResolverOptions options_;
  uv_timer_t* deliver_;
  std::unordered_map<std::string, std::unique_ptr<Name>, StringHash, std::equal_to<>> names_;
  std::vector<std::string> done_;
  size_t asking_ = 0;
  uint64_t versions_ = 0;
  Answer empty_;
  AresChannel channel_;  // goes first: it tells the names
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
