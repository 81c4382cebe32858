// How a client's requests go to the broker: libcurl, attempts and the waits between them, idempotency keys, errors. Programs include
// notifyd/client.h.
#pragma once

#include <curl/curl.h>
#include <notifyd/types.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace notifyd {

inline constexpr const char* kVersion = "0.1.0";

using Millis = std::chrono::milliseconds;

/// What kept a call from its answer. Those of a status are refusals of the broker; Error::problem says more.
enum class Kind {
  kMalformed,           // 400
  kUnauthorized,        // 401
  kForbidden,           // 403
  kNotFound,            // 404
  kConflict,            // 409: problem->id names the notify in the way
  kPreconditionFailed,  // 412: somebody else changed it
  kTooLarge,            // 413
  kUnacceptable,        // 422: problem->field says which field
  kTooMany,             // 429
  kUnavailable,         // 503
  kDiskFull,            // 507
  kRefused,             // any other status
  kConnection,          // no answer came: it may have been taken or not
  kTimeout,             // no answer came in time: likewise
  kBadAnswer,           // what came is not what the API says
};

/// The API's word for it, as "not_found".
inline const char* NameOf(Kind kind) {
  constexpr const char* kNames[] = {"malformed",           "unauthorized", "forbidden",    "not_found", "conflict",
                                    "precondition_failed", "too_large",    "unacceptable", "too_many",  "unavailable",
                                    "disk_full",           "refused",      "connection",   "timeout",   "bad_answer"};
  return kNames[static_cast<std::size_t>(kind)];
}

class Error : public std::runtime_error {
 public:
  Error(Kind what_kind, long what_status, const std::string& text) : std::runtime_error("notifyd: " + text), kind(what_kind), status(what_status) {}

  Kind kind;
  long status = 0;                 // of the answer; 0 where none came
  std::optional<Problem> problem;  // why the broker refused; none where it was not the broker that did
  Json document;                   // the problem document as it came, with what a later broker says in it
  Millis retry_after{0};           // 0: nobody said
  int attempts = 1;                // how often it was sent
  bool sent = true;                // false: nobody can have taken it, since no byte of it was sent
};

/// Where the broker is, as whom it is asked, and how patiently.
struct Options {
  std::string url;             // "http://HOST:PORT", "https://...", or "unix:/PATH" of a socket; empty: NOTIFYD_URL, else http://127.0.0.1:7300
  std::string token;           // empty: NOTIFYD_TOKEN, else none
  std::string namespace_name;  // empty: NOTIFYD_NAMESPACE, else the token's own
  std::string ca_file;         // the authorities of an https broker, PEM; empty: the system's

  Millis timeout{30000};          // of one attempt, beside what the broker is asked to wait
  int attempts = 4;               // of one call, at most
  Millis initial_wait{200};       // before the second attempt, doubling from then on
  Millis max_wait{10000};         // between two attempts, unless the broker asks for more
  Millis max_retry_after{60000};  // whoever is asked to come back later than this is told so at once

  std::size_t lines_per_request = 1000;  // of a stream
  bool idempotency_keys = true;          // false: what is submitted without one is sent again only where it certainly was not taken
  std::function<void(Millis)> sleep;     // waits between attempts; empty: by the clock. For tests
};

/// An idempotency key, of 128 random bits.
inline std::string NewKey() {
  std::random_device random;
  std::string key;
  for (int i = 0; i < 4; ++i) {
    char word[9];
    std::snprintf(word, sizeof word, "%08x", static_cast<unsigned>(random()));
    key += word;
  }
  return key;
}

