#include "net/alerts/mail.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <memory>
#include <utility>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/clocks.h"
#include "base/files.h"
#include "base/utf8.h"

namespace notifyd {
namespace {

constexpr size_t kPasswordMostBytes = 4'096, kLineBytes = 76, kAddressMostBytes = 254;
constexpr long kConnectMs = 10'000;
/// What the goodbye to a server may take beyond the message's time.
constexpr int64_t kQuitMs = 1'000;

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

Status Unacceptable(const char* key, std::string detail) {
  return Status(Code::kUnacceptable, "mail." + std::string(key) + ": " + std::move(detail), std::string("/mail/") + key);
}

Result<std::string> PasswordOf(const MailOptions& options) {
  Result<std::string> text = ReadFile(options.password_file, kPasswordMostBytes);
  if (!text.ok()) return Status(Code::kUnacceptable, options.password_file + " " + text.status().detail());
  std::string password = *std::move(text);
  while (password.ends_with('\n') || password.ends_with('\r')) password.pop_back();
  if (password.empty()) return Status(Code::kUnacceptable, options.password_file + " is empty");
  return password;
}

/// RFC 2047, in pieces of whole characters.
std::string EncodedWords(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    size_t size = std::min<size_t>(text.size(), 39);
    while (size > 1 && size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
    out += (out.empty() ? "" : "\r\n ") + ("=?utf-8?B?" + EncodeBase64(text.substr(0, size)) + "?=");
    text.remove_prefix(size);
  }
  return out;
}

std::string DateText(WallTime at) {
  const std::time_t seconds = at.ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  char text[64];
  snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d +0000", kDays[parts.tm_wday % 7], parts.tm_mday, kMonths[parts.tm_mon % 12],
           parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text;
}

/// How long libcurl may take in all.
struct Bounds {
  const std::atomic<bool>& stop;
  const int64_t until_ms;  // of the monotonic clock
  bool over = false;
};
/// libcurl asks about once a second, also while it waits for the answer to its QUIT, which is no part of its own time limit.
int IsOver(void* to, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto* bounds = static_cast<Bounds*>(to);
  bounds->over = bounds->stop.load() || ReadClockMs(CLOCK_MONOTONIC) >= bounds->until_ms;
  return bounds->over ? 1 : 0;
}

struct Upload {
  const std::string& text;
  size_t at = 0;
};
size_t Read(char* to, size_t size, size_t count, void* from) {
  auto* upload = static_cast<Upload*>(from);
  const size_t bytes = std::min(size * count, upload->text.size() - upload->at);
  std::memcpy(to, upload->text.data() + upload->at, bytes);
  upload->at += bytes;
  return bytes;
}

/// The word that a call has for it. `status`: the server's last answer, 0 for none.
const char* ErrorOf(CURLcode code, long status) {
  switch (code) {
    case CURLE_COULDNT_CONNECT:
      return "connect_failed";
    case CURLE_COULDNT_RESOLVE_HOST:
      return "dns";
    case CURLE_OPERATION_TIMEDOUT:  // of looking up and connecting, too
      return "timeout";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_USE_SSL_FAILED:
      return "tls";
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:  // libcurl's for a refusal of sender or recipient, too
      return status >= 400 ? "unexpected_answer" : "connection_lost";
    default:
      return status > 0 ? "unexpected_answer" : "connect_failed";
  }
}

}  // namespace

bool IsMailAddress(std::string_view text) {
  const size_t at = text.rfind('@');
  const auto plain = [](char c) {
    return static_cast<unsigned char>(c) > ' ' && c != 0x7f && c != '<' && c != '>' && c != ',' && c != ';' && c != '"';
  };
  return at != std::string_view::npos && at > 0 && at + 1 < text.size() && text.size() <= kAddressMostBytes &&
         std::all_of(text.begin(), text.end(), plain);
}

Status CheckMail(const MailOptions& options) {
  if (options.server.empty()) return Status::Ok();
  const size_t behind = options.server.starts_with("smtp://") ? 7 : options.server.starts_with("smtps://") ? 8 : 0;
  const std::string_view host = std::string_view(options.server).substr(behind);
  const auto bad = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '@' || c == '/' || c == '?' || c == '#'; };
  if (behind == 0 || host.empty() || std::any_of(host.begin(), host.end(), bad))
    return Unacceptable("server", "must be smtp://HOST:PORT or smtps://HOST:PORT");
  if (!IsMailAddress(options.from)) return Unacceptable("from", "must be an address of mail, where mail.server is said");
  if (options.user.empty() != options.password_file.empty())
    return Unacceptable(options.user.empty() ? "user" : "password_file", "mail.user and mail.password_file go together");
  if (options.user.empty()) return Status::Ok();
  if (options.tls == "none" && options.server.starts_with("smtp://"))
    return Unacceptable("tls", "a password is not sent without TLS: take \"required\", or no mail.user");
  Result<std::string> password = PasswordOf(options);
  return password.ok() ? Status::Ok() : Unacceptable("password_file", password.status().detail());
}

