<?php

namespace Notifyd;

/**
 * What a call that was not done throws: Refused where the broker said no, NoAnswer where nobody knows, BadAnswer where what came is no answer of a
 * broker. getCode() is the status of the answer, 0 without one; and 23000 in what NotifyAgent throws for an fkey that is held already.
 */
class Exception extends \RuntimeException
{
    /** @var string */
    private $kind;
    /** @var int */
    private $attempts = 1;

    public function __construct(string $kind, string $message, int $code = 0, ?\Throwable $previous = null)
    {
        parent::__construct($message, $code, $previous);
        $this->kind = $kind;
    }

    /**
     * A word that programs compare: `malformed`, `unauthorized`, `forbidden`, `not_found`, `conflict`, `precondition_failed`, `too_large`,
     * `unacceptable`, `too_many`, `unavailable`, `disk_full`, `refused` (another status), `connection`, `timeout`, `bad_answer`.
     */
    public function getKind(): string
    {
        return $this->kind;
    }

    /** The HTTP status of the answer; 0 where none came. */
    public function getStatus(): int
    {
        return 0;
    }

    /** The problem document (RFC 9457): `type`, `title`, `status`, `detail`, perhaps `field` and `id`. Null where the answer was none. */
    public function getProblem(): ?array
    {
        return null;
    }

    /** How often the request was sent. */
    public function getAttempts(): int
    {
        return $this->attempts;
    }

    /** @internal */
    public function countAttempts(int $attempts): self
    {
        $this->attempts = $attempts;
        return $this;
    }
}
