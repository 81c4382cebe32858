// OTLP's messages for spans (opentelemetry-proto 1.x, ExportTraceServiceRequest), as protobuf and as JSON. Pure.
//
// A request is put together of spans that are encoded already, so that whoever makes a span encodes it at once, and a queue holds bytes alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/telemetry/span.h"

namespace notifyd {

enum class OtlpEncoding : uint8_t { kProtobuf, kJson };

/// "application/x-protobuf", "application/json".
const char* ContentTypeOf(OtlpEncoding encoding);

std::string EncodeSpan(OtlpEncoding encoding, const Span& span);

/// `resource`: of whoever made the spans. `version`: of notifyd.
std::string EncodeSpans(OtlpEncoding encoding, const SpanAttributes& resource, std::string_view version, const std::vector<std::string>& spans);

/// How many spans a collector says that it did not take, in its answer to such a request; 0 where it says nothing, or what it says does not read.
uint64_t RejectedSpans(OtlpEncoding encoding, std::string_view answer);

}  // namespace notifyd
