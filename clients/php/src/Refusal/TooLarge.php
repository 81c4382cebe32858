<?php

namespace Notifyd\Refusal;

use Notifyd\Refused;

/** 413: a body, or the batch, is too large. */
class TooLarge extends Refused
{
}
