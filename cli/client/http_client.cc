#include "cli/client/http_client.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/authority.h"
#include "base/percent_encoding.h"

namespace notifyd {
namespace {

using Clock = std::chrono::steady_clock;

constexpr long kConnectMs = 10'000, kAnswerMs = 120'000;
constexpr std::chrono::milliseconds kStalled{120'000};
constexpr int kRoundMs = 1000;
constexpr size_t kRefusalMost = 64 << 10;
// Of a network that swallows packets: how long what was sent may stay unacknowledged, and how soon it is found on a connection that is silent.
constexpr unsigned kUnacknowledgedMs = 30'000;
constexpr long kSilentS = 15, kProbeEveryS = 5;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;
struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

HeaderList Headers(const std::vector<std::string>& lines) {
  curl_slist* list = nullptr;
  for (const std::string& line : lines) list = curl_slist_append(list, line.c_str());
  return HeaderList(list);
}

/// The value of a line "NAME: value", the name in lower case; nothing where it is another one.
std::optional<std::string_view> ValueOf(std::string_view line, std::string_view name) {
  if (line.size() <= name.size() || line[name.size()] != ':' || strncasecmp(line.data(), name.data(), name.size()) != 0) return std::nullopt;
  const size_t from = line.find_first_not_of(" \t", name.size() + 1), to = line.find_last_not_of(" \t\r\n");
  if (from == std::string_view::npos || to == std::string_view::npos || to < from) return std::nullopt;
  return line.substr(from, to - from + 1);
}

size_t TakeHeader(char* bytes, size_t size, size_t count, void* out) {
  ReadAnswerHeader({bytes, size * count}, static_cast<HttpAnswer*>(out));
  return size * count;
}

long StatusOf(CURL* easy) {
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

/// Not one of connecting: it was there, and the request on its way.
bool IsLoss(CURL* easy, CURLcode code) {
  long sent_bytes = 0;
  curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
  switch (code) {
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return true;
    case CURLE_OPERATION_TIMEDOUT:  // of connecting too
      return sent_bytes > 0;
    default:
      return false;
  }
}

/// Of a request in the clear, to where nothing has answered yet: what may be behind that. A listener with TLS says nothing to it, or what is no HTTP;
/// and who ends while he is asked says nothing either.
std::string_view WhyNoAnswer(CURLcode code) {
  if (code == CURLE_UNSUPPORTED_PROTOCOL) return " (as of a listener with TLS, whose address begins with https://)";
  if (code != CURLE_GOT_NOTHING && code != CURLE_RECV_ERROR) return "";
  return " (the broker may have ended while it was asked; or this is its listener with TLS, whose address begins with https://)";
}

constexpr std::string_view kUnix = "unix:";

/// What stands in the broker as a whole, in no namespace.
bool IsOfBroker(std::string_view path) {
  path = path.substr(0, path.find('?'));
  for (std::string_view root : {"/v1/namespaces", "/v1/tokens", "/v1/whoami", "/v1/alerts"})
    if (path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/')) return true;
  return !path.starts_with("/v1/");
}

/// With what it needs a namespace's prefix for.
std::string UrlOf(const HttpTarget& target, const std::string& path) {
  std::string server = target.server.starts_with(kUnix) ? "http://localhost" : target.server;
  if (target.space.empty() || IsOfBroker(path)) return server + path;
  return server + "/v1/namespaces/" + HttpClient::Encode(target.space) + path.substr(3);
}

/// What is the same for every request.
void SetUp(CURL* easy, const HttpTarget& target, const std::string& path, curl_slist* headers, char* fault) {
  curl_easy_setopt(easy, CURLOPT_URL, UrlOf(target, path).c_str());
  if (target.server.starts_with(kUnix)) curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, target.server.substr(kUnix.size()).c_str());
  if (!target.ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, target.ca_file.c_str());
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);  // these authorities alone
  }
  if (!target.cert_file.empty()) curl_easy_setopt(easy, CURLOPT_SSLCERT, target.cert_file.c_str());
  if (!target.key_file.empty()) curl_easy_setopt(easy, CURLOPT_SSLKEY, target.key_file.c_str());
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);  // a name may be "." or ".."
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fault);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, kSilentS);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, kProbeEveryS);
}

