// What the file says for contract part 3 that the core decides by. Plain values; one for all namespaces, each picks its own.
#pragma once

namespace notifyd {

struct FlowSettings {};

}  // namespace notifyd
