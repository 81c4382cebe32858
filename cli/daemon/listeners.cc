#include "cli/daemon/listeners.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/clocks.h"
#include "base/joined.h"
#include "base/log.h"
#include "cli/daemon/descriptors.h"
#include "cli/daemon/start_check.h"
#include "net/access/principal.h"
#include "net/api/passing.h"
#include "net/beanstalkd/beanstalkd_parser.h"
#include "net/http_parser.h"
#include "net/unix_socket.h"
#include "storage/directory.h"

namespace notifyd {
namespace {

constexpr mode_t kSocketMode = 0660, kControlMode = 0600;
constexpr int64_t kCertificatesEveryMs = 5'000;
constexpr size_t kPassedOnMostBytes = 12 << 10, kPassedOnMostHeaders = 4;

/// What a TCP socket is bound to here; nothing for another socket.
std::optional<ListenAddress> LocalOf(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return std::nullopt;
  const std::optional<IpAddress> address = IpAddress::From(reinterpret_cast<const sockaddr*>(&bound));
  if (!address) return std::nullopt;
  const uint16_t port =
      bound.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in&>(bound).sin_port : reinterpret_cast<const sockaddr_in6&>(bound).sin6_port;
  return ListenAddress{address->ToString(), ntohs(port)};
}

/// Its clients have no credentials: what they may do is what producers need, in one namespace.
void ServeBeanstalkd(const ListenerOptions& options, size_t max_job_bytes, HttpListener* as) {
  as->make_parser = [max_job_bytes] { return std::make_unique<BeanstalkdParser>(max_job_bytes); };
  for (const std::string& range : options.cidrs) as->cidrs.push_back(*Cidr::Parse(range));
  const std::string space = options.space.empty() ? std::string(kDefaultNamespace) : options.space;
  NamedGrant grant{"beanstalkd " + options.address, {}};
  grant.grant.namespaces = NamespaceSet::Of({space});
  grant.grant.scopes = {Scope::kSubmit, Scope::kRead, Scope::kReadBodies, Scope::kOperate};
  if (!options.caller.empty()) grant.grant.caller = options.caller;
  as->asker = std::make_shared<const FixedAsker>(FixedAsker{std::make_shared<const NamedGrant>(std::move(grant)), space});
}

}  // namespace

struct Listeners::Place {
  ListenerOptions options;
  HttpLimits limits;  // of one for members
  ListenAddress address;
  uint16_t port = 0;  // bound to
  bool control = false;
  std::unique_ptr<TlsFiles> files;
  std::string doubt;  // what was said of the dates of its certificate
  HttpListener as;