/// Not of a Stream: a peer that takes nothing for a while counts, too, and there it may.
int BoundUnacknowledged(void*, curl_socket_t fd, curlsocktype) {
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnacknowledgedMs, sizeof kUnacknowledgedMs);  // another socket than of TCP has none
  return CURL_SOCKOPT_OK;
}

struct Taker {
  HttpAnswer* answer;
  size_t most_bytes;
};
size_t TakeBody(char* bytes, size_t size, size_t count, void* out) {
  auto* taker = static_cast<Taker*>(out);
  if (taker->most_bytes > 0 && taker->answer->body.size() + size * count > taker->most_bytes) return 0;
  taker->answer->body.append(bytes, size * count);
  return size * count;
}

/// One Stream under way.
struct Streaming {
  CURL* easy = nullptr;
  HttpExchange* exchange = nullptr;
  HttpAnswer* answer = nullptr;
  bool waits_for_input = false;
  bool peer_gone = false;
  std::vector<int> sockets;  // open
  Clock::time_point moved = Clock::now();

  static size_t Produce(char* to, size_t size, size_t count, void* self) {
    auto* s = static_cast<Streaming*>(self);
    if (s->peer_gone) return CURL_READFUNC_ABORT;
    size_t made = s->exchange->Produce(to, size * count);
    if (made == HttpExchange::kNothingYet) {
      s->waits_for_input = true;
      return CURL_READFUNC_PAUSE;
    }
    s->moved = Clock::now();
    return made;
  }

  static size_t Take(char* bytes, size_t size, size_t count, void* self) {
    auto* s = static_cast<Streaming*>(self);
    long status = StatusOf(s->easy);
    std::string_view piece(bytes, size * count);
    bool goes_on = true;
    if (status >= 200 && status < 300) goes_on = s->exchange->Consume(piece);
    else if (s->answer->body.size() < kRefusalMost) s->answer->body += piece;
    s->moved = Clock::now();  // behind Consume, which may have waited for whoever reads our output
    return goes_on ? piece.size() : 0;
  }

  /// Curl tells which socket a transfer uses only once it is over.
  static curl_socket_t Open(void* self, curlsocktype, curl_sockaddr* address) {
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd >= 0) static_cast<Streaming*>(self)->sockets.push_back(fd);
    return fd;
  }
  static int Close(void* self, curl_socket_t fd) {
    auto& sockets = static_cast<Streaming*>(self)->sockets;
    sockets.erase(std::remove(sockets.begin(), sockets.end(), fd), sockets.end());
    return close(fd);
  }

  /// While the body waits for its input curl looks at the socket only for an answer that is not over yet.
  bool PeerIsGone() const {
    char byte;
    return std::any_of(sockets.begin(), sockets.end(), [&](int fd) { return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0; });
  }
};

bool IsReadable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return poll(&entry, 1, 0) > 0;  // its end and its errors too: reading tells them
}

int AskGivenUp(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto* given_up = static_cast<std::function<bool()>*>(self);
  return (*given_up)() ? 1 : 0;
}

}  // namespace

class HttpClient::Impl {
 public:
  explicit Impl(HttpTarget target) : target_(std::move(target)), easy_(curl_easy_init()) {
    CHECK(easy_ != nullptr);
    while (!target_.server.empty() && target_.server.back() == '/') target_.server.pop_back();
  }

