<?php

namespace Notifyd;

/** No connection could be made, it was lost before the end of the answer (kind `connection`), or the time was over (kind `timeout`). */
class NoAnswer extends Exception
{
    /** @var bool */
    private $sent;

    public function __construct(string $kind, string $message, bool $sent)
    {
        parent::__construct($kind, $message);
        $this->sent = $sent;
    }

    /** May the broker have done what was asked? False: it was never reached. */
    public function wasSent(): bool
    {
        return $this->sent;
    }
}