namespace detail {

using Query = std::vector<std::pair<std::string, std::string>>;

/// One request to the API, however often it is sent.
struct Call {
  std::string method, path = {};  // behind /v1 or the namespace's prefix, its segments encoded
  Query query = {};
  std::optional<std::string> body = {};
  std::string content_type = "application/json";
  std::string if_match = {};
  bool repeatable = false;  // twice is the same as once
  const char* needs = "";   // a member without which the answer is not that of a broker
  Millis wait{0};           // what the broker is asked to wait
};

struct Answer {
  long status = 0;
  std::string body, etag, retry_after;
  bool head_ended = false;  // libcurl takes a head that breaks off for a whole one
};

inline std::string FirstOf(std::string given, const char* variable, const char* fallback) {
  const char* value = std::getenv(variable);
  return !given.empty() ? given : value != nullptr && *value != '\0' ? value : fallback;
}

/// Whether a number in it is one that JSON has not: NaN, an infinity.
inline bool HasNoNumber(const Json& json) {
  if (json.is_number_float()) return !std::isfinite(json.get<double>());
  return json.is_structured() && std::any_of(json.begin(), json.end(), HasNoNumber);
}

/// As JSON. Throws std::invalid_argument where a text in it is not UTF-8, or a number none of JSON's, of which the library would make null.
inline std::string Written(const Json& json) {
  if (HasNoNumber(json)) throw std::invalid_argument("notifyd: JSON has no NaN and no infinity");
  try {
    return json.dump();
  } catch (const Json::exception& exception) {
    throw std::invalid_argument(std::string("notifyd: ") + exception.what());
  }
}

/// Percent-encodes all but unreserved characters (RFC 3986). Throws for what is not UTF-8.
inline std::string Encode(std::string_view text) {
  std::string out;
  Written(text);
  for (unsigned char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    char escaped[4];
    std::snprintf(escaped, sizeof escaped, plain ? "%c" : "%%%02X", c);
    out += escaped;
  }
  return out;
}

/// A text as a segment of a path. Throws for one that no URL can carry as a segment.
inline std::string Segment(const std::string& text) {
  if (text.empty() || text == "." || text == "..") throw std::invalid_argument("notifyd: \"" + text + "\" cannot stand in a path");
  return Encode(text);
}

/// Whether a text is made of what a target, a token or (with blanks within) a header may have.
inline bool IsVisible(std::string_view text, bool blanks = false) {
  const auto visible = [](char c) { return c > ' ' && c <= '~'; };
  const auto fits = [&](char c) { return visible(c) || (blanks && c == ' '); };
  return std::all_of(text.begin(), text.end(), fits) && (text.empty() || (visible(text.front()) && visible(text.back())));
}

/// Throws for what a request line cannot have, and for a path that would lead elsewhere.
inline void CheckTarget(std::string_view method, std::string_view path) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (method.empty() || !std::all_of(method.begin(), method.end(), letter)) throw std::invalid_argument("notifyd: that is no method");
  const auto is = [&](std::string_view other) {
    return method.size() == other.size() && curl_strnequal(method.data(), other.data(), other.size()) != 0;
  };
  if (is("CONNECT") || is("TRACE")) throw std::invalid_argument("notifyd: CONNECT makes a tunnel, and TRACE would show the token");
  if (path.substr(0, 4) != "/v1/" || !IsVisible(path) || path.find_first_of("#\\") != std::string_view::npos)
    throw std::invalid_argument("notifyd: a path begins with /v1/ and is percent-encoded");
  path = path.substr(0, path.find('?'));
  for (std::size_t begin = 1; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    std::string plain;
    for (std::size_t i = begin; i < end; ++i) {
      const bool dot = path[i] == '%' && end - i >= 3 && path[i + 1] == '2' && (path[i + 2] == 'e' || path[i + 2] == 'E');
      plain += dot ? '.' : path[i];
      if (dot) i += 2;
    }
    if (plain == "." || plain == "..") throw std::invalid_argument("notifyd: a path has no dots as a segment");
    begin = end + 1;
  }
}

