<?php

namespace Notifyd;

/** The broker answered with something else than 2xx. Most statuses have a class of their own below Notifyd\Refusal. */
class Refused extends Exception
{
    /** The kinds that have a class, by their status. */
    private const KINDS = [
        400 => ['malformed', Refusal\Malformed::class],
        401 => ['unauthorized', Refusal\Unauthorized::class],
        403 => ['forbidden', Refusal\Forbidden::class],
        404 => ['not_found', Refusal\NotFound::class],
        409 => ['conflict', Refusal\Conflict::class],
        412 => ['precondition_failed', Refusal\PreconditionFailed::class],
        413 => ['too_large', Refusal\TooLarge::class],
        422 => ['unacceptable', Refusal\Unacceptable::class],
        429 => ['too_many', Refusal\TooMany::class],
        503 => ['unavailable', Refusal\Unavailable::class],
        507 => ['disk_full', Refusal\DiskFull::class],
    ];

    /** @var int */
    private $status;
    /** @var array|null */
    private $problem;
    /** @var int|null */
    private $retryAfterMs;

    final public function __construct(string $kind, int $status, ?array $problem, ?int $retryAfterMs)
    {
        $text = $problem === null ? 'no problem document came with it' : (string) ($problem['detail'] ?? $problem['title'] ?? '');
        $field = isset($problem['field']) && is_string($problem['field']) ? ' (' . $problem['field'] . ')' : '';
        parent::__construct($kind, "notifyd refused it with $status: $text$field", $status);
        $this->status = $status;
        $this->problem = $problem;
        $this->retryAfterMs = $retryAfterMs;
    }

    /** @internal What an answer with this status throws. */
    public static function of(int $status, ?array $problem, ?int $retryAfterMs): self
    {
        [$kind, $class] = self::KINDS[$status] ?? ['refused', self::class];
        return new $class($kind, $status, $problem, $retryAfterMs);
    }

    public function getStatus(): int
    {
        return $this->status;
    }

    public function getProblem(): ?array
    {
        return $this->problem;
    }

    /** Why, for people. */
    public function getDetail(): ?string
    {
        return $this->text('detail');
    }

    /** A JSON Pointer to the field at fault, in a batch with the index in front: `/3/url`. */
    public function getField(): ?string
    {
        return $this->text('field');
    }

    /** The notify in the way, of a conflict. */
    public function getId(): ?string
    {
        return $this->text('id');
    }

    /** What the broker said of when to come again, in milliseconds. */
    public function getRetryAfterMs(): ?int
    {
        return $this->retryAfterMs;
    }

    private function text(string $member): ?string
    {
        return isset($this->problem[$member]) && is_string($this->problem[$member]) ? $this->problem[$member] : null;
    }
}
