#include "net/cluster/member_client.h"

#include <uv.h>

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "net/cluster/member_connection.h"
#include "net/loop.h"

namespace notifyd {

class MemberClient::Impl {
 public:
  Impl(Loop* loop, Tls tls) : loop_(loop), tls_(std::move(tls)), timer_(new uv_timer_t) {
    CHECK(uv_timer_init(loop->raw(), timer_) == 0);
    timer_->data = this;
  }

  ~Impl() {
    for (auto& [link, owned] : links_) link->Abandon();
    uv_close(reinterpret_cast<uv_handle_t*>(timer_), [](uv_handle_t* handle) { delete reinterpret_cast<uv_timer_t*>(handle); });
  }

  uint64_t Begin(const std::string& address, MemberRequest request, MemberCall* call);
  size_t Send(uint64_t number, std::string_view bytes) {
    Link* link = Find(number);
    return link == nullptr ? 0 : link->Send(bytes);
  }
  void EndSending(uint64_t number) {
    if (Link* link = Find(number)) link->EndSending();
  }
  void SetReading(uint64_t number, bool reads) {
    if (Link* link = Find(number)) link->SetReading(reads);
  }
  bool Drop(uint64_t number) {
    failed_.erase(number);
    Link* link = Find(number);
    if (link == nullptr) return false;
    const bool sent = link->sent();
    Forget(link);
    return sent;
  }
  void OnTick(std::function<bool(int64_t)> tick) { tick_ = std::move(tick); }
  void WakeTick() {
    if (uv_is_active(reinterpret_cast<const uv_handle_t*>(timer_)) != 0) return;
    uv_timer_start(
        timer_, [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->Tick(); }, kTickMs, kTickMs);
  }
  int64_t NowMs() const { return Loop::NowMs(loop_->raw()); }
  void Post(std::function<void()> task) {
    loop_->Post([task = std::move(task), alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired()) task();
    });
  }

 private:
  /// One connection, and what it serves.
  class Link : public MemberConnection::User, public AnswerParser::Reader {
   public:
    Link(Impl* client, std::string address) : client_(client), address_(std::move(address)), parser_(this) {}

    void Open(std::shared_ptr<const TlsContext> tls) { connection_ = MemberConnection::Open(client_->loop_->raw(), address_, std::move(tls), this); }
    void Begin(uint64_t number, MemberRequest request, MemberCall* call) {
      number_ = number;
      request_ = std::move(request);
      call_ = call;
      body_at_ = 0;
      since_ms_ = client_->NowMs();
      deadline_ms_ = open_ ? since_ms_ + request_.answer_ms : since_ms_ + request_.open_ms;
      sent_ = false;
      if (open_) Ask();
    }

    size_t Send(std::string_view bytes) {
      connection_->Send(bytes);
      return connection_->unsent();
    }
    void EndSending() {
      closes_ = true;
      EndWhatIsSent();
    }
    void SetReading(bool reads) { connection_->SetReading(reads); }
    /// Lets go of the connection; it is the client's to forget.
    void Abandon() {
      parser_.Stop();
      call_ = nullptr;
      if (connection_ != nullptr) std::exchange(connection_, nullptr)->Close();
    }
    bool Stale() const { return connection_->Stale(); }
    bool sent() const { return sent_; }
    uint64_t number() const { return number_; }
    const std::string& address() const { return address_; }

    /// False: it is over.
    bool Look(int64_t now_ms) {
      if (call_ == nullptr) return now_ms - since_ms_ <= kMostIdleMs && !connection_->gone();
      if (!open_ && connection_->gone()) return Lose(connection_->why().empty() ? "it cannot be reached" : connection_->why()), false;
      if (now_ms < deadline_ms_) return true;
      return Lose(open_ ? "no answer came in time" : "it was not reached in time"), false;
    }

