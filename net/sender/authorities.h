// Authorities: a PEM file of certificate authorities (destinations.ca_file). Any thread; reads the file.
#pragma once

#include <cstddef>
#include <string>

#include "base/status.h"

namespace notifyd {

/// So large may the file be: all of a system's authorities take a quarter of a megabyte.
inline constexpr size_t kMostAuthorityBytes = 64 << 20;

/// Can it be read, and does it hold certificates? What is no certificate (comments, revocation lists) is passed over, as TLS libraries do; one that
/// is cut short or garbled is refused, since they refuse the whole file then, at every call. Error: kUnacceptable, for people, without a field.
Status CheckAuthorities(const std::string& file);

}  // namespace notifyd
