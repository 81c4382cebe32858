<?php

namespace Notifyd\Refusal;

use Notifyd\Refused;

/** 429: a limit of the broker is reached. */
class TooMany extends Refused
{
}
