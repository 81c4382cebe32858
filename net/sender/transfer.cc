// One attempt on a curl easy handle: options, callbacks and the reading of what came back.
#include "net/sender/transfer.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/ascii.h"
#include "broker/via.h"
#include "net/sender/target.h"

namespace notifyd {
namespace {

// An idle connection is not reused once it is this old: common front ends close theirs after 60 s, and a request sent into that closing is
// a lost attempt.
constexpr long kMaxIdleSeconds = 55;
/// What answered within this long is taken for alive.
constexpr long kHotSeconds = 1;
// curl asks for "Expect: 100-continue" from 1 MiB up unless told not to.
constexpr size_t kExpectBytes = 512 << 10;
constexpr size_t kTraceParentBytes = 55;

/// Can it stand in a header line.
bool IsFieldValue(std::string_view value) {
  return value.find_first_of(std::string_view("\r\n\0", 3)) == value.npos;
}

/// May a redirect take the header to another origin? What else its submitter said is for the first one alone.
bool GoesElsewhere(std::string_view name) {
  return EqualsIgnoringCase(name, "accept") || EqualsIgnoringCase(name, "content-type") || EqualsIgnoringCase(name, "user-agent") ||
         EqualsIgnoringCase(name, "traceparent");
}

bool IsRedirect(uint16_t status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// Of an IPv4 or IPv6 address.
uint16_t PortOf(const sockaddr* address) {
  return ntohs(address->sa_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(address)->sin6_port
                                              : reinterpret_cast<const sockaddr_in*>(address)->sin_port);
}

/// Is it IPv6, and the port at this end; port -1 where it is no socket.
std::pair<bool, int> LocalEnd(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {false, -1};
  return {address.ss_family == AF_INET6, PortOf(reinterpret_cast<const sockaddr*>(&address))};
}

/// The stable word for a transfer that ended without an answer (contract section 3). `sent`: a request was under way.
const char* ErrorWord(int code, bool sent) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "dns";
    case CURLE_COULDNT_CONNECT:
      return "connect_failed";
    case CURLE_OPERATION_TIMEDOUT:
      return "timeout";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_SHUTDOWN_FAILED:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
      return "tls";
    // What came is not HTTP: curl has no word of its own for that.
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_BAD_FUNCTION_ARGUMENT:  // a header line without a colon
    case CURLE_OUT_OF_MEMORY:
      return sent ? "unexpected_answer" : "connect_failed";
    case CURLE_URL_MALFORMAT:
      return "invalid_request";
    default:
      return sent ? "connection_lost" : "connect_failed";
  }
}

}  // namespace

/// The request's header lines as curl wants them: a list of its own node type, over text that lives as long as the hop.
struct Transfer::HeaderList {
  std::vector<std::string> lines;  // the first `count` hold, the others are kept for their memory
  std::vector<curl_slist> nodes;
  size_t count = 0;

  std::string& Add(std::string_view name) {
    if (count == lines.size()) lines.emplace_back();
    return lines[count++].assign(name);
  }
  curl_slist* List() {
    if (nodes.size() < count) nodes.resize(count);
    for (size_t i = 0; i < count; ++i) nodes[i] = {lines[i].data(), i + 1 < count ? &nodes[i + 1] : nullptr};
    return nodes.data();
  }
};

// ---- curl's callbacks

struct Transfer::Callbacks {
  static size_t OnHeader(char* data, size_t, size_t size, void* self) {
    return static_cast<Transfer*>(self)->TakeHeaderLine({data, size}) ? size : 0;
  }

  static size_t OnBody(char* data, size_t, size_t size, void* self) { return static_cast<Transfer*>(self)->TakeBody({data, size}) ? size : 0; }

  static int OnRequest(void* self, char*, char* local_ip, int, int local_port) {
    auto* transfer = static_cast<Transfer*>(self);
    if (transfer->requests_++ == 0) {
      const bool v6 = std::string_view(local_ip).find(':') != std::string_view::npos;
      for (int fd : transfer->opened_) {
        if (LocalEnd(fd) == std::pair(v6, local_port)) transfer->multi_->KeepSocket(fd);
      }
      return CURL_PREREQFUNC_OK;
    }
    transfer->resend_stopped_ = true;
    return CURL_PREREQFUNC_ABORT;
  }

