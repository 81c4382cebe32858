#include "broker/scheduled_text.h"

namespace notifyd {
namespace {

/// Searches `what` in json[from, until).
size_t Find(std::string_view json, std::string_view what, size_t from, size_t until, size_t* looked) {
  const size_t found = json.substr(0, until).find(what, from);
  if (looked) *looked += (found == std::string_view::npos ? until : found + what.size()) - from;
  return found;
}

}  // namespace

/// kScheduledAt has braces that no JSON has outside of strings, and nothing that is written with an escape.
std::string AtTime(std::string_view json, WallTime scheduled_at, size_t* looked) {
  const std::string by = FormatRfc3339(scheduled_at);
  std::string out;
  size_t kept = 0;
  for (size_t i = 0; i < json.size(); ++i) {
    if (looked) ++*looked;
    if (json[i] != '"') continue;
    size_t end = i + 1;
    while (json[end] != '"') end += json[end] == '\\' ? 2 : 1;
    const size_t behind = json.find_first_not_of(" \t\r\n", end + 1);
    if (looked) *looked += (behind == std::string_view::npos ? json.size() : behind) - i;
    const bool is_key = behind != std::string_view::npos && json[behind] == ':';
    // In this string alone: to look further for each of them would be the square of the whole.
    for (size_t at = is_key ? std::string_view::npos : Find(json, kScheduledAt, i, end, looked); at != std::string_view::npos;
         at = Find(json, kScheduledAt, kept, end, looked)) {
      out.append(json.substr(kept, at - kept)).append(by);
      kept = at + kScheduledAt.size();
    }
    i = end;
  }
  return out.append(json.substr(kept));
}

}  // namespace notifyd
