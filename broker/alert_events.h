// What requests ask of alerts, and what answers them (AlertRequest, AlertAnswered), and the figures that alerts are judged by. Plain values. Contract
// section 17.
#pragma once

namespace notifyd {

struct AlertAsk {};
struct AlertAnswer {};

}  // namespace notifyd