  static curl_socket_t OnOpen(void* self, curlsocktype, curl_sockaddr* address) {
    auto* transfer = static_cast<Transfer*>(self);
    if (transfer->requests_ > 0) {
      transfer->resend_stopped_ = true;
      return CURL_SOCKET_BAD;
    }
    const std::optional<IpAddress> ip = IpAddress::From(&address->addr);
    const std::optional<std::string> refusal =
        ip ? transfer->config_->policy.Refusal(*ip, PortOf(&address->addr)) : "the address is neither IPv4 nor IPv6";
    if (refusal) {
      transfer->refusal_ = *refusal;
      return CURL_SOCKET_BAD;
    }
    const int fd = transfer->multi_->OpenSocket(address->family, address->socktype, address->protocol);
    transfer->opened_.push_back(fd);
    return fd;
  }

  static int OnClose(void* multi, curl_socket_t fd) { return static_cast<CurlMulti*>(multi)->CloseSocket(fd); }

  static int OnDebug(CURL*, curl_infotype type, char* data, size_t size, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    if (type == CURLINFO_DATA_IN) transfer->TakeReceived(size);
    // curl drops what it read behind the last chunk, or of it, and keeps the connection.
    if (type == CURLINFO_TEXT && std::string_view(data, size).starts_with("Leftovers after chunking")) transfer->SetForbidReuse(true);
    if ((type == CURLINFO_HEADER_OUT || type == CURLINFO_DATA_OUT) && transfer->attempt_.head->reply_none) transfer->TakeSent({data, size});
    return 0;
  }

  /// The one place that ends a transfer which gives curl nothing to hand on.
  static int OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) { return static_cast<Transfer*>(self)->starved_ ? 1 : 0; }
};

bool Transfer::TakeHeaderLine(std::string_view line) {
  begun_ = true;
  head_bytes_ += line.size();
  if (reader_.head_done()) {
    // A trailer: it comes after the last of the body and means nothing here.
    reader_.TakeBodyEnd();
    Watch();
    stopped_ |= head_bytes_ > kMaxHeadBytes;
    return !stopped_;
  }
  if (head_bytes_ > kMaxHeadBytes) {
    reader_.Fail(kHeadTooLarge);
    return false;
  }
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!reader_.TakeLine(line)) return false;
  if (!reader_.head_done()) return true;
  stopped_ = stop_after_head_ || reader_.status() == 101;
  Watch();
  return !stopped_;
}

