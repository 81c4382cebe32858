// Which connection serves the next call, and which serves none any more.
#include "net/sender/plain_pool.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/check.h"
#include "net/sender/http2_session.h"

namespace notifyd {
namespace {

/// Hosts with nothing open are remembered up to here, for what was learnt of them.
constexpr size_t kMaxHosts = 4096;

}  // namespace

PlainPool::PlainPool(PlainConnection::Shared* shared, DeadlineWheel* wheel, size_t max_idle, int64_t max_age_ms)
    : shared_(shared), wheel_(wheel), max_idle_(max_idle), max_age_ms_(max_age_ms) {
  shared_->pool = this;
}

PlainPool::~PlainPool() {
  while (shared_->first != nullptr) Close(shared_->first);
}

PlainHost* PlainPool::Enter(std::string_view name, uint16_t port, bool secure, const PoolTerms& terms) {
  key_.assign(name).push_back(':');
  char digits[8];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, port);
  key_.append(digits, end);
  if (secure) key_.push_back('s');
  if (terms.number != kDefaultNumber || terms.rule != 0) {
    key_.append("/").append(std::to_string(terms.number)).append("/").append(std::to_string(terms.rule));
    if (terms.armed) key_.push_back('a');
  }
  if (secure && !terms.tls_name.empty()) key_.append("=").append(terms.tls_name);
  auto found = hosts_.find(std::string_view(key_));
  if (found == hosts_.end()) {
    if (hosts_.size() >= kMaxHosts) {
      std::erase_if(hosts_, [&](const auto& each) {
        return each.second->uses == 0 && std::find(to_serve_.begin(), to_serve_.end(), each.second.get()) == to_serve_.end();
      });
    }
    found = hosts_.emplace(key_, std::make_unique<PlainHost>()).first;
    found->second->name = name;
    found->second->port = port;
    if (secure) found->second->tls = std::make_shared<TlsMemory>();
    found->second->terms = terms;
    found->second->http1_wanted = !terms.http2;
  } else {
    PlainHost* host = found->second.get();
    if (host->terms.era != terms.era) SetEra(host, terms.era);
    // Renew sets the era alone.
    if (host->terms.http2 != terms.http2) {
      host->speaks = PlainHost::Speaks::kUnknown;
      host->http1_wanted = !terms.http2;
    }
    host->terms = terms;
  }
  ++found->second->uses;
  return found->second.get();
}

void PlainPool::Leave(PlainHost* host) {
  CHECK(host->uses > 0);
  --host->uses;
}

void PlainPool::SetAddresses(PlainHost* host, std::shared_ptr<const std::vector<IpAddress>> addresses, uint64_t version) {
  if (host->resolved == version) return;
  host->resolved = version;
  host->addresses = std::move(addresses);
  for (size_t i = host->idle.size(); i-- > 0;) {
    if (!Fit(*host->idle[i], 0)) Close(host->idle[i]);
  }
  if (host->probe != nullptr && !Fit(*host->probe, 0)) Close(host->probe);
}

// ---- addresses that failed

void PlainPool::NoteFailed(PlainHost* host, const IpAddress& address, int64_t now_ms) {
  NoteAnswered(host, address);
  if (host->failed.size() >= kMaxFailed) host->failed.erase(host->failed.begin());
  host->failed.push_back({address, now_ms + kFailedMs});
}

void PlainPool::NoteAnswered(PlainHost* host, const IpAddress& address) {
  std::erase_if(host->failed, [&](const FailedAddress& each) { return each.address == address; });
}

const std::vector<IpAddress>& PlainPool::InOrder(PlainHost* host, const std::vector<IpAddress>& addresses, int64_t now_ms) {
  std::erase_if(host->failed, [&](const FailedAddress& each) { return now_ms >= each.until_ms; });
  if (host->failed.empty() || addresses.size() < 2) return addresses;
  ordered_.clear();
  std::vector<IpAddress> last;
  for (const FailedAddress& each : host->failed) {
    if (std::find(addresses.begin(), addresses.end(), each.address) != addresses.end()) last.push_back(each.address);
  }
  std::copy_if(addresses.begin(), addresses.end(), std::back_inserter(ordered_),
               [&](const IpAddress& each) { return std::find(last.begin(), last.end(), each) == last.end(); });
  ordered_.insert(ordered_.end(), last.begin(), last.end());
  return ordered_;
}

