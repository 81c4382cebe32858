// What is said to a broker as it starts, beside its file of settings: addresses to listen at, names to watch, keys to sign by, where a store is moved
// from and to, and the sockets that a process hands over. Each text is refused, or reads as one thing, whose own text reads as the same. Input: which
// of them (1 byte), then the text.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"
#include "cli/daemon/handover.h"
#include "cli/daemon/settings_listeners.h"
#include "cli/daemon/store_engines.h"
#include "net/sender/name_watch.h"
#include "net/signing/webhook.h"

using namespace notifyd;

namespace {

void ReadHandover(std::string_view text) {
  constexpr pid_t kProcess = 4242;
  // Runs of millions of numbers are taken, and take their time: here no number of a socket has more digits than this.
  size_t digits = 0;
  for (const char c : text.substr(0, text.rfind(';'))) {
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    if (digits > 4) return;
  }
  Result<Handover> handover = DecodeHandover(std::to_string(kProcess) + ";" + std::string(text), kProcess);
  if (!handover.ok()) {
    CHECK(handover.status().code() == Code::kUnacceptable);
    return;
  }
  for (const int fd : handover->listening) CHECK(fd > STDERR_FILENO);
  const std::string said = EncodeHandover(&*handover, kProcess);
  Result<Handover> again = DecodeHandover(said, kProcess);
  CHECK(again.ok());
  CHECK(again->listening == handover->listening && again->connections == handover->connections);
  CHECK(again->owner == handover->owner);
}

void ReadListen(std::string_view text) {
  const Result<ListenAddress> listen = ParseListen(text);
  if (!listen.ok()) CHECK(listen.status().code() == Code::kUnacceptable && !listen.status().detail().empty());
}

void ReadName(std::string_view text) {
  const Result<WatchedName> name = ParseWatchedName(text);
  if (!name.ok()) return;
  CHECK(!name->name.empty() && name->name.back() != '.');
  const Result<WatchedName> again = ParseWatchedName(name->port == 0 ? name->name : name->name + ":" + std::to_string(name->port));
  CHECK(again.ok() && again->name == name->name && again->port == name->port);
}

void ReadKey(std::string_view text) {
  const Result<KeyText> key = ParseKeyText(text);
  if (!key.ok()) {
    // What stands behind its prefix is secret; a text without one may be a part of what is always said.
    if (text.starts_with("whsec_") || text.starts_with("whsk_")) CHECK(text.size() < 12 || key.status().detail().find(text) == std::string::npos);
    return;
  }
  const Result<KeyText> again = ParseKeyText(FormatKeyText(key->kind, key->secret));
  CHECK(again.ok() && again->kind == key->kind && again->secret == key->secret);
}

void ReadEnd(const std::string& text) {
  StoreOptions options;
  options.directory = "/default";
  options.encryption_key_file = "/keys";
  const Result<MoveEnd> end = ReadMoveEnd(text, options);
  const bool uri = text.starts_with("postgres://") || text.starts_with("postgresql://");
  const std::string_view engine = uri ? "postgres" : std::string_view(text).substr(0, text.find(':'));
  const bool rocks = engine == "rocksdb", known = rocks || engine == "postgres";
  if (!end.ok()) {
    CHECK(end.status().code() == Code::kUnacceptable);
    CHECK(!known || text.ends_with(':') || text == "postgres");
    // It may be a DSN, with a password: what is said of it is always the same.
    static const std::string kSaid = ReadMoveEnd("?", options).status().detail();
    CHECK(known || end.status().detail() == kSaid);
    return;
  }
  CHECK(known);
  // All behind the first colon is the place, whatever stands there; a URI is one as it is.
  const std::string place = uri ? text : text.size() == engine.size() ? "/default" : text.substr(engine.size() + 1);
  CHECK(!place.empty() && end->directory() == (rocks ? place : ""));
  const Result<MoveEnd> other = ReadMoveEnd(rocks ? "postgres:dbname=x" : "rocksdb:/x", options);
  CHECK(other.ok() && !CheckMove(*end, *end).ok() && CheckMove(*end, *other).ok() == !rocks && CheckMove(*other, *end).ok() == rocks);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      ReadHandover(text);
      break;
    case 1:
      ReadListen(text);
      break;
    case 2:
      ReadName(text);
      break;
    case 3:
      ReadKey(text);
      break;
    default:
      ReadEnd(std::string(text));
  }
  return 0;
}
