<?php

namespace Notifyd;

/** A call that is not taken for the broker's. */
class NotVerified extends \RuntimeException
{
    /** @var string */
    private $reason;

    public function __construct(string $reason, string $message)
    {
        parent::__construct("$reason: $message");
        $this->reason = $reason;
    }

    /** `missing_header`, `bad_timestamp`, `too_old`, `too_new` or `no_match`. */
    public function getReason(): string
    {
        return $this->reason;
    }
}