bool PlainPool::Fit(const PlainConnection& connection, int64_t now_ms) const {
  const PlainHost& host = *connection.host;
  if (connection.era != host.terms.era || now_ms - connection.opened_ms >= max_age_ms_) return false;
  return host.addresses == nullptr || std::find(host.addresses->begin(), host.addresses->end(), connection.address()) != host.addresses->end();
}

PlainConnection* PlainPool::Take(PlainHost* host, Want want, int64_t now_ms) {
  while (!host->idle.empty()) {
    PlainConnection* connection = host->idle.back();
    const int64_t idle_ms = now_ms - connection->answered_ms;
    if (!Fit(*connection, now_ms) || idle_ms >= kMaxIdleMs) {
      Close(connection);
    } else if (want == Want::kHot && idle_ms > kHotMs) {
      return nullptr;
    } else if (connection->http2 != nullptr) {
      // What lies there may be no more than news of it.
      if (!connection->Pull()) continue;
      if (!connection->http2->HasRoom()) {
        Close(connection);
        continue;
      }
      Unlink(connection);
      host->sessions.push_back(connection->http2.get());
      return connection;
    } else if (connection->Stale()) {
      OnLost(connection, 0);
    } else {
      Unlink(connection);
      return connection;
    }
  }
  return nullptr;
}

void PlainPool::Adopt(PlainHost* host, PlainConnection* connection, uint64_t era, int64_t now_ms) {
  connection->host = host;
  connection->opened_ms = now_ms;
  connection->era = era;
  ++host->uses;
}

void PlainPool::Give(PlainConnection* connection, bool reusable, int64_t now_ms) {
  AnswerFraming& framing = connection->framing;
  const uint64_t left = framing.left();
  if (!reusable || connection->broken() || connection->writing() || !Fit(*connection, now_ms) || (left > kMaxDrainBytes && left != UINT64_MAX)) {
    return Close(connection);
  }
  connection->SetUser(this);
  framing.SetReader(nullptr);
  connection->answered_ms = now_ms;
  if (framing.ended()) return Rest(connection, now_ms);
  connection->drained = 0;
  wheel_->Arm(connection, now_ms + kDrainMs);
}

void PlainPool::Rest(PlainConnection* connection, int64_t now_ms) {
  PlainHost* host = connection->host;
  if (!Fit(*connection, now_ms)) return Close(connection);
  if (!host->closes) return PushIdle(connection);
  if (host->probe != nullptr) return Close(connection);
  host->probe = connection;
  wheel_->Arm(connection, now_ms + kProbeMs);
}

void PlainPool::PushIdle(PlainConnection* connection) {
  if (idle_ >= max_idle_) {
    if (oldest_ == nullptr) return Close(connection);
    Close(oldest_);
  }
  connection->host->idle.push_back(connection);
  connection->idle_prev = newest_;
  connection->idle_next = nullptr;
  (newest_ != nullptr ? newest_->idle_next : oldest_) = connection;
  newest_ = connection;
  ++idle_;
  WakeQueue(connection->host);
}

/// Out of the idle ones, where it is among them.
void PlainPool::Unlink(PlainConnection* connection) {
  PlainHost* host = connection->host;
  if (host->probe == connection) host->probe = nullptr;
  const auto at = std::find(host->idle.rbegin(), host->idle.rend(), connection);
  if (at == host->idle.rend()) return;
  host->idle.erase(std::next(at).base());
  (connection->idle_prev != nullptr ? connection->idle_prev->idle_next : oldest_) = connection->idle_next;
  (connection->idle_next != nullptr ? connection->idle_next->idle_prev : newest_) = connection->idle_prev;
  connection->idle_prev = connection->idle_next = nullptr;
  --idle_;
}

void PlainPool::Close(PlainConnection* connection) {
  PlainHost* host = connection->host;
  if (host == nullptr) return connection->Close();
  Unlink(connection);
  connection->host = nullptr;
  FreePlace(host);
  const bool unknown = connection->http2 != nullptr && !connection->http2->ready();
  const int64_t since_ms = connection->opening_ms;
  if (connection->http2 != nullptr) std::erase(host->sessions, connection->http2.get());
  connection->Close();
  if (unknown) NoteOpened(host, since_ms, false);
  Leave(host);
}

void PlainPool::MarkCloses(PlainHost* host) {
  host->closes = true;
  // What else is idle there is about to be closed, too.
  while (!host->idle.empty()) Close(host->idle.back());
}

