// The rows. A number's default is read from the options that it writes to, so that it stands once.
#include <utility>

#include "base/ascii.h"
#include "base/authority.h"
#include "base/ip_address.h"
#include "base/utf8.h"
#include "cli/daemon/settings.h"
#include "net/api/access.h"
#include "net/sender/answer.h"
#include "net/sender/authorities.h"
#include "net/sender/destinations.h"
#include "net/telemetry/http_post.h"

namespace notifyd {
namespace {

constexpr int64_t kKiB = 1 << 10, kMiB = 1 << 20, kGiB = 1 << 30;
constexpr size_t kMemberNameMostBytes = 255, kSchemaNameMostBytes = 63;
constexpr int64_t kHour = 3'600'000, kDay = 24 * kHour, kYear = 366 * kDay;

/// `fields`: each takes an Options& and gives the place to write; the first one gives the default.
template <class First, class... Rest>
Setting Number(std::string name, std::string unit, int64_t least, int64_t most, std::string help, First first, Rest... rest) {
  Options defaults;
  Setting row;
  row.name = std::move(name);
  row.unit = std::move(unit);
  row.fallback = static_cast<int64_t>(first(defaults));
  row.least = least;
  row.most = most;
  row.help = std::move(help);
  row.apply = [first, rest...](const SettingValue& value, Options* options) {
    auto write = [&](auto& place) { place = static_cast<std::decay_t<decltype(place)>>(std::get<int64_t>(value)); };
    write(first(*options));
    (write(rest(*options)), ...);
  };
  row.read = [first](const Options& options) { return SettingValue(static_cast<int64_t>(first(options))); };
  return row;
}

/// A bool, a text or a list, by the type of the fields.
template <class First, class... Rest>
Setting Other(std::string name, std::string help, First first, Rest... rest) {
  using T = std::decay_t<decltype(first(std::declval<Options&>()))>;
  Options defaults;
  Setting row;
  row.name = std::move(name);
  row.fallback = first(defaults);
  row.help = std::move(help);
  row.apply = [first, rest...](const SettingValue& value, Options* options) {
    first(*options) = std::get<T>(value);
    ((rest(*options) = std::get<T>(value)), ...);
  };
  row.read = [first](const Options& options) { return SettingValue(first(options)); };
  return row;
}

Setting WithWords(Setting row, std::vector<std::string> words) {
  row.words = std::move(words);
  return row;
}

Setting WithCheck(Setting row, std::function<Status(const std::string&)> check) {
  row.check = std::move(check);
  return row;
}

Setting OfNumbers(Setting row) {
  row.numbers = true;
  return row;
}

Setting Reloadable(Setting row) {
  row.reloadable = true;
  return row;
}

Status CheckListen(const std::string& text) {
  if (text.empty()) return Status::Ok();
  Result<ListenAddress> parsed = ParseListen(text);
  return parsed.ok() ? Status::Ok() : std::move(parsed).status();
}

Status CheckMembersListen(const std::string& text) {
  if (text.empty()) return Status::Ok();
  Result<ListenAddress> parsed = ParseListen(text);
  if (parsed.ok() && !parsed->path.empty()) return Status(Code::kUnacceptable, "must be ADDR:PORT: members are on other machines");
  return parsed.ok() ? Status::Ok() : std::move(parsed).status();
}

Status CheckAdvertise(const std::string& text) {
  if (text.empty()) return Status::Ok();
  const Status form(Code::kUnacceptable, "must be HOST:PORT, such as broker-1.example:7400 or [fd00::2]:7400");
  const size_t colon = text.rfind(':');
  if (colon == text.npos || colon + 1 == text.size() || text.find_first_not_of("0123456789", colon + 1) != text.npos) return form;
  std::string host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed ? !IpAddress::Parse(host.substr(1, host.size() - 2)) : !CheckHostName(host).ok()) return form;
  const std::string digits = text.substr(colon + 1);
  if (const unsigned long port = digits.size() <= 5 ? std::stoul(digits) : 0; port < 1 || port > 65'535)
    return Status(Code::kUnacceptable, "must have a port of 1 to 65535, since the other members connect there: " + digits + " is none");
  const Result<Authority> read = ParseAuthority(host, 1);
  if (!read.ok()) return form;
  if (read->host == "0.0.0.0" || read->host == "[::]")
    return Status(Code::kUnacceptable, "must say where the other members reach this broker, and " + host +
                                           " means any address of a machine: that may stand in "
                                           "cluster.listen");
  return Status::Ok();
}

Status CheckMemberName(const std::string& text) {
  if (text.size() <= kMemberNameMostBytes && !HasControl(text) && IsValidUtf8(text)) return Status::Ok();
  return Status(Code::kUnacceptable, "must have " + std::to_string(kMemberNameMostBytes) + " bytes at most, without control characters");
}

Status CheckNotEmpty(const std::string& text) {
  return text.empty() ? Status(Code::kUnacceptable, "must not be empty") : Status::Ok();
}

/// A longer name PostgreSQL would cut off where it makes the schema, and not where it looks for one.
Status CheckSchema(const std::string& text) {
  NOTIFYD_TRY(CheckNotEmpty(text));
  if (text.size() > kSchemaNameMostBytes || !IsValidUtf8(text))
    return Status(Code::kUnacceptable, "must have " + std::to_string(kSchemaNameMostBytes) + " bytes of UTF-8 at most, as names in PostgreSQL");
  if (text.starts_with("pg_")) return Status(Code::kUnacceptable, "must not begin with pg_: such names are PostgreSQL's own");
  return Status::Ok();
}

/// Of the form that c-ares reads.
Status CheckServers(const std::string& text) {
  for (size_t from = 0; !text.empty() && from <= text.size();) {
    const size_t to = std::min(text.find(',', from), text.size());
    Result<ListenAddress> server = ParseListen(std::string_view(text).substr(from, to - from));
    if (!server.ok() || !server->path.empty() || server->port == 0)
      return Status(Code::kUnacceptable, "each must be ADDR:PORT with an IP address, such as 10.0.0.2:53 or [fd00::2]:53");
    from = to + 1;
  }
  return Status::Ok();
}

Status CheckHeaderName(const std::string& text) {
  return IsToken(text) ? Status::Ok() : Status(Code::kUnacceptable, "\"" + text + "\" is not the name of a header");
}

Status CheckOptionalUrl(const std::string& url) {
  return url.empty() ? Status::Ok() : CheckPostUrl(url);
}

Status CheckElastic(const std::string& url) {
  if (url.find_first_of("?#") != url.npos) return Status(Code::kUnacceptable, "must have no query");
  return CheckOptionalUrl(url);
}

#define FIELD(path)      \
  [](auto& o) -> auto& { \
    return o.path;       \
  }

std::vector<Setting> MakeRows() {
  std::vector<Setting> rows;
  auto add = [&](Setting row) { rows.push_back(std::move(row)); };

  add(WithCheck(
      Other("listen",
            "Address and port to listen on, IPv6 in brackets; port 0 takes a free one. Or unix:PATH. Empty: only where a [[listener]] says.",
            FIELD(listen)),
      CheckListen));
  add(WithCheck(Other("data_dir", "Directory of the store; made where it is missing. One broker a directory.", FIELD(data_dir)), CheckNotEmpty));
  add(Number("io_threads", "threads", 1, 64, "Event loops that receive and send. With one, the first shard runs in it too.", FIELD(io_threads)));
  add(Number("shards", "threads", 0, 64, "Threads that run namespaces side by side, each its own share of them; 0: half of the cores, at least 1.",
             FIELD(shards)));
  add(Reloadable(
      Number("shutdown_grace_ms", "ms", 0, kHour, "How long calls in flight may take to end after SIGTERM or SIGUSR1.", FIELD(shutdown_grace_ms))));
  add(Other("core_dumps", "Let a crash leave a core dump, which holds bodies and credentials. The unit's LimitCORE must allow it, too.",
            FIELD(core_dumps)));
  add(Other("strict_topics", "Take events only for topics that were made by PUT /v1/topics/...; else of any name.", FIELD(api.strict_topics)));

  add(Reloadable(WithWords(Other("log.level", "The least level that is logged. debug names every attempt.", FIELD(log_level)),
                           {"debug", "info", "warn", "error"})));
  add(WithWords(
      Other("log.format", "auto is text on a terminal, else JSON; one line an event, on standard error and in log.file.", FIELD(log_format)),
      {"auto", "text", "json"}));
  add(Other("log.stderr", "Log to standard error.", FIELD(log.standard_error)));
  add(Other("log.file", "A file that the log is appended to, too; SIGHUP opens it anew, so that it can be moved away. Empty: none.",
            FIELD(log.file)));
  add(Other("log.journald", "Log to systemd's journal, each field as one of its own; in place of standard error where that goes there, too.",
            FIELD(log.journald)));
  add(Other("log.syslog", "Log to syslog by this socket, which is /dev/log as a rule; empty: not.", FIELD(log.syslog)));
  add(WithCheck(Other("log.elasticsearch",
                      "Log to Elasticsearch or OpenSearch at this URL, whose path is an index or data stream (without one: notifyd-logs); user and "
                      "password may stand in it. Empty: not.",
                      FIELD(log.elasticsearch)),
                CheckElastic));
  add(WithCheck(Other("log.elasticsearch_headers", "Headers to send there, \"Name: value\" each: an API key, say.", FIELD(log.elasticsearch_headers)),
                CheckPostHeader));

  add(WithCheck(Other("otlp.endpoint",
                      "An OpenTelemetry collector that is sent spans by OTLP/HTTP, http://127.0.0.1:4318, say; /v1/traces is appended. Empty: none.",
                      FIELD(otlp.endpoint)),
                CheckOptionalUrl));
  add(WithWords(Other("otlp.encoding", "What the spans are sent as.", FIELD(otlp.encoding)), {"protobuf", "json"}));
  add(WithCheck(Other("otlp.headers", "Headers to send with them, \"Name: value\" each.", FIELD(otlp.headers)), CheckPostHeader));
  add(Other("otlp.ratio",
            "Which part of the requests that come without a traceparent begins a trace; one that comes with one is traced where that says sampled.",
            FIELD(otlp.ratio)));

  add(Reloadable(WithCheck(Other("http.hosts",
                                 "Names under which clients reach the broker, without scheme and port, besides localhost and IP addresses. A request "
                                 "for any other Host is refused (421), so that no web page can turn its own name into the broker's address.",
                                 FIELD(api.hosts)),
                           CheckHostName)));

  add(Reloadable(WithWords(
      Other("auth.mode",
            "none: whoever connects may do everything. token: a token is asked for, but of whom auth.peers or auth.certificates knows. unset: as "
            "none, where only this machine can connect; elsewhere a start is refused.",
            FIELD(auth.mode)),
      {"unset", "none", "token"})));
  add(Reloadable(
      Other("auth.bootstrap_token_file",
            "A file, for its owner alone (0600), with a token that counts while there is no valid admin token of all namespaces; empty: none.",
            FIELD(auth.bootstrap_token_file))));

  add(WithWords(Other("console.serve",
                      "Which listeners serve the web console, under /console/: those that only this machine can connect to (loopback), all of them "
                      "(everywhere), or none (nowhere). A [[listener]] whose `only` names it serves it whatever this says.",
                      FIELD(console)),
                {"loopback", "everywhere", "nowhere"}));

  add(Number("limits.body_bytes", "bytes", 1, 256 * kMiB, "Most bytes of a notify's body, as it is sent to the receiver.", FIELD(core.max_body_bytes),
             FIELD(api.max_body_bytes)));
  add(Number("limits.request_bytes", "bytes", kKiB, kGiB, "Most bytes of one request's body, unpacked where it comes as gzip.",
             FIELD(http.max_body_bytes), FIELD(api.max_request_bytes)));
  add(Number("limits.batch_items", "notifies", 1, 100'000, "Most notifies in one submit.", FIELD(api.max_batch_items)));
  add(Number("limits.line_bytes", "bytes", kKiB, kGiB, "Most bytes of one line of a bulk submit (NDJSON).", FIELD(api.max_line_bytes)));
  add(Number("limits.header_bytes", "bytes", kKiB, kMiB, "Most bytes of one request's head.", FIELD(http.max_head_bytes)));
  add(Number("limits.headers", "headers", 8, 10'000, "Most headers of one request.", FIELD(http.max_headers)));
  add(Number("limits.target_bytes", "bytes", 256, kMiB, "Most bytes of one request's path and query.", FIELD(http.max_target_bytes)));
  add(Reloadable(
      Number("limits.pending", "notifies", 1, 10'000'000'000, "Notifies that are not settled; above it submits get 429.", FIELD(core.max_pending))));
  add(Number("limits.connections", "connections", 1, 1'000'000, "Most clients connected at once, to one listener.", FIELD(http.max_connections)));
  add(Number("limits.waiters", "requests", 0, 1'000'000, "Requests that wait for the end of a notify (wait_ms) at once; above it they get 429.",
             FIELD(api.max_waiters)));
  add(Number(
      "limits.live", "requests", 0, 10'000,
      "Clients that listen to /v1/live at once; above it they get 429. A quarter of them is for tokens that administer all namespaces, and one "
      "namespace's others get a quarter an io thread at most.",
      FIELD(api.max_listeners)));
  add(Number("limits.least_bytes_per_s", "bytes", 1, kGiB,
             "A client that takes its answer more slowly for 10 s loses its connection; for half a second where others wait for memory.",
             FIELD(http.least_bytes_per_s)));
  add(Number("limits.buffered_bytes", "bytes", kMiB, 1024 * kGiB, "Most bytes of requests and answers held in memory, over all connections.",
             FIELD(http.max_buffered_bytes)));
  add(Reloadable(Number("limits.response_bytes", "bytes", kKiB, kGiB, "Most bytes that are read of a receiver's answer, where a pattern looks at it.",
                        FIELD(sender.max_response_bytes))));
  add(Reloadable(Number("limits.in_flight", "calls", 1, 100'000, "Most calls in flight in all.", FIELD(core.max_in_flight))));
  add(Number("limits.timeout_ms", "ms", 30'000, kHour, "The longest timeout_ms that a notify may ask for; a call that hangs keeps its place so long.",
             FIELD(api.max_timeout_ms)));
  add(Number("limits.idle_connections", "connections", 0, 100'000, "Connections to receivers that are kept open for reuse.",
             FIELD(sender.max_idle_connections)));
  add(Reloadable(Number("limits.connection_age_ms", "ms", 0, kDay,
                        "A connection to a receiver serves no further call once it is so old, so that a name that moved is followed.",
                        FIELD(sender.max_connection_age_ms))));

  add(Reloadable(
      Number("lanes.concurrency", "calls", 1, 100'000, "Most calls in flight of one concurrent lane.", FIELD(core.max_in_flight_per_lane))));
  add(Reloadable(Number("hosts.concurrency", "calls", 1, 100'000, "Most calls in flight to one host (name or address, and port).",
                        FIELD(core.max_in_flight_per_host))));

  add(Reloadable(Other("breaker.enabled", "Send nothing to a host to which no connection comes about, but for a probe now and then.",
                       FIELD(core.breaker.enabled))));
  add(Reloadable(Number("breaker.failures", "calls", 1, 10'000, "So many calls in a row without a connection open a host's breaker.",
                        FIELD(core.breaker.failures))));
  add(Reloadable(
      Number("breaker.ratio_percent", "percent", 1, 100, "So does this part of the last breaker.window calls.", FIELD(core.breaker.ratio_percent))));
  add(Reloadable(Number("breaker.window", "calls", 1, 1'000, "Of how many calls breaker.ratio_percent is a part.", FIELD(core.breaker.window))));
  add(Reloadable(Number("breaker.open_ms", "ms", 10, kHour,
                        "Wait until the first probe; each further wait is twice as long, up to five minutes, or this where it is more.",
                        FIELD(core.breaker.open_ms))));
  add(Reloadable(
      Number("breaker.max_wait_ms", "ms", 1'000, kYear, "Who waited at an open breaker for so long fails.", FIELD(core.breaker.max_wait_ms))));
  add(Reloadable(Number("breaker.disable_after_ms", "ms", 0, kYear,
                        "A host that was not reached for so long, probes and all, is paused until somebody resumes it; 0: never.",
                        FIELD(core.breaker.disable_after_ms))));
  Setting on_open;
  on_open.name = "breaker.on_open";
  on_open.fallback = std::string("wait");
  on_open.help = "What becomes of what is due at an open breaker: it waits, or fails at once, without an attempt.";
  on_open.apply = [](const SettingValue& value, Options* options) { options->core.breaker.fail_on_open = std::get<std::string>(value) == "fail"; };
  on_open.read = [](const Options& options) { return SettingValue(std::string(options.core.breaker.fail_on_open ? "fail" : "wait")); };
  add(Reloadable(WithWords(std::move(on_open), {"wait", "fail"})));

  add(Number("retention.succeeded_ms", "ms", 0, 100 * kYear, "How long notifies that succeeded are kept.", FIELD(core.retention_succeeded_ms),
             FIELD(store.retention_succeeded_ms)));
  add(Number("retention.settled_ms", "ms", 0, 100 * kYear, "How long failed, cancelled and expired ones are kept.", FIELD(core.retention_settled_ms),
             FIELD(store.retention_settled_ms)));
  add(Reloadable(Number("idempotency.window_ms", "ms", 0, kYear, "How long an idempotency key is remembered.", FIELD(core.idempotency_window_ms))));

  add(Number("timeouts.head_ms", "ms", 1, kDay, "Time limit for receiving a request's head.", FIELD(http.head_timeout_ms)));
  add(Number("timeouts.request_ms", "ms", 1, kDay, "Time limit for receiving a whole request.", FIELD(http.request_timeout_ms)));
  add(Number("timeouts.idle_ms", "ms", 1, kDay, "Time after which a connection without a request is closed.", FIELD(http.idle_timeout_ms)));

  add(Reloadable(Number("record.failure_bytes", "bytes", 0, kMiB, "Most bytes of the answer to a failed attempt that are kept with it.",
                        FIELD(sender.recorded_failure_bytes))));
  add(Reloadable(Number("record.success_bytes", "bytes", 0, kMiB, "Most bytes of the answer to a successful attempt that are kept with it.",
                        FIELD(sender.recorded_success_bytes))));

  add(Number("results.keep_bytes", "bytes", 0, kMiB, "The most that a notify may ask for with keep_response_bytes.", FIELD(api.max_kept_bytes)));
  add(Reloadable(WithCheck(Other("results.headers",
                                 "Headers of answers that are kept and shown with them, besides Content-Type, Content-Language, ETag, Last-Modified, "
                                 "Location and Retry-After; never Set-Cookie.",
                                 FIELD(sender.capture_headers)),
                           CheckShownHeader)));
  add(Number("results.memory_bytes", "bytes", kMiB, 1024 * kGiB,
             "Most bytes of answers that are kept or waited for, in memory at once; one that finds no room is read later, and cut after 10 s.",
             FIELD(sender.max_captured_bytes)));

  add(Reloadable(WithCheck(
      Other("destinations.allow", "CIDR ranges that may be called although a rule below or a built-in one denies them.", FIELD(sender.allow)),
      DestinationPolicy::CheckAllowed)));
  add(Reloadable(
      WithCheck(Other("destinations.deny",
                      "CIDR ranges refused besides link-local, multicast, unspecified and cloud-metadata ones; \"private\": all that are not public.",
                      FIELD(sender.deny)),
                DestinationPolicy::CheckDenied)));
  add(Other("destinations.https_only", "Call by https only, where a namespace does not say otherwise.", FIELD(sender.https_only)));
  add(OfNumbers(
      WithCheck(Other("destinations.ports", "Ports that may be called, where a namespace does not say others; none: any.", FIELD(sender.ports)),
                DestinationPolicy::CheckPort)));
  add(WithCheck(Other("destinations.ca_file", "PEM file of the authorities that https receivers are to be certified by; empty: the system's.",
                      FIELD(sender.ca_file)),
                [](const std::string& file) { return file.empty() ? Status::Ok() : CheckAuthorities(file); }));
  add(WithCheck(
      Other("dns.servers",
            "Name servers that receivers and services are looked up at, address:port, several with commas; empty: as /etc/resolv.conf says.",
            FIELD(sender.resolver.servers)),
      CheckServers));
  add(Reloadable(Other("redirects.follow", "Follow up to 5 redirects of a receiver.", FIELD(sender.follow_redirects))));
  add(Reloadable(WithCheck(Other("secrets.headers",
                                 "Headers shown as ***, besides Authorization, Cookie, Proxy-Authorization, and those that end in -Key (but "
                                 "Idempotency-Key), -Token or -Secret.",
                                 FIELD(api.secret_headers), FIELD(sender.secret_headers)),
                           CheckHeaderName)));
  add(Other("metrics.namespaces",
            "Let /metrics have figures of each namespace, too, under names of their own: some 14 lines for each of at most 1000, the first by name.",
            FIELD(api.metrics_of_namespaces)));

  add(Reloadable(Other("mail.server",
                       "Server that takes mail for alerts: smtp://HOST:PORT, which must offer STARTTLS, or smtps://HOST:PORT; empty: none.",
                       FIELD(mail.server))));
  add(Reloadable(Other("mail.from", "Address that mail comes from.", FIELD(mail.from))));
  add(Reloadable(Other("mail.user", "Who the broker says it is to the server; empty: nobody.", FIELD(mail.user))));
  add(Reloadable(Other("mail.password_file", "A file with the password of mail.user.", FIELD(mail.password_file))));
  add(Reloadable(
      Other("mail.ca_file", "PEM file of the authorities that the server is to be certified by; empty: the system's.", FIELD(mail.ca_file))));
  add(Reloadable(WithWords(
      Other("mail.tls", "required: mail goes by TLS, or not at all. none: not even with STARTTLS; then there is no mail.user.", FIELD(mail.tls)),
      {"required", "none"})));

  add(Number("memory.lookahead_ms", "ms", 100, kHour, "What is due within this time is held in memory.", FIELD(core.lookahead_ms)));
  add(Number("memory.loaded", "notifies", 64, 100'000'000, "Most notifies held in memory at once.", FIELD(core.max_loaded)));
  add(Number("memory.loaded_per_lane", "notifies", 2, 1'000'000, "Most notifies of one lane held in memory; its tail stays on disk.",
             FIELD(core.max_loaded_per_lane)));
  add(Number("memory.lanes_per_host", "lanes", 2, 1'000'000, "Most lanes of one host that wait in memory; others stay on disk.",
             FIELD(core.max_waiting_lanes_per_host)));
  add(Number("memory.spec_bytes", "bytes", 0, 64 * kGiB, "Bodies and headers held with notifies in memory; others are read for their attempt.",
             FIELD(core.max_spec_bytes)));
  add(Number("memory.page_items", "notifies", 2, 100'000, "Most notifies read from the store at once.", FIELD(core.page_items)));

  add(Number("storage.cache_bytes", "bytes", 4 * kMiB, 1024 * kGiB, "Block cache, which indexes, filters and memtables are charged to.",
             FIELD(store.block_cache_bytes)));
  add(Number("storage.memtable_bytes", "bytes", kMiB, 16 * kGiB, "Size of one memtable.", FIELD(store.memtable_bytes)));
  add(Number("storage.wal_bytes", "bytes", kMiB, 64 * kGiB, "Most bytes of the write-ahead log; bounds the time that a start takes.",
             FIELD(store.max_wal_bytes)));
  add(Number("storage.reader_threads", "threads", 1, 64, "Threads that read the disk.", FIELD(store.reader_threads)));
  add(Number("storage.min_free_bytes", "bytes", 0, 1024 * kGiB,
             "Submits get 507 when less than this is free on the disk; the default shrinks to a quarter of a small disk. What memtables and a "
             "compaction may take for a moment (as much as the tables hold, 256 MiB at most) does not count as free.",
             FIELD(store.min_free_bytes)));
  add(Number("storage.sync_delay_ms", "ms", 0, 50, "Longest time until the end of an attempt is synced to disk.", FIELD(core.sync_delay_ms)));
  add(WithWords(
      Other("store.engine",
            "Where the store lies: rocksdb, in data_dir, or postgres, in a PostgreSQL of version 15 or later, whose durability and standbys it "
            "has then (docs/cluster.md).",
            FIELD(store.engine)),
      {"rocksdb", "postgres"}));
  add(Other("store.postgres.dsn",
            "Of store.engine postgres: where it is, as libpq reads it, keywords or a URL (host=db1,db2 dbname=notifyd user=notifyd "
            "sslmode=verify-full). A password better stands in a passfile; it is in no log.",
            FIELD(store.postgres.dsn)));
  add(Number("store.postgres.connections", "connections", 1, 64, "Over how many connections namespaces are written; each is over one.",
             FIELD(store.postgres.connections)));
  add(Other("store.postgres.require_standby",
            "Nothing is written while the server's synchronous_standby_names is empty. Without it that is said at the start.",
            FIELD(store.postgres.require_standby)));
  add(WithCheck(
      Other(
          "store.postgres.schema",
          "The schema of the store, and of each of its cells; it is made where it is missing. One store a schema. 63 bytes at most, and no name that "
          "begins with pg_.",
          FIELD(store.postgres.schema)),
      CheckSchema));
  add(Other("store.encryption_key_file",
            "A file, for its owner alone (0600), with the keys that seal what is stored of notifies: one a line, 32 bytes as base64 or hex (openssl "
            "rand -base64 32). The first one seals, the others open what they sealed before; notifyd rekey seals all by the first. Empty: nothing is "
            "sealed.",
            FIELD(store.encryption_key_file)));
  add(WithCheck(
      Other("cluster.advertise",
            "Address and port at which the other brokers of the same store reach this one, a name will do. With it this broker is a member of "
            "their cluster: what another one serves is passed on to that. Empty: it is alone.",
            FIELD(cluster.advertise)),
      CheckAdvertise));
  add(WithCheck(Other("cluster.listen",
                      "Address and port to listen on for the other members, where cluster.advertise is a name, or leads here another way. Empty: "
                      "cluster.advertise.",
                      FIELD(cluster.listen)),
                CheckMembersListen));
  add(Other("cluster.cert_file",
            "PEM file of the certificate that this member shows the others, as server and as client; it is for the host of cluster.advertise.",
            FIELD(cluster.cert_file)));
  add(Other("cluster.key_file", "PEM file of its key.", FIELD(cluster.key_file)));
  add(Other("cluster.ca_file", "PEM file of the authorities that certify members, and nobody else: who shows a certificate of theirs is one.",
            FIELD(cluster.ca_file)));
  add(Other("cluster.insecure", "Let members talk without TLS. Whoever can connect to cluster.listen may then do everything, in anybody's name.",
            FIELD(cluster.insecure)));
  add(WithCheck(Other("cluster.name", "The name of this broker among the members; no two have the same. Empty: what cluster.advertise says.",
                      FIELD(cluster.name)),
                CheckMemberName));
  add(Other("backup.directory",
            "Where notifyctl backup makes backups: a directory for that alone, outside of data_dir, better on another disk; it is made where it is "
            "not there. Empty: none are made.",
            FIELD(store.backup_directory)));
  return rows;
}

#undef FIELD

}  // namespace

const std::vector<Setting>& AllSettings() {
  static const std::vector<Setting> rows = MakeRows();
  return rows;
}

}  // namespace notifyd
