// PlainRequest: the bytes of one request of HTTP/1.1, made once from what is stored of the notify. Reused from attempt to attempt: in the
// steady state nothing is allocated. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/authority.h"
#include "base/random.h"
#include "broker/effects.h"
#include "broker/payload.h"
#include "broker/spec.h"
#include "net/sender/destinations.h"
#include "net/sender/sender_config.h"

namespace notifyd {

class PlainRequest {
 public:
  /// Error: it cannot be sent at all. `random`: for the trace's parent id.
  Status Build(const StartAttempt& attempt, const SenderConfig& config, Random* random);
  /// Makes it the request that an answer with `status` (301, 302, 303, 307, 308) and this Location asks for (RFC 9110 section 15.4): a POST becomes a
  /// GET without a body on 301, 302 and 303; to another origin goes only what is harmless anywhere. Error: kUnacceptable, for people: it leads to no
  /// URL that may be called.
  Status Follow(const StartAttempt& attempt, const SenderConfig& config, uint16_t status, const std::string& location);

  // Valid until the next Build.
  const NotifySpec& spec() const { return spec_; }
  /// In lower case, without brackets.
  const std::string& host() const { return host_; }
  uint16_t port() const { return port_; }
  /// Its scheme is https.
  bool secure() const { return secure_; }
  /// Where the host is an address, in whatever form it is written.
  const std::optional<IpAddress>& literal() const { return literal_; }
  Method method() const { return method_; }
  std::string_view head() const { return head_; }
  std::string_view body() const { return body_; }
  /// Of this hop.
  std::string Url() const;
  /// Lets go of what is large.
  void Forget();

 private:
  uint16_t default_port() const { return secure_ ? 443 : 80; }
  Status TakeUrl(std::string_view url, std::string_view* rest);
  Status Assemble(const StartAttempt& attempt, const SenderConfig& config);
  Status AppendHeaders(const StartAttempt& attempt, const SenderConfig& config);
  void MakeTrace(const StartAttempt& attempt, Random* random);
  void Line(std::string_view name, std::string_view value);

  NotifySpec spec_;
  WireParts parts_;
  // The URL's authority as it is written, and what it says: read anew only where it is another than the attempt's before.
  std::string authority_text_;  // empty: none
  bool authority_secure_ = false;
  Authority authority_;
  std::string host_;
  uint16_t port_ = 0;
  bool secure_ = false;
  std::optional<IpAddress> literal_;
  std::string trace_parent_;  // as it is sent; empty: none
  // Of this hop.
  Method method_ = Method::kPost;
  std::string redirected_;     // where to; empty: not
  bool other_origin_ = false;  // a redirect led there
  bool body_dropped_ = false;  // a redirect made it a GET
  std::string head_;
  std::string_view body_;
};

}  // namespace notifyd
