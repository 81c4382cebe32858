#include "net/sender/name_watch.h"

#include <arpa/nameser.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "base/bytes.h"
#include "net/sender/ares_channel.h"
#include "net/sender/loop_timer.h"
#include "net/sender/srv_reply.h"
#include "net/sender/timed.h"

namespace notifyd {
namespace {

constexpr size_t kMostIdBytes = 100, kMostNameBytes = 253;

Status Unacceptable() {
  return Status(Code::kUnacceptable,
                "must be a name and a port, such as \"billing.internal:8080\", or the name of SRV records, such as \"_http._tcp.billing.internal\"");
}

std::string IdOf(std::string_view host, uint16_t port) {
  std::string id = std::string(host) + ":" + std::to_string(port);
  if (id.size() <= kMostIdBytes) return id;
  const std::string print = "-" + std::to_string(Hash64(id));
  return id.substr(0, kMostIdBytes - print.size()) + print;
}

FoundInstance InstanceAt(const IpAddress& address, uint16_t port) {
  const std::string text = address.ToString();
  return {IdOf(text, port), address.v6 ? "[" + text + "]" : text, port, 1};
}

/// Those to be asked first: the others are for when none of these is there, which nobody could tell from here. A weight of 0 is "very little" to SRV,
/// and "nothing" to a service.
std::vector<FoundInstance> InstancesOf(const std::vector<SrvRecord>& records) {
  uint16_t first = UINT16_MAX;
  for (const SrvRecord& record : records) first = std::min(first, record.priority);
  std::vector<FoundInstance> found;
  for (const SrvRecord& record : records)
    if (record.priority == first && !record.target.empty() && record.port != 0)
      found.push_back({IdOf(record.target, record.port), record.target, record.port, std::max<uint32_t>(record.weight, 1)});
  return found;
}

/// What one question is for.
enum class Asked : uint8_t { kV4, kV6, kSrv };

}  // namespace

Result<WatchedName> ParseWatchedName(std::string_view text) {
  WatchedName out;
  const size_t colon = text.rfind(':');
  std::string_view name = text.substr(0, colon);
  if (name.ends_with('.')) name.remove_suffix(1);
  const bool srv = name.starts_with('_');
  if (srv != (colon == text.npos)) return Unacceptable();
  if (!srv) {
    const std::string_view port = text.substr(colon + 1);
    const auto read = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (read.ec != std::errc() || read.ptr != port.data() + port.size() || out.port == 0) return Unacceptable();
  }
  out.name = LowerAscii(name);
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || IsDigit(c) || c == '.' || c == '_' || c == '-'; };
  // An address needs no lookup: it is an instance.
  const bool address = IpAddress::Parse(out.name).has_value();
  if (out.name.empty() || out.name.size() > kMostNameBytes || address || out.name.find("..") != out.name.npos || out.name[0] == '.' ||
      out.name.back() == '.' || !std::all_of(out.name.begin(), out.name.end(), plain))
    return Unacceptable();
  return out;
}

class NameWatch::Impl {
 public:
  Impl(uv_loop_t* loop, const ResolverOptions& options, std::function<void(const News&)> tell)
      : least_ttl_ms_(options.min_ttl_ms),
        tell_(std::move(tell)),
        timer_(MakeTimer(loop, this)),
        channel_(loop, {options.servers, options.domains, options.query_timeout_ms}) {}

  ~Impl() { CloseTimer(timer_); }

  void Watch(const std::vector<std::string>& names) {
    std::map<std::string, std::shared_ptr<Name>> kept;
    for (const std::string& text : names) {
      auto found = names_.find(text);
      if (found != names_.end()) {
        kept.emplace(text, found->second);
        continue;
      }
      auto fresh = std::make_shared<Name>();
      fresh->text = text;
      fresh->what = *ParseWatchedName(text);
      if (fresh->what.port == 0) fresh->questions.push_back({Asked::kSrv});
      else fresh->questions = {{Asked::kV4}, {Asked::kV6}};
      kept.emplace(text, std::move(fresh));
    }
    names_ = std::move(kept);
    Publish();
    uv_timer_start(
        timer_, [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->Fire(); }, 0, 0);
  }

  std::vector<FoundInstance> Of(const std::string& name) const {
    auto found = names_.find(name);
    return found == names_.end() ? std::vector<FoundInstance>() : found->second->instances;
  }

