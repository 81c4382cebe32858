<?php

namespace Notifyd;

/**
 * Remembers calls by their Notify-Id, so that what comes again is done once. A program that has a database does better with these steps
 * there, finish in the transaction of the work.
 */
interface Remembers
{
    /** Do the work, then finish or release. */
    public const NEW = 'new';
    /** Somebody is at it: answer 503, so that the broker comes again. */
    public const BUSY = 'busy';
    /** It was done: answer as it was answered then. */
    public const DONE = 'done';

    /** What is to be done about a call. */
    public function claim(string $id): string;

    /** The work is done. `$answer`: what answer is to give to its repeats, some 4 KiB at most; bytes that only whoever gave them reads. */
    public function finish(string $id, string $answer = ''): void;

    /** The work is not done: the next attempt is to do it. */
    public function release(string $id): void;

    /** The answer that came with finish; empty where it is not kept. */
    public function answer(string $id): string;
}