inline Kind KindOf(long status) {
  constexpr std::pair<long, Kind> kRows[] = {{400, Kind::kMalformed},   {401, Kind::kUnauthorized}, {403, Kind::kForbidden},
                                             {404, Kind::kNotFound},    {409, Kind::kConflict},     {412, Kind::kPreconditionFailed},
                                             {413, Kind::kTooLarge},    {422, Kind::kUnacceptable}, {429, Kind::kTooMany},
                                             {503, Kind::kUnavailable}, {507, Kind::kDiskFull}};
  for (const auto& [of_row, kind] : kRows)
    if (of_row == status) return kind;
  return Kind::kRefused;
}

/// The error of an answer that is not 2xx, with its problem document where it has one: a proxy's has none.
inline Error Refusal(long status, const std::string& body, Millis retry_after) {
  const Kind kind = KindOf(status);
  const Json document = Json::parse(body, nullptr, false);
  std::optional<Problem> problem;
  std::string text = std::string(NameOf(kind)) + " (" + std::to_string(status) + ")";
  try {
    if (document.is_object() && document.contains("type")) problem = document.get<Problem>();
  } catch (const Json::exception&) {
    // It is somebody else's document.
  }
  if (problem) text += ": " + problem->detail + (problem->field.empty() ? "" : " (" + problem->field + ")");
  Error error(kind, status, text);
  error.retry_after = retry_after;
  if (problem) error.document = document;
  error.problem = std::move(problem);
  return error;
}

/// A Retry-After: seconds or a date, 2^31 - 1 s at most, in every language alike; 0 where it is neither.
inline Millis SpanOf(const std::string& text) {
  constexpr long long kMostS = 2147483647;
  constexpr std::string_view kZone = " GMT";
  long long seconds = 0;
  if (text.find_first_not_of("0123456789") == std::string::npos) {
    seconds = std::strtoll(text.c_str(), nullptr, 10);  // of a number out of range it gives the greatest one
  } else if (text.size() > kZone.size() && text.compare(text.size() - kZone.size(), kZone.size(), kZone) == 0) {
    const std::time_t at = curl_getdate(text.c_str(), nullptr);
    seconds = at == -1 ? 0 : static_cast<long long>(at) - std::time(nullptr);
  }
  return std::chrono::seconds(std::clamp(seconds, 0LL, kMostS));
}

