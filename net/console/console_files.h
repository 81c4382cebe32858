// ConsoleFiles: what the web console is made of, as it lies in the binary. Made from net/console/bundle by net/console/embed.cmake; pure, any thread.
// Contract section 16.
#pragma once

#include <span>
#include <string_view>

namespace notifyd {

/// One file; everything is static.
struct ConsoleFile {
  std::string_view name;  // "index.html", "console.js", ...
  std::string_view content_type;
  std::string_view etag;  // with its quotes; of the bytes as they are
  std::string_view bytes;
  std::string_view gzip, brotli;  // the same, packed; empty where that is not worth it
};

std::span<const ConsoleFile> ConsoleFiles();
/// Null: there is none of that name.
const ConsoleFile* FindConsoleFile(std::string_view name);

}  // namespace notifyd
