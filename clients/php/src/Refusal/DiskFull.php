<?php

namespace Notifyd\Refusal;

use Notifyd\Refused;

/** 507: the broker's disk is nearly full. */
class DiskFull extends Refused
{
}