// ---- HTTP/2

Http2Session* PlainPool::Join(PlainHost* host, Want want, int64_t now_ms) {
  for (Http2Session* session : host->sessions) {
    const PlainConnection& connection = *session->connection();
    if (!Fit(connection, now_ms)) session->Retire();
    if (session->HasRoom() && (want == Want::kAny || now_ms - connection.answered_ms <= kHotMs)) return session;
  }
  return nullptr;
}

int64_t PlainPool::Wait(PlainHost* host, PlainWaiter* waiter, int64_t now_ms) {
  const bool may = host->tls != nullptr && !host->http1_wanted && host->speaks != PlainHost::Speaks::kHttp1;
  if (!may) return 0;
  size_t promising = 0;
  int64_t until_ms = 0;
  for (const int64_t since_ms : host->openings) {
    if (now_ms - since_ms >= kOpeningMs) continue;
    ++promising;
    until_ms = std::max(until_ms, since_ms + kOpeningMs);
  }
  if (promising == 0 || host->waiting.size() / promising >= host->calls_a_session) return 0;
  host->waiting.push_back(waiter);
  return until_ms;
}

void PlainPool::StopWaiting(PlainHost* host, PlainWaiter* waiter) {
  std::erase(host->waiting, waiter);
  if (host->queue.empty()) return;
  std::erase(host->queue, waiter);
  if (host->queue.empty()) std::erase(to_serve_, host);
  else WakeQueue(host);  // what it was told of may be another's
}

/// Those for whom there is room now.
void PlainPool::ServeWaiting(PlainHost* host) {
  while (!host->waiting.empty() && std::any_of(host->sessions.begin(), host->sessions.end(), [](const auto* each) { return each->HasRoom(); })) {
    PlainWaiter* waiter = host->waiting.front();
    host->waiting.erase(host->waiting.begin());
    waiter->OnRoom(false);
  }
}

void PlainPool::LookAgain(PlainHost* host, bool alone) {
  std::vector<PlainWaiter*> waiting;
  waiting.swap(host->waiting);
  for (PlainWaiter* waiter : waiting) waiter->OnRoom(alone);
}

void PlainPool::EndOpening(PlainHost* host, int64_t since_ms) {
  const auto at = std::find(host->openings.begin(), host->openings.end(), since_ms);
  CHECK(at != host->openings.end());
  host->openings.erase(at);
}

void PlainPool::NoteOpened(PlainHost* host, int64_t since_ms, bool opened) {
  EndOpening(host, since_ms);
  if (opened) host->speaks = PlainHost::Speaks::kHttp1;
  // Those who wait behind a younger one need not open one each because an old one was given up.
  const int64_t now_ms = MonotonicMs();
  const bool promising = std::any_of(host->openings.begin(), host->openings.end(), [&](int64_t other_ms) { return now_ms - other_ms < kOpeningMs; });
  LookAgain(host, opened || !promising);
}

Http2Session* PlainPool::Speak(PlainConnection* connection, int64_t since_ms) {
  PlainHost* host = connection->host;
  connection->opening_ms = since_ms;
  host->speaks = PlainHost::Speaks::kHttp2;
  connection->http2 = std::make_unique<Http2Session>(connection, this);
  host->sessions.push_back(connection->http2.get());
  return connection->http2.get();
}

void PlainPool::OnSessionReady(Http2Session* session) {
  PlainHost* host = session->connection()->host;
  EndOpening(host, session->connection()->opening_ms);
  host->calls_a_session = std::max<size_t>(1, session->limit());
  const bool unused = session->calls() == 0;
  ServeWaiting(host);
  LookAgain(host, false);
  if (session->connection()->host == nullptr) return;
  WakeQueue(host);  // who waited behind it for too long waits for a place by now
  if (unused && session->calls() == 0) OnCallLeft(session);
}

void PlainPool::OnCallLeft(Http2Session* session) {
  PlainConnection* connection = session->connection();
  PlainHost* host = connection->host;
  WakeQueue(host);
  if (session->calls() == 0) {
    const int64_t now_ms = MonotonicMs();
    if (session->retired() || !session->HasRoom() || !Fit(*connection, now_ms)) return Close(connection);
    if (!session->ready()) return wheel_->Arm(connection, now_ms + kDrainMs);  // others may wait for it
    wheel_->Disarm(connection);
    std::erase(host->sessions, session);
    return Rest(connection, now_ms);
  }
  ServeWaiting(host);
}