    // Of the connection.
    void OnOpen() override {
      open_ = true;
      if (call_ == nullptr) return;
      deadline_ms_ = client_->NowMs() + request_.answer_ms;
      Ask();
      EndWhatIsSent();
    }
    void OnBytes(std::string_view bytes) override {
      // What nobody asked for closes it.
      if (call_ == nullptr) return client_->Forget(this);
      if (parser_.Take(bytes)) return;
      Lose("what it answers is no answer");
    }
    void OnGone(bool ended, const std::string& why) override {
      if (call_ == nullptr) return client_->Forget(this);
      if (ended && parser_.TakeEof()) return;
      Lose(why, ended);
    }
    void OnSent() override {
      if (call_ == nullptr) return;
      while (Feed())
        if (connection_->unsent() > 0) return;
      EndWhatIsSent();
      call_->OnSent();
    }

    // Of the parser.
    void OnContinue() override {
      deadline_ms_ = INT64_MAX;
      call_->OnContinue();
    }
    void OnAnswerHead(HttpResponse head, std::optional<uint64_t> length) override {
      deadline_ms_ = INT64_MAX;
      call_->OnAnswerHead(std::move(head), length);
    }
    void OnAnswerBody(std::string_view piece) override { call_->OnAnswerBody(piece); }
    void OnAnswerEnd(bool keeps) override {
      MemberCall* call = std::exchange(call_, nullptr);
      // An answer before all of the request was sent: what is left of it would be taken for the next.
      keeps = keeps && !closes_ && (!request_.body || body_at_ == request_.body->size()) && connection_->unsent() == 0;
      client_->calls_.erase(number_);
      if (keeps) {
        connection_->SetReading(true);
        since_ms_ = client_->NowMs();
        request_ = {};
        client_->Keep(this);
      } else {
        client_->Forget(this);
      }
      call->OnAnswerEnd(keeps);
    }

   private:
    void Ask() {
      parser_.Begin(request_.to_head);
      sent_ = true;
      if (request_.body && request_.body->size() <= kPieceBytes) {
        request_.head += *request_.body;
        body_at_ = request_.body->size();
      }
      connection_->Send(request_.head);
      while (connection_->unsent() == 0 && Feed()) {
      }
    }
    /// Gives the system some more of the body. False: there is none.
    bool Feed() {
      if (!request_.body || body_at_ == request_.body->size()) return false;
      const std::string_view piece = std::string_view(*request_.body).substr(body_at_, kPieceBytes);
      body_at_ += piece.size();
      connection_->Send(piece);
      return true;
    }
    /// Before the request is sent the end would cut it.
    void EndWhatIsSent() {
      if (closes_ && sent_ && (!request_.body || body_at_ == request_.body->size())) connection_->EndSending();
    }
    void Lose(std::string detail, bool ended = false) {
      MemberCall* call = std::exchange(call_, nullptr);
      const MemberLoss loss{sent_, ended, address_ + ": " + std::move(detail)};
      client_->calls_.erase(number_);
      client_->Forget(this);
      call->OnLost(loss);
    }

    Impl* const client_;
    const std::string address_;
    AnswerParser parser_;
    MemberConnection* connection_ = nullptr;
    MemberCall* call_ = nullptr;  // null: it is kept
    MemberRequest request_;
    size_t body_at_ = 0;
    uint64_t number_ = 0;
    int64_t since_ms_ = 0, deadline_ms_ = 0;
    bool open_ = false, sent_ = false, closes_ = false;
  };

