// One epoll loop, level-triggered. Answers are queued in the order of the requests: the delay is the same for all, so that a queue by
// arrival is one by due time and pipelined requests are answered in order.
#include "bench/receiver.h"

#include <errno.h>
#include <fmt/format.h>
#include <llhttp.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <deque>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace notifyd::bench {
namespace {

constexpr size_t kBodyKept = 64 * 1024;
constexpr size_t kHeadKept = 16 * 1024;

bool SameName(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

class Server;

struct Incoming {
  Server* server = nullptr;
  Fd fd;
  uint64_t serial = 0;
  llhttp_t parser{};
  std::string target, name, value, notify_id, body;
  uint64_t body_size = 0;
  uint32_t attempt = 0;
  bool expects_continue = false;
  std::string out;
  size_t out_sent = 0;
  bool closing = false;  // once `out` is written
  bool wants_write = false;
};

struct Answer {
  int64_t at_ns = 0;
  int fd = -1;
  uint64_t serial = 0;
  int status = 0;
  bool head = false;
  bool close = false;
};

class Server final : public Receiver {
 public:
  Server(const ReceiverOptions& options, RequestObserver* observer) : options_(options), observer_(observer) {}
  ~Server() override { Stop(); }

  Status Open() {
    Result<Fd> listener = options_.listen.Listen();
    if (!listener.ok()) return std::move(listener).status();
    listener_ = *std::move(listener);
    epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
    wake_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (epoll_.get() < 0 || wake_.get() < 0) return Status(Code::kIo, "no epoll for the receiver");
    Watch(EPOLL_CTL_ADD, listener_.get(), EPOLLIN);
    Watch(EPOLL_CTL_ADD, wake_.get(), EPOLLIN);
    PrepareParser();
    usual_ok_ = Rendered(options_.status, false, options_.close, options_.body_bytes);
    thread_ = std::thread([this] { Run(); });
    return Status::Ok();
  }

  const Address& address() const override { return options_.listen; }
  void Hang() override { hangs_ = true; }

  double cpu_s() const override {
    if (stopped_) return cpu_s_;
    clockid_t clock;
    if (pthread_getcpuclockid(const_cast<std::thread&>(thread_).native_handle(), &clock) != 0) return 0;
    return static_cast<double>(ClockNanos(clock)) / 1e9;
  }

  void Stop() override {
    if (stopped_ || !thread_.joinable()) return;
    stopping_ = true;
    uint64_t one = 1;
    if (write(wake_.get(), &one, sizeof one) < 0) return;  // an eventfd at 0 always takes 1
    thread_.join();
    stopped_ = true;
  }

 private:
  static Incoming& Of(llhttp_t* parser) { return *static_cast<Incoming*>(parser->data); }

  void PrepareParser() {
    llhttp_settings_init(&settings_);
    settings_.on_message_begin = [](llhttp_t* p) {
      Incoming& c = Of(p);
      c.target.clear();
      c.name.clear();
      c.notify_id.clear();
      c.body.clear();
      c.body_size = 0;
      c.attempt = 0;
      c.expects_continue = false;
      return 0;
    };
    settings_.on_url = [](llhttp_t* p, const char* at, size_t n) { return Of(p).target.append(at, n).size() > kHeadKept ? -1 : 0; };
    settings_.on_header_field = [](llhttp_t* p, const char* at, size_t n) { return Of(p).name.append(at, n).size() > kHeadKept ? -1 : 0; };
    settings_.on_header_value = [](llhttp_t* p, const char* at, size_t n) { return Of(p).value.append(at, n).size() > kHeadKept ? -1 : 0; };
    settings_.on_header_value_complete = [](llhttp_t* p) {
      Incoming& c = Of(p);
      if (SameName(c.name, "notify-id")) {
        c.notify_id = c.value;
      } else if (SameName(c.name, "notify-attempt")) {
        std::from_chars(c.value.data(), c.value.data() + c.value.size(), c.attempt);
      } else if (SameName(c.name, "expect")) {
        c.expects_continue = true;
      }
      c.name.clear();
      c.value.clear();
      return 0;
    };
    settings_.on_headers_complete = [](llhttp_t* p) {
      Incoming& c = Of(p);
      if (c.expects_continue) c.out.append("HTTP/1.1 100 Continue\r\n\r\n");
      return 0;
    };
    settings_.on_body = [](llhttp_t* p, const char* at, size_t n) {
      Incoming& c = Of(p);
      c.body_size += n;
      if (c.body.size() < kBodyKept) c.body.append(at, std::min(n, kBodyKept - c.body.size()));
      return 0;
    };
    settings_.on_message_complete = [](llhttp_t* p) {
      Incoming& c = Of(p);
      c.server->Complete(c);
      return 0;
    };
  }

  void Complete(Incoming& c) {
    ++requests_;
    bool fails = options_.fail_every && requests_ % options_.fail_every == 0;
    ReceivedRequest request;
    request.method = llhttp_method_name(static_cast<llhttp_method_t>(c.parser.method));
    request.target = c.target;
    request.notify_id = c.notify_id;
    request.attempt = c.attempt;
    request.body = c.body;
    request.body_size = c.body_size;
    request.arrived_wall_ns = WallNanos();
    request.arrived_mono_ns = MonoNanos();
    const bool hangs = options_.hang || hangs_;
    request.status = hangs ? 0 : fails ? options_.fail_status : options_.status;
    if (observer_) observer_->OnRequest(request);
    if (hangs || c.closing) return;
    bool close = options_.close || !llhttp_should_keep_alive(&c.parser);
    Answer answer{0, c.fd.get(), c.serial, request.status, c.parser.method == HTTP_HEAD, close};
    if (options_.delay_ms == 0) {
      Give(c, answer);
    } else {
      answer.at_ns = request.arrived_mono_ns + options_.delay_ms * 1'000'000;
      waiting_.push_back(answer);
    }
  }

  static std::string Rendered(int status, bool head, bool close, size_t body_bytes = 0) {
    std::string_view reason = status < 300 ? "OK" : status < 400 ? "Elsewhere" : "Error";
    std::string body = status == 204 || status == 304 ? "" : status < 300 ? "ok\n" : "failed\n";
    if (body_bytes > 0 && status < 300 && !body.empty()) body.assign(body_bytes, 'b');
    std::string length = status == 204 ? "" : fmt::format("Content-Length: {}\r\n", body.size());
    return fmt::format("HTTP/1.1 {} {}\r\nContent-Type: text/plain\r\n{}{}\r\n{}", status, reason, length, close ? "Incoming: close\r\n" : "",
                       head ? "" : body);
  }

  void Give(Incoming& c, const Answer& answer) {
    if (answer.status == options_.status && !answer.head && answer.close == options_.close) {
      c.out.append(usual_ok_);
    } else {
      c.out.append(Rendered(answer.status, answer.head, answer.close));
    }
    if (answer.close) c.closing = true;
  }

  void Watch(int operation, int fd, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    epoll_ctl(epoll_.get(), operation, fd, &event);
  }

  void Run() {
    std::vector<epoll_event> events(512);
    while (!stopping_) {
      int n = Wait(&events);
      for (int i = 0; i < n; ++i) {
        int fd = events[static_cast<size_t>(i)].data.fd;
        if (fd == listener_.get()) {
          Accept();
        } else if (fd != wake_.get()) {
          Serve(fd);
        }
      }
      GiveWaiting();
    }
    connections_.clear();
    listener_ = Fd();
    cpu_s_ = static_cast<double>(ClockNanos(CLOCK_THREAD_CPUTIME_ID)) / 1e9;
  }

  int Wait(std::vector<epoll_event>* events) {
    timespec until{};
    if (!waiting_.empty()) {
      int64_t left = std::max<int64_t>(0, waiting_.front().at_ns - MonoNanos());
      until.tv_sec = left / 1'000'000'000;
      until.tv_nsec = left % 1'000'000'000;
    }
    return epoll_pwait2(epoll_.get(), events->data(), static_cast<int>(events->size()), waiting_.empty() ? nullptr : &until, nullptr);
  }

  void Accept() {
    for (;;) {
      Fd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (fd.get() < 0) return;
      int one = 1;
      setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      size_t slot = static_cast<size_t>(fd.get());
      if (slot >= connections_.size()) connections_.resize(slot + 64);
      Watch(EPOLL_CTL_ADD, fd.get(), EPOLLIN);
      auto c = std::make_unique<Incoming>();
      c->server = this;
      c->serial = ++serials_;
      c->fd = std::move(fd);
      llhttp_init(&c->parser, HTTP_REQUEST, &settings_);
      c->parser.data = c.get();
      connections_[slot] = std::move(c);
    }
  }

  void Serve(int fd) {
    Incoming* c = connections_[static_cast<size_t>(fd)].get();
    if (!c) return;
    ssize_t n = recv(fd, buffer_, sizeof buffer_, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return Drop(fd);
    if (n > 0 && !c->closing && llhttp_execute(&c->parser, buffer_, static_cast<size_t>(n)) != HPE_OK) {
      c->out.append(Rendered(400, false, true));
      c->closing = true;
    }
    Flush(*c);
  }

  /// Writes what it can; the connection may be gone afterwards.
  void Flush(Incoming& c) {
    int fd = c.fd.get();
    while (c.out_sent < c.out.size()) {
      ssize_t n = send(fd, c.out.data() + c.out_sent, c.out.size() - c.out_sent, MSG_NOSIGNAL);
      if (n < 0) {
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return Drop(fd);
        if (!c.wants_write) Watch(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT);
        c.wants_write = true;
        return;
      }
      c.out_sent += static_cast<size_t>(n);
    }
    c.out.clear();
    c.out_sent = 0;
    if (c.wants_write) Watch(EPOLL_CTL_MOD, fd, EPOLLIN);
    c.wants_write = false;
    if (c.closing) Drop(fd);
  }

  void Drop(int fd) { connections_[static_cast<size_t>(fd)].reset(); }

  void GiveWaiting() {
    if (waiting_.empty()) return;
    int64_t now = MonoNanos();
    while (!waiting_.empty() && waiting_.front().at_ns <= now) {
      Answer answer = waiting_.front();
      waiting_.pop_front();
      Incoming* c = connections_[static_cast<size_t>(answer.fd)].get();
      if (!c || c->serial != answer.serial || c->closing) continue;
      Give(*c, answer);
      Flush(*c);
    }
  }

  ReceiverOptions options_;
  RequestObserver* observer_;
  Fd listener_, epoll_, wake_;
  llhttp_settings_t settings_{};
  std::string usual_ok_;
  std::vector<std::unique_ptr<Incoming>> connections_;  // by descriptor
  std::deque<Answer> waiting_;
  uint64_t requests_ = 0;
  uint64_t serials_ = 0;
  char buffer_[256 * 1024];
  std::atomic<bool> stopping_{false}, hangs_{false};
  bool stopped_ = false;
  double cpu_s_ = 0;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Receiver>> Receiver::Start(const ReceiverOptions& options, RequestObserver* observer) {
  auto server = std::make_unique<Server>(options, observer);
  Status opened = server->Open();
  if (!opened.ok()) return opened;
  return std::unique_ptr<Receiver>(std::move(server));
}

}  // namespace notifyd::bench
