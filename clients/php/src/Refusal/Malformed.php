<?php

namespace Notifyd\Refusal;

use Notifyd\Refused;

/** 400: what was sent is no JSON or no HTTP. */
class Malformed extends Refused
{
}
