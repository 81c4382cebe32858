<?php

namespace Notifyd\Refusal;

use Notifyd\Refused;

/** 422: well-formed, but its content is not acceptable. getField() says which. */
class Unacceptable extends Refused
{
}