  std::string name() const { return address.ToString(port); }
  /// A connection that has this local address, or path, came here.
  bool Takes(int fd) const {
    if (!address.path.empty()) return PathOf(fd) == address.path;
    const std::optional<ListenAddress> local = LocalOf(fd);
    if (!local || local->port != port) return false;
    return address.address == "0.0.0.0" || address.address == "::" || IpAddress::Parse(address.address) == IpAddress::Parse(local->address);
  }
};

/// A request that another member let in has a head that says more than it did there.
void Listeners::ServeMembers(const HttpLimits& limits, Place* place) {
  place->limits = limits;
  place->limits.max_head_bytes += kPassedOnMostBytes;
  place->limits.max_headers += kPassedOnMostHeaders;
  place->as.make_parser = [limits = &place->limits] { return std::make_unique<HttpParser>(limits); };
  place->as.farewell = NotHereFarewell();
}

Listeners::Listeners(const Options& options) : reuse_port_(options.io_threads > 1) {
  std::vector<ListenerOptions> all = AllListeners(options);
  all.push_back({"unix:" + options.data_dir + "/" + kControlSocket, {}, {}, {}, {}, kControlConnections});
  for (size_t i = 0; i < all.size(); ++i) {
    auto place = std::make_unique<Place>();
    place->options = all[i];
    place->control = i + 1 == all.size();
    if (place->control) place->address.path = options.data_dir + "/" + kControlSocket;
    else place->address = *ParseListen(all[i].address);
    place->as.serves = place->control ? ServedParts::ControlSocket() : all[i].serves();
    place->as.max_connections = all[i].max_connections;
    if (all[i].beanstalkd) ServeBeanstalkd(all[i], options.api.max_body_bytes, &place->as);
    if (all[i].members) ServeMembers(options.http, place.get());
    if (!all[i].tls_key.empty()) {
      TlsPaths paths = PathsOf(all[i]);
      // One that the others would not take would cut this member off: the one before is kept.
      if (all[i].members) paths.shown_at = options.cluster.host();
      if (all[i].members) members_ = std::make_unique<TlsFiles>(paths, TlsFiles::Side::kClient);
      place->files = std::make_unique<TlsFiles>(std::move(paths));
      place->as.tls = place->files.get();
    }
    places_.push_back(std::move(place));
  }
}

Listeners::~Listeners() = default;

Status Listeners::Open(const std::vector<HttpServer*>& servers, const Handover& handover) {
  for (const auto& place : places_) {
    if (!place->files) continue;
    if (Result<bool> loaded = place->files->Load(); !loaded.ok()) return loaded.status();
    TellDates(place.get());
  }
  if (members_) {
    if (Result<bool> loaded = members_->Load(); !loaded.ok()) return loaded.status();
  }
  std::vector<std::vector<int>> listening(places_.size()), connections(places_.size());
  std::vector<int> others;
  // An address that has its port said goes before one that takes any.
  std::vector<size_t> order(places_.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_partition(order.begin(), order.end(), [&](size_t i) { return places_[i]->address.port != 0 || !places_[i]->address.path.empty(); });
  for (int fd : handover.listening) {
    auto takes = [&](size_t i) {
      Place* place = places_[i].get();
      ListenAddress wanted = place->address;
      // All of one listener have the same port.
      if (wanted.port == 0 && wanted.path.empty()) wanted.port = place->port;
      return ListensOn(fd, wanted);
    };
    auto found = std::find_if(order.begin(), order.end(), takes);
    if (found == order.end()) {
      others.push_back(fd);
      continue;
    }
    listening[*found].push_back(fd);
    if (std::optional<ListenAddress> local = LocalOf(fd)) places_[*found]->port = local->port;
  }
  for (int fd : handover.connections) {
    auto found = std::find_if(order.begin(), order.end(), [&](size_t i) { return !listening[i].empty() && places_[i]->Takes(fd); });
    (found == order.end() ? others : connections[*found]).push_back(fd);
  }
  if (!others.empty()) Log(LogLevel::kInfo, "connections of the process before are closed: it listened elsewhere");
  for (int fd : others) {
    const std::string path = PathOf(fd);
    close(fd);
    if (!path.empty()) RemoveUnixSocket(path);
  }
  size_t adopted = 0;
  for (size_t i = 0; i < places_.size(); ++i) {
    Place* place = places_[i].get();
    Status opened = listening[i].empty() ? OpenAnew(place, servers) : Adopt(place, servers, listening[i], connections[i]);
    adopted += connections[i].size();
    if (opened.ok()) continue;
    if (!place->control) return Status(Code::kIo, "cannot listen on " + place->name() + ": " + opened.detail());
    // The broker serves without it; only the commands that would come there do not.
    Log(LogLevel::kWarn, "no control socket", {{"path", place->address.path}, {"detail", opened.detail()}});
  }
  if (others.size() < handover.listening.size() + handover.connections.size()) Log(LogLevel::kInfo, "restarted in place", {{"connections", adopted}});
  return Status::Ok();
}

Status Listeners::OpenAnew(Place* place, const std::vector<HttpServer*>& servers) {
  if (!place->address.path.empty()) {
    Result<int> made = ListenUnix(place->address.path, place->control ? kControlMode : kSocketMode);
    if (!made.ok()) return std::move(made).status();
    return Adopt(place, servers, {*made}, {});
  }
  place->port = place->address.port;
  for (HttpServer* server : servers) {
    Result<uint16_t> bound = server->Listen(place->address.address, place->port, reuse_port_, &place->as);
    if (!bound.ok()) return std::move(bound).status();
    place->port = *bound;
  }
  return Status::Ok();
}

/// Each server gets a listening socket: where there are too few, one that is shared with another, and where there are too many, several, for who
/// waits in the queue of one must not be lost.
Status Listeners::Adopt(Place* place, const std::vector<HttpServer*>& servers, const std::vector<int>& listening,
                        const std::vector<int>& connections) {
  std::vector<HttpServer::Sockets> shares(servers.size());
  for (size_t i = 0; i < std::max(servers.size(), listening.size()); ++i) {
    HttpServer::Sockets& share = shares[i % servers.size()];
    int fd = i < listening.size() ? listening[i] : fcntl(listening[i % listening.size()], F_DUPFD_CLOEXEC, 0);
    if (share.listening < 0) share.listening = fd;
    else share.connections.push_back(fd);
  }
  for (size_t i = 0; i < connections.size(); ++i) shares[i % servers.size()].connections.push_back(connections[i]);
  for (size_t i = 0; i < servers.size(); ++i) {
    Result<uint16_t> adopted = servers[i]->Adopt(shares[i], &place->as);
    if (!adopted.ok()) return std::move(adopted).status();
    place->port = *adopted;
  }
  return Status::Ok();
}

void Listeners::LogAddresses() const {
  for (const auto& place : places_) {
    if (place->control) continue;
    std::vector<LogField> fields;
    const std::string only = Joined(place->options.only, ", ");
    if (place->files) fields.emplace_back("tls", true);
    if (place->options.beanstalkd) fields.emplace_back("protocol", "beanstalkd");
    if (place->options.members) fields.emplace_back("for", "members");
    if (!place->options.only.empty()) fields.emplace_back("only", only);
    // For people, who can open it as it stands.
    if (place->as.serves.console && place->address.path.empty()) {
      const std::string url = (place->files ? "https://" : "http://") + place->name() + "/console/";
      Log(LogLevel::kInfo, "console at " + url);
    }
    // Whoever started it with port 0 reads the port here.
    Log(LogLevel::kAlways, "listening on " + place->name(), fields.data(), fields.size());
  }
}

size_t Listeners::beanstalkd_connections() const {
  size_t sum = 0;
  for (const auto& place : places_)
    if (place->options.beanstalkd) sum += place->as.connections.load(std::memory_order_relaxed);
  return sum;
}

std::string Listeners::held() const {
  std::string out;
  for (const auto& place : places_)
    if (!place->control) out += (out.empty() ? "" : ",") + place->name();
  return out;
}

std::vector<Listener> Listeners::own() const {
  std::vector<Listener> out;
  for (const auto& place : places_)
    if (place->address.path.empty()) out.push_back({*IpAddress::Parse(place->address.address), place->port});
  return out;
}

void Listeners::WatchCertificates(Loop* loop, int slot) {
  if (std::none_of(places_.begin(), places_.end(), [](const auto& place) { return place->files != nullptr; })) return;
  loop_ = loop;
  slot_ = slot;
  // While they are being read, what is asked for comes with the next time.
  if (std::exchange(reading_, true)) return;
  loop_->Aside([this] { ReadCertificates(); },
               [this] {
                 reading_ = false;
                 loop_->SetTimer(slot_, kCertificatesEveryMs, [this] { WatchCertificates(loop_, slot_); });
               });
}

Result<std::shared_ptr<const TlsContext>> Listeners::MembersTls() const {
  std::shared_ptr<const TlsContext> context = members_ ? members_->context() : nullptr;
  if (!context) return Status(Code::kUnavailable, "there is no certificate to show");
  return context;
}

/// Of a certificate that whoever looks at its dates does not take: once, and again where there is another reason.
void Listeners::TellDates(Place* place) {
  const std::shared_ptr<const TlsContext> context = place->files->context();
  const std::string doubt = context ? context->DoubtOf(ReadWall()) : std::string();
  if (std::exchange(place->doubt, doubt) == doubt || doubt.empty()) return;
  Log(LogLevel::kWarn, "certificate does not hold now", {{"listener", place->name()}, {"detail", doubt}});
}

/// Beside the loop.
void Listeners::ReadCertificates() {
  // What is wrong with it is said of the listener that has the same.
  if (members_) (void)members_->Load();
  for (const auto& place : places_) {
    if (!place->files) continue;
    Result<bool> loaded = place->files->Load();
    if (!loaded.ok()) {
      Log(LogLevel::kError, "certificate not read again, the one before is kept",
          {{"listener", place->name()}, {"detail", loaded.status().detail()}});
    } else if (*loaded) {
      Log(LogLevel::kInfo, "certificate read again", {{"listener", place->name()}});
    }
    TellDates(place.get());
  }
}

void Listeners::RemoveFiles() {
  for (const auto& place : places_)
    if (!place->address.path.empty()) RemoveUnixSocket(place->address.path);
}

}  // namespace notifyd