  Result<HttpAnswer> Send(const HttpCall& call) {
    CURL* easy = easy_.get();
    curl_easy_reset(easy);  // keeps the connection
    HttpAnswer answer;
    char fault[CURL_ERROR_SIZE] = "";
    // No "Expect: 100-continue": a broker that refuses says so at once.
    std::vector<std::string> lines = {"Accept: application/json", "Expect:"};
    if (call.body) lines.push_back("Content-Type: " + call.content_type);
    if (!call.if_match.empty()) lines.push_back("If-Match: " + call.if_match);
    if (call.only_new) lines.push_back("If-None-Match: *");
    AddCredential(&lines);
    HeaderList headers = Headers(lines);
    SetUp(easy, target_, call.path, headers.get(), fault);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call.method.c_str());
    // Curl repeats by itself, without a word, what it sent over a kept connection that ends before an answer begins.
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, call.method == "GET" || call.repeatable ? 0L : 1L);
    if (call.body) {
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call.body->data());
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body->size()));
    }
    Taker taker{&answer, call.most_bytes};
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &TakeBody);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &taker);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &TakeHeader);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &answer);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, kAnswerMs + static_cast<long>(call.wait_ms));
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, &BoundUnacknowledged);
    if (given_up_) {
      curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
      curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, &AskGivenUp);
      curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &given_up_);
    }
    CURLcode code = curl_easy_perform(easy);
    lost_ = IsLoss(easy, code);
    answer.status = static_cast<int>(StatusOf(easy));
    answered_ = answered_ || answer.status > 0;  // also where the rest of it is missing
    if (code != CURLE_OK) return Fault(easy, code, fault);
    answer.shown_from = target_.credential.source;
    return answer;
  }

  StreamOutcome Stream(const std::string& path, const std::string& content_type, HttpExchange* exchange) {
    StreamOutcome outcome;
    Streaming streaming;  // outlives the handles, which close their sockets through it
    std::unique_ptr<CURLM, FreeMulti> multi(curl_multi_init());
    std::unique_ptr<CURL, FreeEasy> easy(curl_easy_init());
    CHECK(multi != nullptr && easy != nullptr);
    char fault[CURL_ERROR_SIZE] = "";
    std::vector<std::string> lines = {"Accept: application/x-ndjson, application/problem+json", "Expect:", "Content-Type: " + content_type,
                                      "Transfer-Encoding: chunked"};
    AddCredential(&lines);
    HeaderList headers = Headers(lines);
    streaming.easy = easy.get();
    streaming.exchange = exchange;
    streaming.answer = &outcome.answer;
    SetUp(easy.get(), target_, path, headers.get(), fault);
    curl_easy_setopt(easy.get(), CURLOPT_POST, 1L);
    curl_easy_setopt(easy.get(), CURLOPT_READFUNCTION, &Streaming::Produce);
    curl_easy_setopt(easy.get(), CURLOPT_READDATA, &streaming);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, &Streaming::Take);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &streaming);
    curl_easy_setopt(easy.get(), CURLOPT_OPENSOCKETFUNCTION, &Streaming::Open);
    curl_easy_setopt(easy.get(), CURLOPT_OPENSOCKETDATA, &streaming);
    curl_easy_setopt(easy.get(), CURLOPT_CLOSESOCKETFUNCTION, &Streaming::Close);
    curl_easy_setopt(easy.get(), CURLOPT_CLOSESOCKETDATA, &streaming);
    curl_multi_add_handle(multi.get(), easy.get());
    outcome.fault = Drive(multi.get(), &streaming, fault);
    outcome.answer.status = static_cast<int>(StatusOf(easy.get()));
    answered_ = answered_ || outcome.answer.status > 0;
    outcome.answer.shown_from = target_.credential.source;
    curl_multi_remove_handle(multi.get(), easy.get());
    return outcome;
  }

  bool lost() const { return lost_; }
  void GiveUpWhen(std::function<bool()> given_up) { given_up_ = std::move(given_up); }
  const std::string& server() const { return target_.server; }
  const std::string& space() const { return target_.space; }

 private:
  void AddCredential(std::vector<std::string>* lines) const {
    if (!target_.credential.token.empty()) lines->push_back("Authorization: Bearer " + target_.credential.token);
  }

  Status Unavailable(const std::string& why) const { return Status(Code::kUnavailable, target_.server + ": " + why); }

  Status Fault(CURL* easy, CURLcode code, const char* text) const {
    std::string why = text[0] ? text : curl_easy_strerror(code);
    long os_error = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
    // Of a socket's path curl says "localhost port 80".
    if (code == CURLE_ABORTED_BY_CALLBACK) why = "given up";
    if (code == CURLE_COULDNT_CONNECT && target_.server.starts_with(kUnix)) why = std::strerror(static_cast<int>(os_error));
    if (code == CURLE_PEER_FAILED_VERIFICATION && target_.ca_file.empty())
      why += " (--ca-file or NOTIFYD_CA_FILE names the authorities that it is checked by)";
    if (!answered_ && StatusOf(easy) == 0 && os_error != ETIMEDOUT && target_.server.starts_with("http://")) why += WhyNoAnswer(code);
    return Unavailable(why);
  }

  /// The multi interface, for it can wait for the input and for the broker at once.
  Status Drive(CURLM* multi, Streaming* s, const char* fault) {
    for (int running = 1;;) {
      if (curl_multi_perform(multi, &running) != CURLM_OK) return Unavailable("the transfer failed");
      const bool goes_on = s->exchange->OnRound();
      if (running == 0) break;
      if (!goes_on) return Unavailable("given up");
      curl_waitfd input{s->exchange->input(), CURL_WAIT_POLLIN, 0};
      curl_multi_poll(multi, &input, s->waits_for_input ? 1 : 0, kRoundMs, nullptr);
      if (s->waits_for_input) {
        s->peer_gone = s->PeerIsGone();
        if (!s->peer_gone && !s->exchange->cut_short() && !IsReadable(s->exchange->input())) continue;
        s->waits_for_input = false;
        curl_easy_pause(s->easy, CURLPAUSE_CONT);
      } else if (Clock::now() - s->moved > kStalled) {
        return Unavailable("nothing moved for two minutes");
      }
    }
    int left = 0;
    CURLMsg* message = curl_multi_info_read(multi, &left);
    CHECK(message != nullptr && message->msg == CURLMSG_DONE);
    if (s->peer_gone) return Unavailable("the broker closed the connection");
    return message->data.result == CURLE_OK ? Status::Ok() : Fault(s->easy, message->data.result, fault);
  }

  HttpTarget target_;
  std::unique_ptr<CURL, FreeEasy> easy_;
  std::function<bool()> given_up_;
  bool lost_ = false;
  bool answered_ = false;  // ever: who speaks HTTP here is no listener with TLS
};

