#include "bench/payload.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "base/random.h"

namespace notifyd::bench {
namespace {

constexpr uint64_t kPoolBytes = 8 << 20;
constexpr uint64_t kMostBodies = 16'384;
constexpr uint64_t kFieldsFrom = 240;  // below, a body has words alone

constexpr std::string_view kKinds[] = {"order.created",   "order.paid",        "order.shipped", "order.refunded",
                                       "invoice.created", "invoice.paid",      "user.updated",  "user.signed_up",
                                       "payment.failed",  "payment.succeeded", "stock.low",     "parcel.delivered"};
constexpr std::string_view kNames[] = {"anna", "bert", "clara", "david", "emil", "frieda", "greta",  "hugo", "ines",   "jonas",  "karla", "leo",
                                       "mia",  "nora", "oscar", "paula", "quin", "rosa",   "stella", "tim",  "ursula", "viktor", "wilma", "yusuf"};
constexpr std::string_view kHosts[] = {"example.com", "example.org", "mail.example.net", "post.example", "shop.example", "office.example"};
constexpr std::string_view kMoney[] = {"EUR", "USD", "GBP", "CHF", "SEK", "JPY"};
constexpr std::string_view kWords[] = {
    "the",    "a",        "of",    "for",    "and",      "to",       "in",     "was",    "parcel", "order",   "left",    "warehouse", "customer",
    "asked",  "that",     "we",    "call",   "before",   "noon",     "blue",   "green",  "small",  "large",   "cotton",  "leather",   "shirt",
    "shoes",  "lamp",     "table", "coffee", "gift",     "wrap",     "please", "leave",  "with",   "next",    "door",    "second",    "floor",
    "ring",   "twice",    "paid",  "by",     "card",     "transfer", "late",   "early",  "monday", "tuesday", "friday",  "week",      "delivery",
    "return", "exchange", "size",  "colour", "discount", "voucher",  "spring", "winter", "north",  "south",   "station", "street",    "garden",
    "bag",    "box",      "two",   "three",  "twelve",   "each",     "other",  "number", "again",  "soon"};

template <size_t N>
std::string_view AnyOf(Random* random, const std::string_view (&list)[N]) {
  return list[random->Below(N)];
}

/// Letters and digits, as ids have.
std::string Id(Random* random, size_t length) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  std::string id;
  while (id.size() < length) id += kLetters[random->Below(kLetters.size())];
  return id;
}

/// What follows the number, up to the end of the words: `least` bytes or a few more. Words come last, since they may be cut anywhere.
std::string Tail(Random* random, uint64_t least) {
  std::string tail;
  if (least >= kFieldsFrom) {
    auto out = std::back_inserter(tail);
    fmt::format_to(out, R"(,"id":"evt_{}","type":"{}","created":{})", Id(random, 16), AnyOf(random, kKinds),
                   1'760'000'000 + random->Below(30'000'000));
    fmt::format_to(out, R"(,"customer":{{"id":"cus_{}","email":"{}.{}{}@{}"}})", Id(random, 12), AnyOf(random, kNames), AnyOf(random, kNames),
                   random->Below(100), AnyOf(random, kHosts));
    fmt::format_to(out, R"(,"amount":{}.{:02},"currency":"{}")", random->Below(500), random->Below(100), AnyOf(random, kMoney));
  }
  tail += R"(,"note":")";
  while (tail.size() < least) tail.append(AnyOf(random, kWords)).append(" ");
  return tail;
}

}  // namespace

Payloads::Payloads(uint64_t seed, uint64_t bytes) : bytes_(bytes) {
  Random random(seed);
  uint64_t bodies = std::clamp<uint64_t>(kPoolBytes / bytes, 16, kMostBodies);
  for (uint64_t i = 0; i < bodies; ++i) pool_.push_back(Tail(&random, bytes));
}

void Payloads::Append(uint64_t number, std::string* out) const {
  constexpr std::string_view kEnd = "\"}";
  size_t begin = out->size();
  fmt::format_to(std::back_inserter(*out), "{{\"n\":{}", number);
  size_t left = bytes_ - (out->size() - begin) - kEnd.size();
  // The tail of a body of 40 bytes and more is longer than what is left: its fields and the beginning of the words always fit.
  out->append(pool_[number % pool_.size()], 0, left).append(kEnd);
}

}  // namespace notifyd::bench
