// For receivers of the broker's calls: Verifier tells those that the broker signed (Standard Webhooks) from others, Dedup those that were done
// already. Over OpenSSL's libcrypto; apart from notifyd/client.h, so that who only submits does not need it.
#pragma once

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace notifyd {

/// Why a call is not taken for the broker's.
enum class Fault {
  kMissingHeader,  // webhook-id, webhook-timestamp or webhook-signature is not there
  kBadTimestamp,   // webhook-timestamp is no number of seconds
  kTooOld,         // it was sent longer ago than the tolerance
  kTooNew,         // it is of the future, by more than the tolerance
  kNoMatch,        // none of its signatures is of one of the keys
};

inline const char* NameOf(Fault fault) {
  constexpr const char* kNames[] = {"missing_header", "bad_timestamp", "too_old", "too_new", "no_match"};
  return kNames[static_cast<std::size_t>(fault)];
}

class VerifyError : public std::runtime_error {
 public:
  explicit VerifyError(Fault why) : std::runtime_error(std::string("notifyd: the call is not verified: ") + NameOf(why)), fault(why) {}
  Fault fault;
};

/// What a signed call says of itself.
struct Verified {
  std::string id;  // the notify's, as Notify-Id
  std::int64_t timestamp_s = 0;
};

/// Knows the keys by which calls may be signed: during a rotation the old and the new one. May be used by several threads.
class Verifier {
 public:
  /// Keys as the broker shows them: "whsec_..." of HMAC-SHA256 (signatures v1), "whpk_..." the public key of Ed25519 (v1a). Throws
  /// std::invalid_argument for one that is none, and for none at all. `tolerance`: how far a call's time may lie from the clock, either way. `now_s`:
  /// the clock; empty: the system's.
  explicit Verifier(const std::vector<std::string>& keys, std::chrono::seconds tolerance = std::chrono::minutes(5),
                    std::function<std::int64_t()> now_s = {})
      : tolerance_(tolerance), now_s_(std::move(now_s)) {
    if (keys.empty()) throw std::invalid_argument("notifyd: without a key nothing can be verified");
    for (const std::string& key : keys) AddKey(key);
  }

  /// `headers`: pairs of name (in any case) and value, as a map or a list of them. `body`: as it came, byte for byte. Throws a VerifyError.
  template <class Headers>
  Verified Verify(const Headers& headers, std::string_view body) const {
    std::string id, timestamp, signatures;
    for (const auto& [name, value] : headers) {
      if (Is(name, "webhook-id")) id = value;
      if (Is(name, "webhook-timestamp")) timestamp = value;
      if (Is(name, "webhook-signature")) signatures = value;
    }
    if (id.empty() || timestamp.empty() || signatures.empty()) throw VerifyError(Fault::kMissingHeader);
    Verified verified{id, SecondsOf(timestamp)};
    // What is signed is id.time.body: with a dot in the id it could be read in two ways. Notifyd's have none.
    if (id.find('.') != std::string::npos) throw VerifyError(Fault::kNoMatch);
    const std::string content = id + "." + timestamp + "." + std::string(body);
    const std::vector<std::string> macs = MacsOf(content);
    for (std::size_t begin = 0; begin <= signatures.size();) {
      const std::size_t end = std::min(signatures.find(' ', begin), signatures.size());
      if (Matches(std::string_view(signatures).substr(begin, end - begin), content, macs)) return verified;
      begin = end + 1;
    }
    throw VerifyError(Fault::kNoMatch);
  }

 private:
  static constexpr std::size_t kEd25519KeyBytes = 32;

  struct FreeKey {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };
  struct FreeDigest {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };

  static bool Is(std::string_view name, std::string_view lower) {
    if (name.size() != lower.size()) return false;
    for (std::size_t i = 0; i < name.size(); ++i)
      if ((name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]) != lower[i]) return false;
    return true;
  }

  /// The bytes of canonical base64, or nothing. One text has one signature, so what is not canonical is none.
  static std::optional<std::string> Decoded(std::string_view text) {
    if (text.empty() || text.size() % 4 != 0 || text.size() > 4096) return std::nullopt;
    std::string bytes(text.size() / 4 * 3, '\0'), again(text.size() + 1, '\0');
    auto* to = reinterpret_cast<unsigned char*>(bytes.data());
    if (EVP_DecodeBlock(to, reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size())) < 0) return std::nullopt;
    const std::size_t padding = text.size() - std::min(text.find('='), text.size());
    if (padding > 2) return std::nullopt;
    bytes.resize(bytes.size() - padding);
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(again.data()), to, static_cast<int>(bytes.size()));
    if (std::string_view(again).substr(0, text.size()) != text) return std::nullopt;
    return bytes;
  }

  void AddKey(const std::string& key) {
    const std::size_t line = std::min(key.find('_'), key.size());
    const std::string kind = key.substr(0, line);
    const std::optional<std::string> bytes = line < key.size() ? Decoded(std::string_view(key).substr(line + 1)) : std::nullopt;
    if (bytes && kind == "whsec") {
      secrets_.push_back(*bytes);
    } else if (bytes && kind == "whpk" && bytes->size() == kEd25519KeyBytes) {
      EVP_PKEY* made = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(bytes->data()), bytes->size());
      if (made == nullptr) throw std::invalid_argument("notifyd: OpenSSL does not take the public key");
      public_.emplace_back(made);
    } else {
      throw std::invalid_argument("notifyd: a key is whsec_ with base64 behind it, or whpk_ with base64 of 32 bytes");
    }
  }

  /// The seconds of a timestamp that lies within the tolerance.
  std::int64_t SecondsOf(const std::string& timestamp) const {
    constexpr std::size_t kMostDigits = 18;  // that a signed number of 64 bits always holds
    if (timestamp.size() > kMostDigits || timestamp.find_first_not_of("0123456789") != std::string::npos) throw VerifyError(Fault::kBadTimestamp);
    const std::int64_t at_s = std::stoll(timestamp);
    const std::int64_t now_s = now_s_ ? now_s_() : std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    if (now_s - at_s > tolerance_.count()) throw VerifyError(Fault::kTooOld);
    if (at_s - now_s > tolerance_.count()) throw VerifyError(Fault::kTooNew);
    return at_s;
  }

  bool Matches(std::string_view signature, const std::string& content, const std::vector<std::string>& macs) const {
    const std::size_t comma = signature.find(',');
    if (comma == std::string_view::npos) return false;
    const std::optional<std::string> given = Decoded(signature.substr(comma + 1));
    const std::string_view version = signature.substr(0, comma);
    if (given && version == "v1") return MatchesSecret(*given, macs);
    if (given && version == "v1a") return MatchesPublic(*given, content);
    return false;
  }

  /// Once a key: whoever is not the broker may send thousands of signatures.
  std::vector<std::string> MacsOf(const std::string& content) const {
    std::vector<std::string> macs;
    for (const std::string& secret : secrets_) {
      std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
      unsigned size = 0;
      const auto* text = reinterpret_cast<const unsigned char*>(content.data());
      if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), text, content.size(), mac.data(), &size) == nullptr) continue;
      macs.emplace_back(reinterpret_cast<const char*>(mac.data()), size);
    }
    return macs;
  }

  static bool MatchesSecret(const std::string& given, const std::vector<std::string>& macs) {
    const auto same = [&](const std::string& mac) { return given.size() == mac.size() && CRYPTO_memcmp(given.data(), mac.data(), mac.size()) == 0; };
    return std::any_of(macs.begin(), macs.end(), same);
  }

  bool MatchesPublic(const std::string& given, const std::string& content) const {
    const auto bytes = [](const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); };
    for (const auto& key : public_) {
      std::unique_ptr<EVP_MD_CTX, FreeDigest> context(EVP_MD_CTX_new());
      if (context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
          EVP_DigestVerify(context.get(), bytes(given), given.size(), bytes(content), content.size()) == 1)
        return true;
    }
    return false;
  }

  std::chrono::seconds tolerance_;
  std::function<std::int64_t()> now_s_;
  std::vector<std::string> secrets_;
  std::vector<std::unique_ptr<EVP_PKEY, FreeKey>> public_;
};

