#include "broker/figures.h"

#include <algorithm>
#include <bit>

namespace notifyd {

size_t DurationCounts::SizeOf(int64_t ms) {
  if (ms < 2) return ms < 1 ? 0 : 1;
  const int octave = static_cast<int>(std::bit_width(static_cast<uint64_t>(ms))) - 1;
  const size_t upper_half = static_cast<size_t>(ms >> (octave - 1)) & 1;
  return std::min(2 * static_cast<size_t>(octave) + upper_half, kSizes - 1);
}

int64_t DurationCounts::LeastOf(size_t size) {
  if (size < 2) return static_cast<int64_t>(size);
  const int64_t half = int64_t{1} << (size / 2 - 1);
  return 2 * half + (size % 2 == 1 ? half : 0);
}

uint64_t DurationCounts::count() const {
  uint64_t sum = 0;
  for (uint32_t n : of) sum += n;
  return sum;
}

std::optional<int64_t> DurationCounts::AtPerMille(int per_mille) const {
  const uint64_t all = count();
  if (all == 0) return std::nullopt;
  uint64_t left = (all * static_cast<uint64_t>(per_mille) + 999) / 1000;
  size_t size = 0;
  while (of[size] < left) left -= of[size++];
  // As if those of one size lay evenly over what that spans.
  const int64_t least = LeastOf(size), most = size + 1 < kSizes ? LeastOf(size + 1) - 1 : least;
  return least + (most - least) * static_cast<int64_t>(left) / of[size];
}

DurationCounts& DurationCounts::operator+=(const DurationCounts& other) {
  for (size_t i = 0; i < kSizes; ++i) of[i] += other.of[i];
  return *this;
}

RateCounts& RateCounts::operator+=(const RateCounts& other) {
  for (auto count : {&RateCounts::accepted, &RateCounts::succeeded, &RateCounts::failed, &RateCounts::attempts, &RateCounts::attempts_failed})
    this->*count += other.*count;
  return *this;
}

SpanCounts& SpanCounts::operator+=(const SpanCounts& other) {
  for (auto count : kCounts) this->*count += other.*count;
  durations += other.durations;
  latenesses += other.latenesses;
  return *this;
}

}  // namespace notifyd
