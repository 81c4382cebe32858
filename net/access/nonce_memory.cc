#include "net/access/nonce_memory.h"

#include <algorithm>
#include <string>

#include "base/crypto.h"

namespace notifyd {
namespace {

constexpr int64_t kEachMs = 60'000;
constexpr size_t kFirstPlaces = 64;
constexpr size_t kCountBytes = 48;  // of a token's count

}  // namespace

/// A set of prints that is forgotten as a whole: open addressing.
class NonceMemory::Minute {
 public:
  explicit Minute(int64_t minute) : number(minute), places_(kFirstPlaces) {}

  bool Has(const Fingerprint& print) const { return places_[PlaceOf(print)] == print; }
  void Add(const Fingerprint& print) {
    if (3 * (size_ + 1) > 2 * places_.size()) Grow();
    places_[PlaceOf(print)] = print;
    ++size_;
  }
  /// Whatever stands behind it, up to the next free place, is found without it, too.
  void Remove(const Fingerprint& print) {
    size_t free = PlaceOf(print);
    if (places_[free] != print) return;
    const size_t mask = places_.size() - 1;
    for (size_t next = (free + 1) & mask; places_[next] != Fingerprint(); next = (next + 1) & mask) {
      const size_t wanted = places_[next].low & mask;
      if (((next - wanted) & mask) < ((next - free) & mask)) continue;  // it is not looked for here
      places_[free] = places_[next];
      free = next;
    }
    places_[free] = Fingerprint();
    --size_;
  }
  size_t size() const { return size_; }
  size_t bytes() const { return places_.size() * sizeof(Fingerprint) + of_token.size() * kCountBytes; }

  const int64_t number;  // all in it are forgotten once this minute is over
  std::unordered_map<uint64_t, size_t> of_token;  // how many of them are whose; none is 0

 private:
  /// Where it is, or would be. Zero is "nothing here": a print of zero is made another one before it comes here.
  size_t PlaceOf(const Fingerprint& print) const {
    size_t place = print.low & (places_.size() - 1);
    while (places_[place] != Fingerprint() && places_[place] != print) place = (place + 1) & (places_.size() - 1);
    return place;
  }
  void Grow() {
    std::vector<Fingerprint> old(places_.size() * 2);
    old.swap(places_);
    for (const Fingerprint& print : old)
      if (print != Fingerprint()) places_[PlaceOf(print)] = print;
  }

  std::vector<Fingerprint> places_;  // a power of two of them
  size_t size_ = 0;
};

NonceMemory::NonceMemory(size_t most) : most_(most) {
  const std::string bytes = RandomBytes(16);
  Decoder decoder(bytes);
  salt_ = {decoder.Big64(), decoder.Big64()};
}

NonceMemory::~NonceMemory() = default;

Fingerprint NonceMemory::Hash(std::string_view token_id, std::string_view nonce) const {
  // A hash that nobody outside can aim: salted, and cryptographic, since the holder of one token chooses what comes in here.
  std::string text;
  Encoder encoder(&text);
  encoder.Big64(salt_.high);
  encoder.Big64(salt_.low);
  encoder.Text(token_id);
  encoder.Text(nonce);
  const Digest256 digest = Sha256(text);
  Decoder decoder(BytesOf(digest));
  Fingerprint print{decoder.Big64(), decoder.Big64()};
  if (print == Fingerprint()) print.low = 1;
  return print;
}

void NonceMemory::Forget(uint64_t token, size_t count) {
  size_ -= count;
  if (auto found = of_token_.find(token); (found->second -= count) == 0) of_token_.erase(found);
}

NonceMemory::Answer NonceMemory::Add(std::string_view token_id, std::string_view nonce, WallTime until, WallTime now, Taken* taken) {
  const Fingerprint print = Hash(token_id, nonce);
  const uint64_t token = Hash(token_id, {}).low;

  std::lock_guard lock(mutex_);
  std::erase_if(minutes_, [&](const std::unique_ptr<Minute>& minute) {
    const bool over = (minute->number + 1) * kEachMs <= now.ms;
    if (over)
      for (const auto& [of, count] : minute->of_token) Forget(of, count);
    return over;
  });
  for (const std::unique_ptr<Minute>& minute : minutes_)
    if (minute->Has(print)) return Answer::kSeen;
  auto own = of_token_.find(token);
  if (size_ >= most_ || (own != of_token_.end() && own->second >= most_ - size_)) return Answer::kFull;
  const int64_t number = until.ms / kEachMs;
  auto found = std::find_if(minutes_.begin(), minutes_.end(), [&](const auto& minute) { return minute->number == number; });
  if (found == minutes_.end()) found = minutes_.insert(minutes_.end(), std::make_unique<Minute>(number));
  (*found)->Add(print);
  ++(*found)->of_token[token];
  ++of_token_[token];
  ++size_;
  if (taken) *taken = {print, number, token};
  return Answer::kNew;
}

void NonceMemory::GiveBack(const Taken& taken) {
  std::lock_guard lock(mutex_);
  for (const std::unique_ptr<Minute>& minute : minutes_) {
    if (minute->number != taken.minute) continue;
    const size_t before = minute->size();
    minute->Remove(taken.print);
    if (minute->size() == before) continue;
    if (auto own = minute->of_token.find(taken.token); --own->second == 0) minute->of_token.erase(own);
    Forget(taken.token, 1);
  }
}

size_t NonceMemory::size() const {
  std::lock_guard lock(mutex_);
  return size_;
}

size_t NonceMemory::bytes() const {
  std::lock_guard lock(mutex_);
  size_t sum = 0;
  for (const std::unique_ptr<Minute>& minute : minutes_) sum += minute->bytes();
  return sum;
}

}  // namespace notifyd
