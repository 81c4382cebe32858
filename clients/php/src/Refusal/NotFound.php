<?php

namespace Notifyd\Refusal;

use Notifyd\Refused;

/** 404: there is no such thing. */
class NotFound extends Refused
{
}