std::string MailText(const std::string& from, const std::string& to, const std::string& subject, const std::string& text, const std::string& id,
                     WallTime at) {
  std::string out = "Date: " + DateText(at) + "\r\nFrom: <" + from + ">\r\nTo: <" + to + ">\r\nSubject: " + EncodedWords(RepairUtf8(subject, 400)) +
                    "\r\nMessage-ID: <" + id + from.substr(from.rfind('@')) +
                    ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                    "Content-Transfer-Encoding: base64\r\n\r\n";
  const std::string encoded = EncodeBase64(text);
  for (size_t i = 0; i < encoded.size(); i += kLineBytes) out += encoded.substr(i, kLineBytes) + "\r\n";
  return out;
}

MailOutcome SendMail(const MailOptions& options, const std::string& to, const std::string& message, int64_t timeout_ms,
                     const std::atomic<bool>& stop) {
  MailOutcome outcome;
  outcome.error = "connect_failed";
  if (options.server.empty()) {
    outcome.detail = "mail.server is not set";
    return outcome;
  }
  std::unique_ptr<CURL, FreeEasy> easy(curl_easy_init());
  if (!easy) {
    outcome.detail = "no memory";
    return outcome;
  }
  char fault[CURL_ERROR_SIZE] = "";
  Upload upload{message};
  Bounds bounds{stop, ReadClockMs(CLOCK_MONOTONIC) + timeout_ms + kQuitMs};
  std::unique_ptr<curl_slist, FreeList> recipients(curl_slist_append(nullptr, ("<" + to + ">").c_str()));
  CURL* c = easy.get();
  curl_easy_setopt(c, CURLOPT_URL, options.server.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(c, CURLOPT_PROXY, "");
  curl_easy_setopt(c, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, fault);
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms));
  // A server that offers no STARTTLS gets neither the password nor the message.
  const bool plain = options.tls == "none" && options.server.starts_with("smtp://");
  curl_easy_setopt(c, CURLOPT_USE_SSL, static_cast<long>(plain ? CURLUSESSL_NONE : CURLUSESSL_ALL));
  curl_easy_setopt(c, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options.ca_file.empty()) {
    curl_easy_setopt(c, CURLOPT_CAINFO, options.ca_file.c_str());
    curl_easy_setopt(c, CURLOPT_CAPATH, nullptr);
  }
  if (!options.user.empty()) {
    Result<std::string> password = PasswordOf(options);
    if (!password.ok()) {
      outcome.detail = password.status().detail();
      return outcome;
    }
    curl_easy_setopt(c, CURLOPT_USERNAME, options.user.c_str());
    curl_easy_setopt(c, CURLOPT_PASSWORD, password->c_str());
  }
  curl_easy_setopt(c, CURLOPT_MAIL_FROM, ("<" + options.from + ">").c_str());
  curl_easy_setopt(c, CURLOPT_MAIL_RCPT, recipients.get());
  curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(c, CURLOPT_READFUNCTION, Read);
  curl_easy_setopt(c, CURLOPT_READDATA, &upload);
  curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(message.size()));
  curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, IsOver);
  curl_easy_setopt(c, CURLOPT_XFERINFODATA, &bounds);
  // The end of a connection that is kept, in curl_easy_cleanup, asks nobody: it waits two minutes for a server that does not answer the QUIT.
  curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
  const CURLcode code = curl_easy_perform(c);
  long status = 0;
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
  outcome.status = static_cast<uint16_t>(std::clamp<long>(status, 0, 599));
  outcome.taken = code == CURLE_OK;
  outcome.error = outcome.taken ? "" : ErrorOf(code, status);
  // Where the QUIT was broken off, that is what the buffer tells of.
  const bool told = fault[0] != '\0' && (!bounds.over || code == CURLE_ABORTED_BY_CALLBACK);
  if (!outcome.taken) outcome.detail = told ? fault : curl_easy_strerror(code);
  if (code == CURLE_USE_SSL_FAILED) outcome.detail += " (mail.tls = \"none\" sends without TLS)";
  return outcome;
}

}  // namespace notifyd
