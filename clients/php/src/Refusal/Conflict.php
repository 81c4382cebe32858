<?php

namespace Notifyd\Refusal;

use Notifyd\Refused;

/** 409: the present state forbids it. getId() names the notify in the way where there is one. */
class Conflict extends Refused
{
}
