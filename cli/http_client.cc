#include "cli/http_client.h"

#include <curl/curl.h>

#include <utility>

namespace notifyd {
namespace {

constexpr long kConnectMs = 10'000, kAnswerMs = 120'000;

size_t Append(char* bytes, size_t size, size_t count, void* out) {
  static_cast<std::string*>(out)->append(bytes, size * count);
  return size * count;
}

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

}  // namespace

class HttpClient::Impl {
 public:
  explicit Impl(std::string server) : server_(std::move(server)), easy_(curl_easy_init()) {
    CHECK(easy_ != nullptr);
    while (!server_.empty() && server_.back() == '/') server_.pop_back();
  }
  ~Impl() { curl_easy_cleanup(easy_); }

  Result<HttpAnswer> Call(const std::string& method, const std::string& path, const std::string* body, int64_t wait_ms) {
    curl_easy_reset(easy_);  // keeps the connection
    HttpAnswer answer;
    char fault[CURL_ERROR_SIZE] = "";
    std::string url = server_ + path;
    std::unique_ptr<curl_slist, FreeList> headers(curl_slist_append(nullptr, "Accept: application/json"));
    // No "Expect: 100-continue": a broker that refuses says so at once.
    curl_slist_append(headers.get(), "Expect:");
    if (body) curl_slist_append(headers.get(), "Content-Type: application/json");
    curl_easy_setopt(easy_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, method.c_str());
    if (body) {
      curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, body->data());
      curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
    }
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &Append);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &answer.body);
    curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, fault);
    curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy_, CURLOPT_PROXY, "");
    curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
    curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, kAnswerMs + static_cast<long>(wait_ms));
    CURLcode code = curl_easy_perform(easy_);
    if (code != CURLE_OK) return Status(Code::kUnavailable, server_ + ": " + (fault[0] ? fault : curl_easy_strerror(code)));
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    answer.status = static_cast<int>(status);
    return answer;
  }

 private:
  std::string server_;
  CURL* easy_;
};

HttpClient::HttpClient(std::string server) : impl_(std::make_unique<Impl>(std::move(server))) {}
HttpClient::~HttpClient() = default;

Result<HttpAnswer> HttpClient::Call(const std::string& method, const std::string& path, const std::string* body, int64_t wait_ms) {
  return impl_->Call(method, path, body, wait_ms);
}

std::string HttpClient::Encode(std::string_view text) {
  static const char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (unsigned char c : text) {
    bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) out.push_back(static_cast<char>(c));
    else out.append({'%', kHex[c >> 4], kHex[c & 15]});
  }
  return out;
}

}  // namespace notifyd