/// Whether a call is signed by one of the keys, within five minutes of now. Throws a VerifyError, or as Verifier for a key that is none.
template <class Headers>
Verified Verify(const Headers& headers, std::string_view body, const std::vector<std::string>& keys) {
  return Verifier(keys).Verify(headers, body);
}

/// What a Dedup answers.
enum class Claim {
  kNew,   // nobody has done it: do the work, then call Finish or Release
  kBusy,  // somebody is at it: answer 503, so that the broker comes again
  kDone,  // it was done: do nothing, and answer as it was answered then
};

/// Remembers the Notify-Id of what was done, so that a call that comes again is not done again. It lives in the memory of one process: where several
/// take the calls, or one must know after a restart, do the same steps in their database, Finish in the transaction of the work. Ids are those of one
/// broker: of several put a word of each before them. May be used by several threads.
class Dedup {
 public:
  using Time = std::chrono::milliseconds;

  /// Remembers `capacity` ids, the oldest goes first, each for `ttl`: longer than the broker goes on trying. `now`: a clock that does not go back;
  /// empty: the system's steady one. Of answers `answer_bytes` are kept in all, the latest ones; an id stays where its answer goes: that work is done
  /// twice would be worse than that its repeat is answered otherwise.
  explicit Dedup(std::size_t capacity = 100000, Time ttl = std::chrono::hours(24), std::function<Time()> now = {},
                 std::size_t answer_bytes = std::size_t{16} << 20)
      : capacity_(capacity), ttl_(ttl), now_(std::move(now)), answer_bytes_(answer_bytes) {}

