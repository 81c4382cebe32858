<?php

namespace Notifyd\Refusal;

use Notifyd\Refused;

/** 412: somebody changed it since the ETag was read. */
class PreconditionFailed extends Refused
{
}
