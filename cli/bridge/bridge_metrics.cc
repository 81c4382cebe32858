#include "cli/bridge/bridge_metrics.h"

#include <charconv>
#include <string_view>
#include <thread>
#include <utility>

#include "base/quiet_thread.h"
#include "net/http.h"
#include "net/loop.h"

namespace notifyd {
namespace {

constexpr size_t kConnections = 32;

struct Place {
  std::string address;  // a literal, without brackets
  uint16_t port = 0;
};

Result<Place> PlaceOf(const std::string& text) {
  const size_t colon = text.rfind(':');
  Place place;
  const std::string_view port = colon == std::string::npos ? std::string_view() : std::string_view(text).substr(colon + 1);
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), place.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size())
    return Status(Code::kUnacceptable, "\"" + text + "\" is no ADDRESS:PORT");
  place.address = text.substr(0, colon);
  if (place.address.starts_with('[') && place.address.ends_with(']')) place.address = place.address.substr(1, place.address.size() - 2);
  if (place.address.empty()) return Status(Code::kUnacceptable, "\"" + text + "\" is no ADDRESS:PORT");
  return place;
}

HttpResponse Plain(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = std::move(body);
  return response;
}

}  // namespace

class BridgeMetrics::Impl : public HttpHandler {
 public:
  explicit Impl(std::function<std::string()> text) : text_(std::move(text)), server_(&loop_, Limits(), &budget_, this) {}
  ~Impl() override {
    if (!thread_.joinable()) return;
    loop_.Stop();
    thread_.join();
  }

  Status Start(const Place& place) {
    Result<uint16_t> port = server_.Listen(place.address, place.port, /*reuse_port=*/false);
    if (!port.ok()) return std::move(port).status();
    const bool literal = place.address.find(':') != std::string::npos;
    address_ = (literal ? "[" + place.address + "]" : place.address) + ":" + std::to_string(*port);
    thread_ = StartQuietThread([this] { loop_.Run(); });
    return Status::Ok();
  }
  const std::string& address() const { return address_; }

  void OnRequest(uint64_t token, HttpRequest request) override {
    const std::string path = request.target.substr(0, request.target.find('?'));
    if (path != "/metrics" && path != "/healthz") return server_.Respond(token, Plain(404, "there are /metrics and /healthz\n"));
    if (request.method != "GET" && request.method != "HEAD") {
      HttpResponse refused = Plain(405, "only GET\n");
      refused.headers.emplace_back("Allow", "GET, HEAD");
      return server_.Respond(token, std::move(refused));
    }
    server_.Respond(token, Plain(200, path == "/metrics" ? text_() : "ok\n"));
  }
  void OnClose(uint64_t) override {}
  HttpResponse OnRefused(int status, std::string_view detail) override { return Plain(status, std::string(detail) + "\n"); }

 private:
  static HttpLimits Limits() {
    HttpLimits limits;
    limits.max_connections = kConnections;
    return limits;
  }

  const std::function<std::string()> text_;
  Loop loop_;
  HttpServer::Budget budget_;
  HttpServer server_;
  std::string address_;
  std::thread thread_;
};

BridgeMetrics::BridgeMetrics(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BridgeMetrics::~BridgeMetrics() = default;

Result<std::unique_ptr<BridgeMetrics>> BridgeMetrics::Serve(const std::string& address, std::function<std::string()> text) {
  Result<Place> place = PlaceOf(address);
  if (!place.ok()) return std::move(place).status();
  auto impl = std::make_unique<Impl>(std::move(text));
  NOTIFYD_TRY(impl->Start(*place));
  return std::unique_ptr<BridgeMetrics>(new BridgeMetrics(std::move(impl)));
}

const std::string& BridgeMetrics::address() const {
  return impl_->address();
}

}  // namespace notifyd