void ReadAnswerHeader(std::string_view line, HttpAnswer* answer) {
  constexpr int64_t kMostSeconds = 365 * 24 * 3600;
  if (std::optional<std::string_view> etag = ValueOf(line, "etag")) answer->etag = *etag;
  const std::optional<std::string_view> after = ValueOf(line, "retry-after");
  if (!after) return;
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(after->data(), after->data() + after->size(), seconds);
  if (end != after->data() + after->size() || after->front() == '-') return;
  if (error == std::errc::result_out_of_range) seconds = kMostSeconds;
  if (seconds > 0) answer->retry_after_ms = std::min(seconds, kMostSeconds) * 1000;
}

HttpClient::HttpClient(HttpTarget target) : impl_(std::make_unique<Impl>(std::move(target))) {}
HttpClient::~HttpClient() = default;

Result<HttpAnswer> HttpClient::Send(const HttpCall& call) {
  return impl_->Send(call);
}

bool HttpClient::lost() const {
  return impl_->lost();
}

Result<HttpAnswer> HttpClient::Call(const std::string& method, const std::string& path, const std::string* body, int64_t wait_ms) {
  HttpCall call;
  call.method = method;
  call.path = path;
  call.body = body;
  call.wait_ms = wait_ms;
  return impl_->Send(call);
}

StreamOutcome HttpClient::Stream(const std::string& path, const std::string& content_type, HttpExchange* exchange) {
  return impl_->Stream(path, content_type, exchange);
}

void HttpClient::GiveUpWhen(std::function<bool()> given_up) {
  impl_->GiveUpWhen(std::move(given_up));
}

const std::string& HttpClient::server() const {
  return impl_->server();
}

const std::string& HttpClient::space() const {
  return impl_->space();
}

std::string HttpClient::FaultOfServer(const std::string& server) {
  static constexpr const char* kExample = "http://127.0.0.1:7300";
  static constexpr size_t kSocketPathMost = sizeof(sockaddr_un::sun_path) - 1;
  if (server.starts_with(kUnix)) {
    std::string_view path = std::string_view(server).substr(kUnix.size());
    if (!path.starts_with('/')) return "\"" + server + "\" names no socket: unix: is followed by its whole path";
    if (path.size() > kSocketPathMost) return "\"" + server + "\" is longer than a socket's path may be";
    return "";
  }
  if (std::optional<UrlParts> parts = PartsOfUrl(server)) {
    // Else libcurl takes a piece of the path for the host, and asks it, token and all.
    return ParseAuthority(parts->authority, parts->default_port()).ok() ? "" : "\"" + server + "\" names no host, or none that can be";
  }
  // HOST:PORT, as notifyd is told to listen, is what is given most likely.
  std::string meant = server.empty() || server.find("://") != std::string::npos ? kExample : "http://" + server;
  return "\"" + server + "\" is not an http:// or https:// URL, such as " + meant;
}

std::string HttpClient::Encode(std::string_view text) {
  // As a segment these would be resolved away by whatever stands between.
  if (text == "." || text == "..") return text == "." ? "%2E" : "%2E%2E";
  return PercentEncoded(text);
}

}  // namespace notifyd
