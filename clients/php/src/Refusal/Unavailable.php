<?php

namespace Notifyd\Refusal;

use Notifyd\Refused;

/** 503: the broker starts or stops, or its store refuses writes. */
class Unavailable extends Refused
{
}