  /// Asks to do the work of the call with this id. Behind kNew either Finish or Release follows; where neither does, the claim ends with its time.
  notifyd::Claim Claim(const std::string& id) {
    std::lock_guard<std::mutex> lock(mutex_);
    const Time now = Now();
    while (!by_age_.empty() && now - by_age_.front().at >= ttl_) Forget(by_age_.begin());
    auto found = known_.find(id);
    if (found != known_.end()) return found->second->done ? notifyd::Claim::kDone : notifyd::Claim::kBusy;
    Remember({id, now, false, {}});
    return notifyd::Claim::kNew;
  }

  /// The work is done, and was answered so: what Answer is to give to its repeats.
  void Finish(const std::string& id, const std::string& answer = {}) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = known_.find(id);
    if (found != known_.end()) Forget(found->second);
    Remember({id, Now(), true, answer});
  }

  /// What Finish was given for this id; empty where it is not kept.
  std::string Answer(const std::string& id) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = known_.find(id);
    return found == known_.end() ? std::string() : found->second->answer;
  }

  /// The work was not done: the next call with this id does it.
  void Release(const std::string& id) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = known_.find(id);
    if (found != known_.end() && !found->second->done) Forget(found->second);
  }

 private:
  struct Entry {
    std::string id;
    Time at;
    bool done;
    std::string answer;
  };

  Time Now() const { return now_ ? now_() : std::chrono::duration_cast<Time>(std::chrono::steady_clock::now().time_since_epoch()); }
  void Remember(Entry entry) {
    used_ += entry.answer.size();
    by_age_.push_back(std::move(entry));
    const auto last = std::prev(by_age_.end());
    known_[last->id] = last;
    if (answered_ == by_age_.end()) answered_ = last;
    while (by_age_.size() > capacity_) Forget(by_age_.begin());
    for (; used_ > answer_bytes_; ++answered_) {
      used_ -= answered_->answer.size();
      answered_->answer = std::string();
    }
  }
  void Forget(std::list<Entry>::iterator entry) {
    if (entry == answered_) ++answered_;
    used_ -= entry->answer.size();
    known_.erase(entry->id);
    by_age_.erase(entry);
  }

  std::size_t capacity_;
  Time ttl_;
  std::function<Time()> now_;
  std::size_t answer_bytes_;
  std::mutex mutex_;
  std::list<Entry> by_age_;                              // oldest first
  std::list<Entry>::iterator answered_ = by_age_.end();  // before it none has an answer any more
  std::size_t used_ = 0;                                 // by answers
  std::unordered_map<std::string, std::list<Entry>::iterator> known_;
};

}  // namespace notifyd