  std::vector<Figures> figures() const {
    std::lock_guard lock(mutex_);
    return figures_;
  }

 private:
  struct Question {
    Asked what;
    std::vector<FoundInstance> known = {};
    int64_t ttl_ms = 0;      // of the last answer; 0: there is nothing
    std::string error = {};  // of the last round; empty: it was answered
    bool asking = false, again = false;
  };
  struct Name {
    std::string text;
    WatchedName what;
    std::vector<Question> questions;
    std::vector<FoundInstance> instances;  // all of them, in order
    int64_t next_ms = 0;                   // asked again then
    uint64_t found = 0, failed = 0;
    bool asking() const {
      return std::any_of(questions.begin(), questions.end(), [](const Question& each) { return each.asking; });
    }
  };
  /// A question under way. Of a name that is not watched any more too.
  struct Query {
    Impl* owner;
    std::shared_ptr<Name> name;
    size_t place;
  };

  void Fire() {
    const int64_t now_ms = MonotonicMs();
    const std::map<std::string, std::shared_ptr<Name>> names = names_;
    if (channel_.Refresh(now_ms))
      for (const auto& [text, name] : names)
        for (size_t i = 0; i < name->questions.size(); ++i)
          if (std::exchange(name->questions[i].again, false)) Send(name, i);
    for (const auto& [text, name] : names) {
      if (name->asking() || name->next_ms > now_ms) continue;
      // All of them first: one may be answered at once.
      for (Question& question : name->questions) question.asking = true;
      for (size_t i = 0; i < name->questions.size(); ++i) Send(name, i);
    }
    ArmTimer();
  }

  void ArmTimer() {
    int64_t next_ms = INT64_MAX;
    for (const auto& [text, name] : names_)
      if (!name->asking()) next_ms = std::min(next_ms, name->next_ms);
    if (next_ms == INT64_MAX) {
      uv_timer_stop(timer_);
      return;
    }
    uv_timer_start(
        timer_, [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->Fire(); },
        static_cast<uint64_t>(std::max<int64_t>(next_ms - MonotonicMs(), 0)), 0);
  }

  void Send(const std::shared_ptr<Name>& name, size_t place) {
    auto* query = new Query{this, name, place};
    const Asked what = name->questions[place].what;
    if (channel_.get() == nullptr) return Answered(query, ARES_ENOTINITIALIZED, {}, 0);
    if (what == Asked::kSrv) {
      ares_search(
          channel_.get(), name->what.name.c_str(), ns_c_in, ns_t_srv,
          [](void* arg, int status, int, unsigned char* reply, int bytes) { OnSrv(static_cast<Query*>(arg), status, reply, bytes); }, query);
    } else {
      ares_addrinfo_hints hints{};
      hints.ai_flags = ARES_AI_NOSORT;  // sorting opens sockets to each address
      hints.ai_family = what == Asked::kV4 ? AF_INET : AF_INET6;
      hints.ai_socktype = SOCK_STREAM;
      ares_getaddrinfo(
          channel_.get(), name->what.name.c_str(), nullptr, &hints,
          [](void* arg, int status, int, ares_addrinfo* found) { OnAddresses(static_cast<Query*>(arg), status, found); }, query);
    }
    channel_.ArmTimer();
  }

  static void OnSrv(Query* query, int status, const unsigned char* reply, int bytes) {
    if (status != ARES_SUCCESS) return query->owner->Answered(query, status, {}, 0);
    const std::optional<SrvReply> read = ReadSrvReply({reinterpret_cast<const char*>(reply), static_cast<size_t>(std::max(bytes, 0))});
    if (!read) return query->owner->Answered(query, ARES_EBADRESP, {}, 0);
    query->owner->Answered(query, ARES_SUCCESS, InstancesOf(read->records), read->ttl_ms);
  }

  static void OnAddresses(Query* query, int status, ares_addrinfo* found) {
    std::vector<FoundInstance> instances;
    int64_t ttl_ms = kMostTtlMs;
    if (found != nullptr) {
      for (const ares_addrinfo_node* node = found->nodes; node != nullptr; node = node->ai_next) {
        if (std::optional<IpAddress> address = IpAddress::From(node->ai_addr)) instances.push_back(InstanceAt(*address, query->name->what.port));
        ttl_ms = std::min<int64_t>(ttl_ms, int64_t{1000} * std::max(node->ai_ttl, 0));
      }
      for (const ares_addrinfo_cname* alias = found->cnames; alias != nullptr; alias = alias->next)
        ttl_ms = std::min<int64_t>(ttl_ms, int64_t{1000} * std::max(alias->ttl, 0));
      ares_freeaddrinfo(found);
    }
    query->owner->Answered(query, status, std::move(instances), ttl_ms);
  }

