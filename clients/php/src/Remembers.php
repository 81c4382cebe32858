<?php

namespace Notifyd;

/**
 * Remembers calls by their Notify-Id, so that what comes again is done once. A program that has a database does better with these three steps
 * there, finish in the transaction of the work.
 */
interface Remembers
{
    /** Do the work, then finish or release. */
    public const NEW = 'new';
    /** Somebody is at it: answer 503, so that the broker comes again. */
    public const BUSY = 'busy';
    /** It was done: answer 200. */
    public const DONE = 'done';

    /** What is to be done about a call. */
    public function claim(string $id): string;

    /** The work is done. */
    public function finish(string $id): void;

    /** The work failed: the next attempt is to do it. */
    public function release(string $id): void;
}
