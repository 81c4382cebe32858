<?php

namespace Notifyd;

/** A 2xx that is not the JSON which belongs there: whatever answers at that address is no broker. */
class BadAnswer extends Exception
{
    /** @var int */
    private $status;

    public function __construct(string $message, int $status)
    {
        parent::__construct('bad_answer', $message, $status);
        $this->status = $status;
    }

    public function getStatus(): int
    {
        return $this->status;
    }
}