bool Transfer::TakeBody(std::string_view bytes) {
  const bool was_finished = reader_.finished();
  received_ += bytes.size();
  reader_.TakeBody(bytes);
  Watch();
  if (reader_.fault() != nullptr) stopped_ = true;
  if (!reader_.finished()) return !stopped_;
  if (!was_finished) finished_at_ = received_;
  // Enough was read. What is left is read on only to keep the connection, so only where it is short.
  curl_off_t length = -1;
  curl_easy_getinfo(easy_, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  const uint64_t end = length >= 0 ? static_cast<uint64_t>(length) : received_;
  stopped_ |= end > finished_at_ + kMaxDrainBytes;
  return !stopped_;
}

/// The sender is told once that there is something to wait for no longer than so long.
void Transfer::Watch() {
  if (watched_ || (!reader_.decided() && !reader_.finished() && !reader_.look_due())) return;
  watched_ = true;
  shared_->watch(shared_->context, this);
}

bool Transfer::StopWaiting() {
  watched_ = false;
  if (reader_.look_due()) reader_.Look();
  if (reader_.decided() || reader_.finished()) {
    stopped_ = true;
    return true;
  }
  return false;
}

/// What came over the connection, chunks and all.
void Transfer::TakeReceived(size_t bytes) {
  wire_bytes_ += bytes;
  starved_ |= wire_bytes_ > AnswerFraming::kFreeChunkLineBytes + AnswerFraming::kChunkLineBytesAByte * received_;
}

void Transfer::TakeSent(std::string_view bytes) {
  for (; !head_out_ && !bytes.empty(); bytes.remove_prefix(1)) {
    if (bytes[0] == "\r\n\r\n"[head_end_out_]) {
      head_out_ = ++head_end_out_ == 4;
    } else {
      head_end_out_ = bytes[0] == '\r' ? 1 : 0;
    }
  }
  body_out_ += bytes.size();
  if (!written_ && head_out_ && body_out_ >= (body_dropped_ ? 0 : wire_.body.size())) {
    written_ = true;
    shared_->written(shared_->context, this);
  }
}

// ---- setting up

Transfer::Transfer(const Shared* shared) : shared_(shared), easy_(curl_easy_init()), headers_(std::make_unique<HeaderList>()) {
  CHECK(easy_ != nullptr);
  SetConstantOptions();
}

Transfer::~Transfer() {
  curl_easy_cleanup(easy_);
}

void Transfer::SetConstantOptions() {
  static_assert(sizeof error_buffer_ == CURL_ERROR_SIZE);
  CURL* easy = easy_;
  curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_buffer_);
  curl_easy_setopt(easy, CURLOPT_SHARE, shared_->share);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
  curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, kMaxIdleSeconds);
  curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, std::max<long>(1, shared_->config->options.max_connection_age_ms / 1000));
  // Without this, giving up on a name waits on the loop's thread for the resolver's: seconds, with a dead name server.
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  const SenderOptions& options = shared_->config->options;
  if (!options.user_agent.empty()) curl_easy_setopt(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
  if (!options.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca_file.c_str());
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Callbacks::OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Callbacks::OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &Callbacks::OnRequest);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, this);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &Callbacks::OnOpen);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, &Callbacks::OnClose);
  curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, &Callbacks::OnDebug);
  curl_easy_setopt(easy, CURLOPT_DEBUGDATA, this);
  curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);  // to OnDebug alone
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, &Callbacks::OnProgress);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, this);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
}

Status Transfer::Prepare(StartAttempt attempt, CurlMulti* multi, uint64_t now_ns) {
  multi_ = multi;
  // The connection outlives the transfer that opened it, so the end of its socket goes to the multi handle.
  curl_easy_setopt(easy_, CURLOPT_CLOSESOCKETDATA, multi);
  config_ = shared_->config;
  attempt_ = std::move(attempt);
  started_ns_ = now_ns;
  posted = false;
  redirects_ = 0;
  redirect_error_ = nullptr;
  other_origin_ = body_dropped_ = false;
  Result<NotifySpec> spec = DecodeSpec(*attempt_.spec);
  if (!spec.ok()) return std::move(spec).status();
  spec_ = *std::move(spec);
  Result<WireRequest> wire = BuildWireRequest(spec_);
  if (!wire.ok()) return std::move(wire).status();
  wire_ = *std::move(wire);
  std::string().swap(spec_.payload);  // wire_ has it now
  method_ = spec_.method;
  SetTrace();
  return SetHop(now_ns);
}

void Transfer::Forget() {
  attempt_ = {};
  spec_ = {};
  wire_ = {};
}

const AnswerPattern* Transfer::fatal_on() const {
  const std::optional<AnswerPattern>& fatal_on = attempt_.head->retry_policy().fatal_on;
  return fatal_on ? &*fatal_on : nullptr;
}

const AnswerPattern* Transfer::later_on() const {
  const std::optional<AnswerPattern>& later_on = attempt_.head->retry_policy().later_on;
  return later_on ? &*later_on : nullptr;
}