/// Sends requests over connections that it keeps.
class Transport {
 public:
  explicit Transport(Options options) : options_(std::move(options)) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    curl_.reset(ready == CURLE_OK ? curl_easy_init() : nullptr);
    if (!curl_) throw std::runtime_error("notifyd: libcurl does not start");
    options_.token = FirstOf(options_.token, "NOTIFYD_TOKEN", "");
    options_.namespace_name = FirstOf(options_.namespace_name, "NOTIFYD_NAMESPACE", "");
    options_.url = base_ = FirstOf(options_.url, "NOTIFYD_URL", "http://127.0.0.1:7300");
    if (base_.rfind("unix:/", 0) == 0) {
      socket_ = base_.substr(5);
      base_ = "http://localhost";
    } else if (!HasHost(base_) || !IsVisible(base_) || base_.find_first_of("@?#\\") != std::string::npos) {
      // Without the password of one that has it.
      const std::size_t user = base_.find("//"), at = base_.rfind('@');
      if (user != std::string::npos && at != std::string::npos && at > user) base_.replace(user, at - user, "//***");
      throw std::invalid_argument("notifyd: \"" + base_ + "\" is no address of a broker: http://HOST:PORT, https://HOST:PORT or unix:/PATH");
    }
    if (!IsVisible(options_.token)) throw std::invalid_argument("notifyd: the token holds what a header cannot, as a line end");
    while (base_.back() == '/') base_.pop_back();
  }

  const Options& options() const { return options_; }

  /// The caller's own key, else a new one, else none.
  std::string Key(const std::string& own) const { return own.empty() && options_.idempotency_keys ? NewKey() : own; }

  /// Sends until there is an answer that stands. Throws an Error where it is not 2xx, or there is none.
  Answer Send(const Call& call) {
    for (int attempt = 1;; ++attempt) {
      try {
        return SendOnce(call);
      } catch (Error& error) {
        if (!Again(call, error, attempt)) throw;
      }
    }
  }

  Answer SendOnce(const Call& call) {
    Answer out;
    SendOnce(call, out);
    return out;
  }

  /// Sends once. Where the answer breaks off, `out` has what came of it.
  void SendOnce(const Call& call, Answer& out) {
    const std::string target = Target(call);
    Headers headers;
    headers.Add("User-Agent: notifyd-cpp/" + std::string(kVersion));
    headers.Add("Expect:");  // none of 100-continue
    headers.Add(call.body ? "Content-Type: " + call.content_type : "Content-Type:");
    if (!call.if_match.empty()) headers.Add("If-Match: " + call.if_match);
    if (!options_.token.empty()) headers.Add("Authorization: Bearer " + options_.token);
    Prepare(call, target, headers, out);
    const CURLcode code = curl_easy_perform(curl_.get());
    curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &out.status);
    if (code == CURLE_WRITE_ERROR && out.status / 100 == 2) throw Error(Kind::kBadAnswer, out.status, "bad_answer: it has no end");
    if ((code != CURLE_OK && code != CURLE_WRITE_ERROR) || !out.head_ended) throw Lost(code);
    if (out.status / 100 == 2) return;
    throw Refusal(out.status, out.body, SpanOf(out.retry_after));
  }

  /// After attempt number `attempt` failed so: waits for the next one, if there may and should be one.
  bool Again(const Call& call, Error& error, int attempt) {
    error.attempts = attempt;
    if (attempt >= options_.attempts || !Repeats(call, error) || error.retry_after > options_.max_retry_after) return false;
    Sleep(std::max(WaitAfter(attempt), error.retry_after));
    return true;
  }

  /// How long one waits after attempt number `attempt`: by chance between half and all of what doubles with each.
  Millis WaitAfter(int attempt) const {
    Millis wait = options_.initial_wait;
    for (int i = 1; i < attempt && wait < options_.max_wait; ++i) wait *= 2;
    wait = std::min(wait, options_.max_wait);
    std::random_device random;
    return std::uniform_int_distribution<Millis::rep>(wait.count() / 2, wait.count())(random) * Millis(1);
  }

  void Sleep(Millis wait) const { options_.sleep ? options_.sleep(wait) : std::this_thread::sleep_for(wait); }

 private:
  /// Whether it is http or https, in letters of either size, and names a host: without one libcurl would take what comes next for it.
  static bool HasHost(const std::string& url) {
    const std::size_t host = url.find("//") + 2;
    std::string scheme = url.substr(0, std::min<std::size_t>(host, 8));
    for (char& letter : scheme)
      if (letter >= 'A' && letter <= 'Z') letter += 'a' - 'A';
    return (scheme == "http://" || scheme == "https://") && host < url.size() && url[host] != '/' && url[host] != ':';
  }
  struct Free {
    void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  };

  class Headers {
   public:
    Headers() = default;
    Headers(const Headers&) = delete;
    Headers& operator=(const Headers&) = delete;
    ~Headers() { curl_slist_free_all(list_); }
    void Add(const std::string& line) {
      curl_slist* longer = curl_slist_append(list_, line.c_str());
      if (longer == nullptr) throw std::bad_alloc();
      list_ = longer;
    }
    curl_slist* list() const { return list_; }

   private:
    curl_slist* list_ = nullptr;
  };

  std::string Target(const Call& call) const {
    std::string target = base_ + "/v1";
    if (!options_.namespace_name.empty()) target += "/namespaces/" + Segment(options_.namespace_name);
    target += call.path;
    char mark = '?';
    for (const auto& [name, value] : call.query) {
      target += mark + Encode(name) + "=" + Encode(value);
      mark = '&';
    }
    return target;
  }

  void Prepare(const Call& call, const std::string& target, const Headers& headers, Answer& out) {
    CURL* curl = curl_.get();
    curl_easy_reset(curl);
    fault_[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, fault_);
    curl_easy_setopt(curl, CURLOPT_URL, target.c_str());
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");           // one of the environment would see it too
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);  // whoever redirects gets no token
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>((options_.timeout + call.wait).count()));
    // Where a kept connection turns out to be closed libcurl sends again by itself; what must not be sent twice goes over a new one.
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, call.repeatable ? 0L : 1L);
    if (!socket_.empty()) curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_.c_str());
    if (!options_.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, options_.ca_file.c_str());
    if (call.body || call.method == "POST") {
      curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body ? call.body->size() : 0));
      curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call.body ? call.body->c_str() : "");
    }
    if (call.method == "HEAD") curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.list());
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &TakeHeader);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &out);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &TakeBody);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &out);
  }

  static std::size_t TakeHeader(char* text, std::size_t one, std::size_t size, void* to) {
    auto* out = static_cast<Answer*>(to);
    const std::string_view line(text, one * size);
    out->head_ended = line == "\r\n" || line == "\n";
    if (line.substr(0, 5) == "HTTP/") out->etag = out->retry_after = {};  // of answers of 1xx there may be many
    TakeValue(line, "etag:", out->etag);
    TakeValue(line, "retry-after:", out->retry_after);
    return one * size;
  }

  static void TakeValue(std::string_view line, std::string_view name, std::string& to) {
    if (line.size() <= name.size() || curl_strnequal(line.data(), name.data(), name.size()) == 0) return;
    const std::size_t first = line.find_first_not_of(" \t", name.size()), last = line.find_last_not_of(" \t\r\n");
    to = first <= last ? line.substr(first, last - first + 1) : std::string_view();
  }

  static std::size_t TakeBody(char* text, std::size_t one, std::size_t size, void* to) {
    // No answer of a broker is so long: what is gets not read to its end.
    constexpr std::size_t kMost = std::size_t{256} << 20;
    auto* out = static_cast<Answer*>(to);
    if (out->body.size() + one * size > kMost) return 0;
    out->body.append(text, one * size);
    return one * size;
  }

  Error Lost(CURLcode code) const {
    const bool slow = code == CURLE_OPERATION_TIMEDOUT;
    Error error(slow ? Kind::kTimeout : Kind::kConnection, 0,
                std::string(slow ? "timeout" : "connection") + ": no answer from " + options_.url + ": " +
                    (code == CURLE_OK    ? "the answer broke off"
                     : fault_[0] != '\0' ? fault_
                                         : curl_easy_strerror(code)));
    long sent = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_REQUEST_SIZE, &sent);
    error.sent = sent > 0;
    return error;
  }

  /// What certainly was not done may always be sent again, what is repeatable also where nobody knows.
  static bool Repeats(const Call& call, const Error& error) {
    if (error.status == 429 || error.status == 503) return true;
    if (error.status == 502 || error.status == 504) return call.repeatable;
    if (error.kind == Kind::kConnection || error.kind == Kind::kTimeout) return call.repeatable || !error.sent;
    return false;
  }

  Options options_;
  std::string base_, socket_;
  char fault_[CURL_ERROR_SIZE] = "";  // what curl says of the last one that failed: of a certificate, what is wrong with it
  std::unique_ptr<CURL, Free> curl_;
};

/// What a 2xx says as JSON: an object.
inline Json Parsed(const Answer& answer, const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) throw Error(Kind::kBadAnswer, answer.status, "bad_answer: it is no JSON object");
  return json;
}

template <class T>
T As(const Answer& answer, const std::string& needs = {}) {
  try {
    const Json json = Parsed(answer, answer.body);
    if (!needs.empty() && (!json.contains(needs) || json[needs].is_null()))
      throw Error(Kind::kBadAnswer, answer.status, "bad_answer: it has no " + needs);
    return json.template get<T>();
  } catch (const Json::exception& exception) {
    throw Error(Kind::kBadAnswer, answer.status, std::string("bad_answer: ") + exception.what());
  }
}

}  // namespace detail

}  // namespace notifyd
