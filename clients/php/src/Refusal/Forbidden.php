<?php

namespace Notifyd\Refusal;

use Notifyd\Refused;

/** 403: the credential does not let it be done. */
class Forbidden extends Refused
{
}