  Link* Find(uint64_t number) {
    auto found = calls_.find(number);
    return found == calls_.end() ? nullptr : found->second;
  }
  void Keep(Link* link) {
    std::vector<Link*>& idle = idle_[link->address()];
    if (idle.size() >= kMostIdle) return Forget(link);
    idle.push_back(link);
  }
  /// One that is kept for the address and open still; null: none. No list in idle_ is empty.
  Link* TakeIdle(const std::string& address) {
    // Each time by its key: Forget may take the list away, too.
    for (auto found = idle_.find(address); found != idle_.end(); found = idle_.find(address)) {
      Link* link = found->second.back();
      found->second.pop_back();
      if (found->second.empty()) idle_.erase(found);
      if (!link->Stale()) return link;
      Forget(link);
    }
    return nullptr;
  }
  /// Its memory goes in a later turn: it may be in the middle of something.
  void Forget(Link* link) {
    auto found = links_.find(link);
    if (found == links_.end()) return;
    calls_.erase(link->number());
    if (auto idle = idle_.find(link->address()); idle != idle_.end()) {
      std::erase(idle->second, link);
      if (idle->second.empty()) idle_.erase(idle);
    }
    link->Abandon();
    loop_->Post([gone = std::shared_ptr<Link>(std::move(found->second))] {});
    links_.erase(found);
  }
  void Tick() {
    const int64_t now_ms = NowMs();
    std::vector<Link*> all;
    for (auto& [link, owned] : links_) all.push_back(link);
    for (Link* link : all)
      if (links_.contains(link) && !link->Look(now_ms)) Forget(link);
    const bool wanted = tick_ && tick_(now_ms);
    if (!wanted && links_.empty()) uv_timer_stop(timer_);
  }

  Loop* const loop_;
  const Tls tls_;
  uv_timer_t* const timer_;
  std::function<bool(int64_t)> tick_;
  std::unordered_map<Link*, std::unique_ptr<Link>> links_;
  std::unordered_map<uint64_t, Link*> calls_;
  std::unordered_map<uint64_t, MemberCall*> failed_;  // that are about to hear it
  std::unordered_map<std::string, std::vector<Link*>> idle_;
  uint64_t sequence_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

uint64_t MemberClient::Impl::Begin(const std::string& address, MemberRequest request, MemberCall* call) {
  const uint64_t number = ++sequence_;
  WakeTick();
  Link* link = TakeIdle(address);
  if (link == nullptr) {
    std::shared_ptr<const TlsContext> context;
    if (tls_) {
      Result<std::shared_ptr<const TlsContext>> made = tls_();
      if (!made.ok()) {
        failed_.emplace(number, call);
        Post([this, number, loss = MemberLoss{false, false, address + ": " + made.status().detail()}] {
          if (auto failed = failed_.extract(number); !failed.empty()) failed.mapped()->OnLost(loss);
        });
        return number;
      }
      context = *std::move(made);
    }
    auto owned = std::make_unique<Link>(this, address);
    link = owned.get();
    links_.emplace(link, std::move(owned));
    link->Open(std::move(context));
  }
  calls_.emplace(number, link);
  link->Begin(number, std::move(request), call);
  return number;
}

MemberClient::MemberClient(Loop* loop, Tls tls) : impl_(std::make_unique<Impl>(loop, std::move(tls))) {}
MemberClient::~MemberClient() = default;
uint64_t MemberClient::Begin(const std::string& address, MemberRequest request, MemberCall* call) {
  return impl_->Begin(address, std::move(request), call);
}
size_t MemberClient::Send(uint64_t number, std::string_view bytes) {
  return impl_->Send(number, bytes);
}
void MemberClient::EndSending(uint64_t number) {
  impl_->EndSending(number);
}
void MemberClient::Pause(uint64_t number) {
  impl_->SetReading(number, false);
}
void MemberClient::Resume(uint64_t number) {
  impl_->SetReading(number, true);
}
bool MemberClient::Drop(uint64_t number) {
  return impl_->Drop(number);
}
void MemberClient::OnTick(std::function<bool(int64_t)> tick) {
  impl_->OnTick(std::move(tick));
}
void MemberClient::WakeTick() {
  impl_->WakeTick();
}
int64_t MemberClient::NowMs() const {
  return impl_->NowMs();
}
void MemberClient::Post(std::function<void()> task) {
  impl_->Post(std::move(task));
}

}  // namespace notifyd
