// Content-Digest (RFC 9530): does a body have the digest that a header says? Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace notifyd {

/// `field`: "sha-256=:<base64>:", several with commas. At least one must be of sha-256 or sha-512, and each of these must be the body's; others are
/// passed over. Error: kUnacceptable.
Status CheckContentDigest(std::string_view field, std::string_view body);

/// The field's value with the body's sha-256.
std::string ContentDigestOf(std::string_view body);

}  // namespace notifyd