void PlainPool::NoteLoss(PlainConnection* connection, int64_t now_ms) {
  if (connection->answered_ms != 0 && now_ms - connection->answered_ms < kProbeMs) MarkCloses(connection->host);
}

void PlainPool::OnBytes(PlainConnection* connection, std::string_view bytes) {
  if (connection->framing.ended()) return Close(connection);  // nobody asked for it
  connection->drained += bytes.size();
  if (!connection->framing.Take(bytes) || connection->drained > kMaxDrainBytes) return Close(connection);
  if (!connection->framing.ended()) return;
  wheel_->Disarm(connection);
  const int64_t now_ms = MonotonicMs();
  connection->answered_ms = now_ms;
  Rest(connection, now_ms);
}

void PlainPool::OnLost(PlainConnection* connection, int) {
  PlainHost* host = connection->host;
  // Over HTTP/2 nobody frames, and none is idle but behind an answer.
  const bool behind_answer = connection->framing.ended() && MonotonicMs() - connection->answered_ms < kProbeMs;
  Close(connection);
  if (behind_answer && !host->closes) MarkCloses(host);
}

void PlainPool::OnConnectionDeadline(PlainConnection* connection, int64_t now_ms) {
  PlainHost* host = connection->host;
  if (connection->http2 != nullptr && connection->http2->calls() > 0) return;
  if (host->probe != connection) return Close(connection);  // the rest of its answer stays away
  host->probe = nullptr;
  host->closes = false;
  if (Fit(*connection, now_ms)) PushIdle(connection);
  else Close(connection);
}

// ---- bounded connections

bool PlainPool::TakePlace(PlainHost* host) {
  const size_t most = host->terms.connections;
  // Whoever asks would not have an idle one: it gives way.
  if (most != 0 && host->places >= most && !host->idle.empty()) Close(host->idle.front());
  if (most != 0 && host->places >= most) return false;
  ++host->places;
  return true;
}

void PlainPool::FreePlace(PlainHost* host) {
  CHECK(host->places > 0);
  --host->places;
  WakeQueue(host);
}

void PlainPool::Queue(PlainHost* host, PlainWaiter* waiter) {
  host->queue.push_back(waiter);
}

void PlainPool::WakeQueue(PlainHost* host) {
  if (host->queue.empty() || std::find(to_serve_.begin(), to_serve_.end(), host) != to_serve_.end()) return;
  to_serve_.push_back(host);
  wake_();
}

/// Each host's first in turn, as long as there is something for it: it looks itself, and whoever finds nothing is in the queue again.
void PlainPool::ServeQueues() {
  std::vector<PlainHost*> hosts;
  hosts.swap(to_serve_);
  for (PlainHost* host : hosts) {
    ++host->uses;
    const auto room = [host] {
      const bool session = std::any_of(host->sessions.begin(), host->sessions.end(), [](const auto* each) { return each->HasRoom(); });
      return !host->idle.empty() || session || host->terms.connections == 0 || host->places < host->terms.connections;
    };
    for (size_t most = host->queue.size(); most > 0 && !host->queue.empty() && room(); --most) {
      PlainWaiter* waiter = host->queue.front();
      host->queue.pop_front();
      waiter->OnRoom(false);
    }
    Leave(host);
  }
}

// ---- other terms

void PlainPool::SetEra(PlainHost* host, uint64_t era) {
  host->terms.era = era;
  // What was trusted under the others is proved anew.
  if (host->tls != nullptr) host->tls = std::make_shared<TlsMemory>();
  while (!host->idle.empty()) Close(host->idle.back());
  if (host->probe != nullptr) Close(host->probe);
  for (Http2Session* session : host->sessions) session->Retire();
}

void PlainPool::Renew(NamespaceNumber number, uint64_t era) {
  for (auto& [key, host] : hosts_) {
    if (host->terms.number == number && host->terms.era != era) SetEra(host.get(), era);
  }
}

bool PlainPool::Sweep(int64_t now_ms) {
  for (PlainConnection* connection = oldest_; connection != nullptr;) {
    PlainConnection* next = connection->idle_next;
    if (!Fit(*connection, now_ms) || now_ms - connection->answered_ms >= kMaxIdleMs) Close(connection);
    connection = next;
  }
  return idle_ > 0;
}

}  // namespace notifyd