Status Transfer::SetHop(uint64_t now_ns) {
  requests_ = 0;
  resend_stopped_ = stop_after_head_ = head_out_ = written_ = false;
  opened_.clear();
  refusal_.clear();
  head_end_out_ = 0;
  body_out_ = 0;
  begun_ = stopped_ = watched_ = starved_ = false;
  head_bytes_ = 0;
  received_ = finished_at_ = wire_bytes_ = 0;
  ++generation_;
  reader_.Begin({.to_head = method_ == Method::kHead,
                 .reply_none = attempt_.head->reply_none,
                 .expect = &spec_.expect,
                 .fatal_on = fatal_on(),
                 .later_on = later_on(),
                 .max_response_bytes = options().max_response_bytes,
                 .recorded_failure_bytes = options().recorded_failure_bytes,
                 .recorded_success_bytes = options().recorded_success_bytes});
  error_buffer_[0] = '\0';

  Result<SplitUrl> url = SplitTarget(wire_.target_url);
  if (!url.ok()) return std::move(url).status();
  // The target goes past curl's URL parser, which would drop an empty query.
  if (!SetWherePresent(CURLOPT_URL, url->origin, &set_origin_) || !SetWherePresent(CURLOPT_REQUEST_TARGET, url->target, &set_target_)) {
    return Status(Code::kUnacceptable, "the URL is too long");
  }
  SetMethod();
  SetTimeouts(now_ns);
  SetOver();
  // What follows the head of an answer to HEAD, which it must not, may have been read together with it: curl drops that, and keeps the connection.
  SetForbidReuse(method_ == Method::kHead);
  return SetHeaders();
}

/// curl copies strings, so they are set only where they change.
bool Transfer::SetWherePresent(int option, const std::string& value, std::string* set) {
  if (value == *set) return true;
  set->clear();
  if (curl_easy_setopt(easy_, static_cast<CURLoption>(option), value.empty() ? nullptr : value.c_str()) != CURLE_OK) return false;
  *set = value;
  return true;
}

/// The connection is not to be used again.
void Transfer::SetForbidReuse(bool forbid) {
  if (forbid != set_forbid_reuse_) curl_easy_setopt(easy_, CURLOPT_FORBID_REUSE, forbid ? 1L : 0L);
  set_forbid_reuse_ = forbid;
}

/// Which connections curl may use again for this hop.
void Transfer::SetOver() {
  // Another hop is another host, or one that has just answered.
  const StartAttempt::Over over = redirects_ == 0 ? attempt_.over : StartAttempt::Over::kAny;
  if (over == set_over_) return;
  curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, over == StartAttempt::Over::kNew ? 1L : 0L);
  curl_easy_setopt(easy_, CURLOPT_MAXAGE_CONN, over == StartAttempt::Over::kSure ? kHotSeconds : kMaxIdleSeconds);
  set_over_ = over;
}

void Transfer::SetMethod() {
  const bool takes_body = method_ == Method::kPost || method_ == Method::kPut || method_ == Method::kPatch;
  const bool has_body = wire_.has_body && !body_dropped_;
  std::string custom;
  if (has_body || takes_body) {
    curl_easy_setopt(easy_, CURLOPT_POST, 1L);
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, has_body ? wire_.body.data() : "");
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(has_body ? wire_.body.size() : 0));
    if (method_ != Method::kPost) custom = ToString(method_);
    // curl knows that no body follows only where it makes the HEAD by itself, which it does without a body to send.
    stop_after_head_ = method_ == Method::kHead;
  } else if (method_ == Method::kHead) {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
  } else {
    curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L);
    if (method_ != Method::kGet) custom = ToString(method_);
  }
  CHECK(SetWherePresent(CURLOPT_CUSTOMREQUEST, custom, &set_method_));
}

void Transfer::SetTimeouts(uint64_t now_ns) {
  // Never 0: that is curl's word for its own defaults, 300 s and none.
  const int64_t elapsed_ms = static_cast<int64_t>((now_ns - started_ns_) / 1'000'000);
  const int64_t timeout_ms = std::max<int64_t>(1, spec_.timeout_ms - elapsed_ms);
  const int64_t connect_timeout_ms = std::max<int64_t>(1, spec_.connect_timeout_ms);
  if (timeout_ms != set_timeout_ms_) curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms));
  if (connect_timeout_ms != set_connect_timeout_ms_) curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect_timeout_ms));
  set_timeout_ms_ = timeout_ms;
  set_connect_timeout_ms_ = connect_timeout_ms;
}

