// PlainRequest: the bytes of one request of HTTP/1.1, made once from what is stored of the notify. Reused from attempt to attempt: in the
// steady state nothing is allocated. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/authority.h"
#include "broker/effects.h"
#include "broker/payload.h"
#include "broker/spec.h"
#include "net/sender/destinations.h"
#include "net/sender/sender_config.h"

namespace notifyd {

inline constexpr std::string_view kProxyAuthorization = "Proxy-Authorization";

/// What goes into one hop's request beside what its submitter said.
struct HopHeaders {
  using List = std::vector<std::pair<std::string, std::string>>;
  const List* of_rule = nullptr;  // in place of the submitter's of the same names; null: none
  List signature;                 // in place of those that begin with webhook-; empty: it is not signed
  std::string_view to_proxy_as;   // its Proxy-Authorization, where it goes to a proxy that wants one, in place of the submitter's
  bool to_proxy = false;          // the request line names the whole URL (RFC 9112 section 3.2.2)
};

/// What a request is made of. Its body may be made on another thread, while nobody else looks at more than the spec.
struct RequestContents {
  NotifySpec spec;  // without its payload
  std::shared_ptr<const std::string> stored;
  std::string_view payload;  // borrowed from that
  // Made by Encode.
  bool encoded = false;
  Status status;  // an error: it cannot be sent at all
  WireParts parts;
  std::string packed;  // the body as gzip; empty: it is sent as it is

  std::string_view url() const { return std::string_view(spec.url).substr(0, spec.url.find('#')); }
  std::string_view body() const { return packed.empty() ? parts.body(payload) : packed; }
  void Encode();
};

/// First Read, and Encode of its contents, then TakeBody; then Assemble for each hop, with a Follow between two of them.
class PlainRequest {
 public:
  /// Takes what the attempt is to send, at a cost that its body does not count in. Error: it cannot be sent at all.
  Status Read(const StartAttempt& attempt);
  const std::shared_ptr<RequestContents>& contents() const { return contents_; }
  /// What is still to be done before it can be sent looks at so many bytes, signing with so many keys included; what takes longer for each, as
  /// longer.
  size_t Cost(size_t keys) const;
  /// Once the contents are encoded. Error: it cannot be sent at all.
  Status TakeBody();
  /// Makes it the request that an answer with `status` (301, 302, 303, 307, 308) and this Location asks for (RFC 9110 section 15.4): a POST becomes a
  /// GET without a body on 301, 302 and 303; to another origin goes only what is harmless anywhere. Error: kUnacceptable, for people: it leads to no
  /// URL that may be called.
  Status Follow(uint16_t status, const std::string& location);
  /// Makes head() of this hop. Error: it cannot be sent at all.
  Status Assemble(const StartAttempt& attempt, const SenderConfig& config, const HopHeaders& headers);

  // Valid until the next Read; of this hop, head() once it is assembled.
  const NotifySpec& spec() const { return contents_->spec; }
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
  std::string Url() const;
  /// Of its URL, without the query; "/" at least.
  std::string_view path() const { return path_; }
  /// A redirect led to another origin than the submitter's.
  bool other_origin() const { return other_origin_; }
  /// What its certificate must be for, where that is another than host(); empty: it is not.
  std::string_view tls_name() const { return redirected_.empty() ? std::string_view(tls_name_) : std::string_view(); }
  /// "host:port", as a Host header names it with its port said.
  std::string HostAndPort() const { return authority_.host + ":" + std::to_string(port_); }
  /// Lets go of what is large. `elsewhere`: its contents are with another thread, which goes on with them.
  void Forget(bool elsewhere);

 private:
  uint16_t default_port() const { return secure_ ? 443 : 80; }
  Status TakeUrl(std::string_view url, std::string_view* rest);
  Status TakeHopUrl();
  Status AppendHeaders(const StartAttempt& attempt, const SenderConfig& config, const HopHeaders& headers);
  void MakeTrace(const StartAttempt& attempt);
  void Line(std::string_view name, std::string_view value);

  std::shared_ptr<RequestContents> contents_ = std::make_shared<RequestContents>();
  // The URL's authority as it is written, and what it says: read anew only where it is another than the attempt's before.
  std::string authority_text_;  // empty: none
  bool authority_secure_ = false;
  Authority authority_;
  std::string host_;
  uint16_t port_ = 0;
  bool secure_ = false;
  std::optional<IpAddress> literal_;
  // Of a service that says so, for its instances themselves alone: nothing of it goes along with a redirect.
  std::string host_header_, tls_name_;
  std::string trace_parent_;  // as it is sent; empty: none
  // Of this hop.
  Method method_ = Method::kPost;
  std::string redirected_;  // where to; empty: not
  std::string_view rest_;   // its URL's path and query, as they are written
  std::string_view path_;
  bool other_origin_ = false;  // a redirect led there
  bool body_dropped_ = false;  // a redirect made it a GET
  std::string head_;
  std::string_view body_;
};

}  // namespace notifyd
