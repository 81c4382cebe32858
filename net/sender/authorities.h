// Authorities: a PEM file of certificate authorities (destinations.ca_file). Any thread; reads the file.
#pragma once

#include <string>

#include "base/status.h"

namespace notifyd {

/// Can it be read, and does it hold certificates? What is no certificate (comments, revocation lists) is passed over, as TLS libraries do; one that
/// is cut short or garbled is refused, since they refuse the whole file then, at every call. Error: kUnacceptable, for people, without a field.
Status CheckAuthorities(const std::string& file);

}  // namespace notifyd