/// A parent id of the attempt's own, in the trace that the notify came with (W3C Trace Context).
void Transfer::SetTrace() {
  trace_parent_.clear();
  const std::string& given = attempt_.head->trace_parent;
  if (given.size() != kTraceParentBytes || !IsFieldValue(given)) return;
  uint64_t parent = 0;  // which stands for none
  while (parent == 0) parent = shared_->random->Next();
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(parent));
  trace_parent_.append("00-").append(attempt_.head->trace_id()).append("-").append(hex).append(given, kTraceParentBytes - 3);
}

Status Transfer::SetHeaders() {
  const bool traced = !trace_parent_.empty();
  const bool has_state = traced && !other_origin_ && !spec_.trace_state.empty() && IsFieldValue(spec_.trace_state);
  bool has_type = false;
  headers_->count = 0;
  for (const auto& [name, value] : spec_.headers) {
    if (other_origin_ && !GoesElsewhere(name)) continue;
    if ((traced && EqualsIgnoringCase(name, "traceparent")) || (has_state && EqualsIgnoringCase(name, "tracestate"))) continue;
    const bool is_type = EqualsIgnoringCase(name, "content-type");
    if (is_type && body_dropped_) continue;
    has_type |= is_type;
    if (name.empty() || name.find_first_of(std::string_view("\r\n\0:; ", 6)) != name.npos || !IsFieldValue(value)) {
      return Status(Code::kUnacceptable, "a header is not valid");
    }
    std::string& line = headers_->Add(name);
    // curl takes a header without a value for one to leave out, unless it is written so.
    if (value.find_first_not_of(" \t\v\f") == value.npos) {
      line += ';';
    } else {
      line.append(": ").append(value);
    }
  }
  if (!has_type && !wire_.content_type.empty() && !body_dropped_) {
    headers_->Add("Content-Type: ").append(wire_.content_type);
  } else if (!has_type) {
    headers_->Add("Content-Type:");  // none, where curl would say that it is a form
  }
  headers_->Add("Notify-Id: ").append(attempt_.id.ToString());
  headers_->Add("Notify-Attempt: ").append(std::to_string(attempt_.number));
  if (const std::string via = MergeVia(spec_.via, config_->via); !via.empty()) headers_->Add(kViaHeader).append(": ").append(via);
  if (traced) headers_->Add("traceparent: ").append(trace_parent_);
  if (has_state) headers_->Add("tracestate: ").append(spec_.trace_state);
  if (wire_.body.size() > kExpectBytes) headers_->Add("Expect:");
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_->List());
  return Status::Ok();
}

// ---- what came of it

bool Transfer::NextHop(int code, uint64_t now_ns) {
  if (!options().follow_redirects || attempt_.head->reply_none || !Answered(code) || !IsRedirect(reader_.status()) || reader_.location().empty())
    return false;
  if (redirects_ == kMaxRedirects) {
    redirect_error_ = "too_many_redirects";
    redirect_detail_ = "after " + std::to_string(kMaxRedirects) + " redirects came another, to " + reader_.location();
    return false;
  }
  Result<std::string> next = ResolveRedirect(wire_.target_url, reader_.location());
  Status status = next.ok() ? Status::Ok() : next.status();
  if (status.ok()) {
    ++redirects_;
    const uint16_t status_code = reader_.status();
    const bool to_get = (status_code == 303 && method_ != Method::kHead) || ((status_code == 301 || status_code == 302) && method_ == Method::kPost);
    if (to_get) method_ = Method::kGet;
    body_dropped_ |= to_get;
    other_origin_ |= !SameOrigin(wire_.target_url, *next);
    wire_.target_url = *std::move(next);
    status = SetHop(now_ns);
  }
  if (status.ok()) return true;
  redirect_error_ = "unexpected_answer";
  redirect_detail_ = status.detail();
  return false;
}

/// The answer came, as far as it was wanted, whatever befell the connection after that.
bool Transfer::Answered(int code) const {
  return reader_.head_done() && (stopped_ || Whole(code));
}