  void Answered(Query* asked, int status, std::vector<FoundInstance> instances, int64_t ttl_ms) {
    const std::unique_ptr<Query> query(asked);
    Question& question = query->name->questions[query->place];
    if (status == ARES_EDESTRUCTION) {
      question.again = !channel_.ending();
      return;
    }
    const bool nothing = status == ARES_ENOTFOUND || status == ARES_ENODATA;
    question.asking = false;
    question.error = status == ARES_SUCCESS || nothing ? std::string() : ares_strerror(status);
    if (question.error.empty()) {
      question.ttl_ms = instances.empty() ? 0 : std::clamp(ttl_ms, least_ttl_ms_, kMostTtlMs);
      question.known = std::move(instances);
    }
    if (!query->name->asking()) Ended(query->name.get());
  }

  /// All questions of a round were answered, or failed.
  void Ended(Name* name) {
    News news;
    news.name = name->text;
    int64_t wait_ms = kMostTtlMs + 1;
    std::vector<FoundInstance> instances;
    bool answered = false;
    for (const Question& question : name->questions) {
      answered |= question.error.empty();
      // Of a family that never led anywhere, it does not matter that nobody can tell.
      if (!question.error.empty() && (!question.known.empty() || name->questions.size() == 1)) news.error = question.error;
      if (!question.error.empty()) wait_ms = std::min(wait_ms, kRetryMs);
      else if (question.ttl_ms > 0) wait_ms = std::min(wait_ms, question.ttl_ms);
      instances.insert(instances.end(), question.known.begin(), question.known.end());
    }
    if (!answered) news.error = name->questions.front().error;
    if (wait_ms > kMostTtlMs) wait_ms = kRetryMs;  // it leads nowhere
    ++(news.error.empty() ? name->found : name->failed);
    const auto by_id = [](const FoundInstance& a, const FoundInstance& b) { return a.id < b.id; };
    std::stable_sort(instances.begin(), instances.end(), by_id);
    instances.erase(std::unique(instances.begin(), instances.end(), [](const FoundInstance& a, const FoundInstance& b) { return a.id == b.id; }),
                    instances.end());
    if (instances.size() > kMostInstances) instances.resize(kMostInstances);
    news.changed = instances != name->instances;
    const auto difference = [&](const std::vector<FoundInstance>& from, const std::vector<FoundInstance>& without, std::vector<std::string>* ids) {
      std::vector<FoundInstance> out;
      std::set_difference(from.begin(), from.end(), without.begin(), without.end(), std::back_inserter(out), by_id);
      for (FoundInstance& each : out) ids->push_back(std::move(each.id));
    };
    difference(instances, name->instances, &news.came);
    difference(name->instances, instances, &news.left);
    name->instances = std::move(instances);
    name->next_ms = MonotonicMs() + wait_ms;
    const auto watched = names_.find(name->text);
    if (watched == names_.end() || watched->second.get() != name) return;
    Publish();
    ArmTimer();
    tell_(news);
  }

  void Publish() {
    std::lock_guard lock(mutex_);
    figures_.clear();
    for (const auto& [text, name] : names_) figures_.push_back({text, name->instances.size(), name->found, name->failed});
  }

  const int64_t least_ttl_ms_;
  std::function<void(const News&)> tell_;
  std::map<std::string, std::shared_ptr<Name>> names_;
  mutable std::mutex mutex_;
  std::vector<Figures> figures_;  // guarded by mutex_
  uv_timer_t* timer_;
  AresChannel channel_;  // goes first: it tells the names
};

NameWatch::NameWatch(uv_loop_s* loop, const ResolverOptions& options, std::function<void(const News&)> tell)
    : impl_(std::make_unique<Impl>(loop, options, std::move(tell))) {}
NameWatch::~NameWatch() = default;
void NameWatch::Watch(const std::vector<std::string>& names) {
  impl_->Watch(names);
}
std::vector<FoundInstance> NameWatch::Of(const std::string& name) const {
  return impl_->Of(name);
}
std::vector<NameWatch::Figures> NameWatch::figures() const {
  return impl_->figures();
}

}  // namespace notifyd
