#include "net/telemetry/http_post.h"

#include <curl/curl.h>

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "base/free_with.h"
#include "base/log.h"

namespace notifyd {
namespace {

constexpr int64_t kFirstWaitMs = 500, kMostWaitMs = 30'000;
constexpr int64_t kFirstHurriedMs = 200;  // while somebody waits for the end
constexpr long kConnectMs = 5'000, kAnswerMs = 15'000;
constexpr size_t kMostAnswerBytes = 4 << 20;

using Url = std::unique_ptr<CURLU, FreeWith<curl_url_cleanup>>;
using Easy = std::unique_ptr<CURL, FreeWith<curl_easy_cleanup>>;
using Lines = std::unique_ptr<curl_slist, FreeWith<curl_slist_free_all>>;

Lines LinesOf(const PostTarget& target) {
  curl_slist* list = curl_slist_append(nullptr, ("Content-Type: " + target.content_type).c_str());
  list = curl_slist_append(list, "Expect:");  // it would wait for leave to send
  for (const std::string& line : target.headers) list = curl_slist_append(list, line.c_str());
  return Lines(list);
}

/// What is beyond kMostAnswerBytes is read and dropped: the answer has been given by then.
size_t TakeBody(char* bytes, size_t size, size_t count, void* out) {
  auto* body = static_cast<std::string*>(out);
  body->append(bytes, std::min(size * count, kMostAnswerBytes - body->size()));
  return size * count;
}

int AskGivenUp(void* queue, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<BatchQueue*>(queue)->stopping() ? 1 : 0;
}

bool MayPass(long status) {
  return status == 0 || status == 408 || status == 429 || (status >= 502 && status <= 504);
}

}  // namespace

Status CheckPostUrl(const std::string& url) {
  Url parsed(curl_url());
  const std::string_view scheme = std::string_view(url).substr(0, url.find("://"));
  const bool web = EqualsIgnoringCase(scheme, "http") || EqualsIgnoringCase(scheme, "https");
  if (web && parsed && curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK) return Status::Ok();
  return Status(Code::kUnacceptable, "must be a URL of http or https");
}

Status CheckPostHeader(const std::string& line) {
  const size_t colon = line.find(':');
  const bool good = colon != line.npos && IsToken(line.substr(0, colon)) && line.find_first_of(std::string_view("\r\n\0", 3)) == line.npos &&
                    line.find_first_not_of(" \t", colon + 1) != line.npos;
  return good ? Status::Ok() : Status(Code::kUnacceptable, "must be \"Name: value\"");
}

std::string TakeQuery(std::string* url) {
  url->resize(std::min(url->find('#'), url->size()));
  const size_t path_end = std::min(url->find('?'), url->size());
  std::string query = url->substr(path_end);
  url->resize(path_end);
  return query;
}

std::string ShownUrl(const std::string& url) {
  Url parsed(curl_url());
  char* text = nullptr;
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return "?";
  for (CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT}) curl_url_set(parsed.get(), part, nullptr, 0);
  if (curl_url_get(parsed.get(), CURLUPART_URL, &text, 0) != CURLUE_OK) return "?";
  std::string shown = text;
  curl_free(text);
  return shown;
}

class HttpPost::Impl {
 public:
  Impl(PostTarget target, std::string what, BatchQueue* queue)
      : target_(std::move(target)), what_(std::move(what)), queue_(queue), backoff_(kFirstWaitMs, kMostWaitMs) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
  }

  bool Send(const std::string& body, std::string* answer) {
    for (;;) {
      const long status = Try(body);
      if (status >= 200 && status < 300) {
        SayBetter();
        if (answer) *answer = std::move(answer_);
        return true;
      }
      SayWorse(status == 0 ? fault_ : "answered " + std::to_string(status) + ": " + answer_.substr(0, kShownBytes));
      if (!MayPass(status)) return false;
      if (!Pause(backoff_.Next())) return false;
    }
  }

  /// Never shorter than the answer said, who ever waits. Who comes to wait in the middle of it gets one try more at once.
  bool Pause(int64_t wait_ms) {
    const int64_t hurried_ms = queue_->finishing() ? hurried_.Next() : 0;
    return queue_->Pause(std::max(wait_ms, retry_after_ms_), std::max(hurried_ms, retry_after_ms_));
  }

 private:
  static constexpr size_t kShownBytes = 200;

  /// The answer's status; 0: none came, and fault_ says why.
  long Try(const std::string& body) {
    if (!easy_) SetUp();
    answer_.clear();
    retry_after_ms_ = 0;
    char fault[CURL_ERROR_SIZE] = {};
    CURL* easy = easy_.get();
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fault);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    const CURLcode code = curl_easy_perform(easy);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, nullptr);
    long status = 0;
    curl_off_t retry_after_s = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after_s) == CURLE_OK)
      retry_after_ms_ = static_cast<int64_t>(std::min<curl_off_t>(retry_after_s, kMostWaitMs / 1000)) * 1000;
    // The head says it. Where the body, which may say that a part was not taken, does not come, nobody is to send all of it again for ever.
    if (code == CURLE_OK || status >= 200) return status;
    fault_ = fault[0] != 0 ? fault : curl_easy_strerror(code);
    return 0;
  }

  void SetUp() {
    easy_.reset(curl_easy_init());
    CHECK(easy_ != nullptr);
    lines_ = LinesOf(target_);
    CURL* easy = easy_.get();
    curl_easy_setopt(easy, CURLOPT_URL, target_.url.c_str());
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines_.get());
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "notifyd");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, kAnswerMs);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &TakeBody);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer_);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, &AskGivenUp);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, queue_);
    if (!target_.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, target_.ca_file.c_str());
  }

  void SayWorse(const std::string& detail) {
    if (std::exchange(bad_, true) || queue_->stopping()) return;
    Log(LogLevel::kWarn, "telemetry not taken", {{"what", what_}, {"url", ShownUrl(target_.url)}, {"detail", detail}});
  }
  void SayBetter() {
    backoff_.Reset();
    hurried_.Reset();
    if (std::exchange(bad_, false)) Log(LogLevel::kInfo, "telemetry taken again", {{"what", what_}, {"url", ShownUrl(target_.url)}});
  }

  const PostTarget target_;
  const std::string what_;
  BatchQueue* const queue_;
  Backoff backoff_;
  Backoff hurried_{kFirstHurriedMs, kMostWaitMs};
  Lines lines_;
  Easy easy_;
  std::string answer_, fault_;
  int64_t retry_after_ms_ = 0;
  bool bad_ = false;  // the last one was not taken
};

HttpPost::HttpPost(PostTarget target, std::string what, BatchQueue* queue)
    : impl_(std::make_unique<Impl>(std::move(target), std::move(what), queue)) {}
HttpPost::~HttpPost() = default;

bool HttpPost::Send(const std::string& body, std::string* answer) {
  return impl_->Send(body, answer);
}

bool HttpPost::AwaitRetry(int failures) {
  Backoff backoff(kFirstWaitMs, kMostWaitMs);
  int64_t wait_ms = 0;
  for (int i = 0; i < failures; ++i) wait_ms = backoff.Next();
  return impl_->Pause(wait_ms);
}

}  // namespace notifyd