/// Nothing more of its body was to come.
bool Transfer::Whole(int code) const {
  if (!reader_.head_done()) return false;
  if (code == CURLE_OK || reader_.body_ended()) return true;
  curl_off_t length = -1;
  curl_easy_getinfo(easy_, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  return length >= 0 && received_ >= static_cast<uint64_t>(length);
}

AttemptEnded Transfer::Begin(uint64_t now_ns) const {
  AttemptEnded ended;
  ended.id = attempt_.id;
  ended.result.record.number = attempt_.number;
  ended.result.record.started_at = attempt_.at;
  ended.result.record.duration_ms = static_cast<int64_t>((now_ns - started_ns_ + 500'000) / 1'000'000);
  ended.result.record.status = reader_.status();
  ended.result.via = spec_.via;
  return ended;
}

Unjudged Transfer::Ended(int code, uint64_t now_ns) {
  Unjudged unjudged;
  unjudged.ended = Begin(now_ns);
  unjudged.head = attempt_.head;
  AttemptResult& result = unjudged.ended.result;
  AttemptRecord& record = result.record;
  if (Whole(code)) reader_.TakeBodyEnd();
  const bool said = reader_.Conclude(&unjudged);
  if (code != CURLE_OK && opened_.empty() && !refusal_.empty()) {
    unjudged.decided = true;
    result.verdict = Verdict::kFatal;
    record.error = "destination_refused";
    record.detail = refusal_;
  } else if (redirect_error_ != nullptr) {
    unjudged.decided = true;
    result.verdict = Verdict::kFailure;
    record.error = redirect_error_;
    record.detail = redirect_detail_;
  } else if (attempt_.head->reply_none && (written_ || reader_.head_done())) {
    result.verdict = written_ ? Verdict::kSuccess : Verdict::kFailure;
    record.error = written_ ? "" : "unexpected_answer";
    record.detail = written_ ? "" : "status " + std::to_string(reader_.status()) + " came before the whole request was written";
  } else if (!said) {
    SetError(code, &result);
  }
  unjudged.secrets = SecretValues(config_->secrets, spec_.headers);
  if (!unjudged.decided) unjudged.expect = std::move(spec_.expect);
  return unjudged;
}

AttemptEnded Transfer::EndedWritten(uint64_t now_ns) {
  AttemptEnded ended = Begin(now_ns);
  ended.result.verdict = Verdict::kSuccess;
  return ended;
}

void Transfer::SetError(int code, AttemptResult* result) const {
  result->verdict = Verdict::kFailure;
  const bool sent = requests_ > 0;
  AttemptRecord& record = result->record;
  const bool lost = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING;
  result->lost_reused = sent && !begun_ && opened_.empty() && (lost || resend_stopped_) && !attempt_.head->reply_none;
  if (resend_stopped_) {
    record.error = "connection_lost";
    record.detail = "the connection was lost before an answer came";
  } else if (starved_) {
    record.error = "unexpected_answer";
    record.detail = "the chunks of the answer carry next to nothing";
  } else if (sent && code == CURLE_OUT_OF_MEMORY) {
    record.error = "unexpected_answer";
    record.detail = kHeadTooLarge;
  } else if (code == CURLE_OK) {
    record.error = "unexpected_answer";
    record.detail = "the answer is not HTTP";
  } else {
    record.error = ErrorWord(code, sent);
    // One code for this and for a connection that is lost.
    if (reader_.head_done() && std::strstr(error_buffer_, "chunked-encoding") != nullptr) record.error = "unexpected_answer";
    // TLS 1.3 refuses a client when the connection stands already, with an alert in place of the answer.
    if (lost && std::strstr(error_buffer_, "SSL routines") != nullptr && std::strstr(error_buffer_, "alert") != nullptr) {
      record.error = "tls";
      result->lost_reused = false;
    }
    // Nothing that a retry could mend.
    if (code == CURLE_URL_MALFORMAT) result->verdict = Verdict::kFatal;
    record.detail = error_buffer_[0] != '\0' ? error_buffer_ : curl_easy_strerror(static_cast<CURLcode>(code));
  }
}

}  // namespace notifyd
