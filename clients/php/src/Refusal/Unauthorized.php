<?php

namespace Notifyd\Refusal;

use Notifyd\Refused;

/** 401: no credential, or one that the broker does not know. */
class Unauthorized extends Refused
{
}
