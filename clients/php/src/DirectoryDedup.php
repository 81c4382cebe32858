<?php

namespace Notifyd;

/**
 * Files in a directory of its own, a file an id, for all processes of a machine: those of PHP-FPM, say. It outlives them. They lie in 256
 * sub-directories, each with a lock of its own, so that who looks for what is forgotten looks through few, and holds up few others.
 */
final class DirectoryDedup implements Remembers
{
    /** How many changes there are between two sweeps, about, each of one sub-directory, or of what lies beside these. */
    private const SWEEP_EVERY = 20;
    /** What lies beside the sub-directories is from before there were any. A sweep looks at so many files of it: there may be 100,000. */
    private const SWEPT_BESIDE = 1000;

    /** @var string */
    private $directory;
    /** @var int */
    private $ttlMs;
    /** @var int */
    private $claimMs;
    /** @var callable(): int */
    private $nowMs;

    /**
     * `$directory` is made where it is missing, for its user alone. What was done is remembered for `$ttlMs`: longer than the broker goes on trying.
     * What was claimed and not finished is given up after `$claimMs`: longer than the work takes, for the process may have died at it. RuntimeException
     * where the directory cannot be written to.
     */
    public function __construct(string $directory, int $ttlMs = 86400000, int $claimMs = 300000, ?callable $nowMs = null)
    {
        if (!is_dir($directory) && !@mkdir($directory, 0700, true) && !is_dir($directory)) {
            throw new \RuntimeException("cannot make the directory $directory");
        }
        $this->directory = $directory;
        $this->ttlMs = $ttlMs;
        $this->claimMs = $claimMs;
        $this->nowMs = $nowMs ?? static function (): int {
            return (int) (microtime(true) * 1000);
        };
    }

    public function claim(string $id): string
    {
        return $this->locked($id, function (string $file, int $now): string {
            [$known] = $this->read($file, $now);
            if ($known !== null) {
                return $known;
            }
            $this->write($file, self::BUSY, $now);
            return self::NEW;
        });
    }

    public function finish(string $id, string $answer = ''): void
    {
        $this->locked($id, function (string $file, int $now) use ($answer): void {
            $this->write($file, self::DONE, $now, $answer);
        });
    }

    public function release(string $id): void
    {
        $this->locked($id, function (string $file, int $now): void {
            if ($this->read($file, $now)[0] === self::BUSY) {
                unlink($file);
            }
        });
    }

    public function answer(string $id): string
    {
        return $this->locked($id, function (string $file, int $now): string {
            return $this->read($file, $now)[1];
        });
    }

    /** @return mixed what `$work` returns, which gets the id's file, and which no other process runs meanwhile for this id */
    private function locked(string $id, callable $work)
    {
        $name = hash('sha256', $id) . '.id';
        $directory = $this->directory . '/' . substr($name, 0, 2);
        if (!is_dir($directory) && !@mkdir($directory, 0700) && !is_dir($directory)) {
            throw new \RuntimeException("cannot write to {$this->directory}");
        }
        $now = ($this->nowMs)();
        if (random_int(1, self::SWEEP_EVERY) === 1) {
            $this->sweep($now);
        }
        $lock = @fopen("$directory/lock", 'c');
        if (!$lock || !flock($lock, LOCK_EX)) {
            throw new \RuntimeException("cannot write to {$this->directory}");
        }
        try {
            if (is_file("{$this->directory}/$name")) {
                // Of before there were sub-directories. A sweep may just have taken it away, where it is forgotten.
                @rename("{$this->directory}/$name", "$directory/$name");
            }
            return $work("$directory/$name", ($this->nowMs)());
        } finally {
            fclose($lock);
        }
    }

    /** Removes what is forgotten of one sub-directory, or of what lies beside these, unless somebody is at work there. */
    private function sweep(int $now): void
    {
        $drawn = random_int(0, 256);
        $beside = $drawn === 256;
        $directory = $this->directory . ($beside ? '' : '/' . sprintf('%02x', $drawn));
        $lock = is_dir($directory) ? @fopen("$directory/lock", 'c') : false;
        if (!$lock || !flock($lock, LOCK_EX | LOCK_NB)) {
            return;
        }
        try {
            foreach (self::idsIn($directory, $beside ? self::SWEPT_BESIDE : PHP_INT_MAX) as $file) {
                // Its time tells that most need not be read; what is written in it counts. What lies beside may be moved by whoever is at work for
                // its id, and has the lock of the sub-directory: it is not found then.
                if ((int) @filemtime($file) * 1000 <= $now && @$this->read($file, $now)[0] === null) {
                    @unlink($file);
                }
            }
        } finally {
            fclose($lock);
        }
    }

    /** The files of ids in a directory, so many at most. */
    private static function idsIn(string $directory, int $most): array
    {
        $files = [];
        // Not glob: the directory's name may hold what is a pattern to it. Not scandir, which reads all of it.
        $names = @opendir($directory);
        while ($names && count($files) < $most && ($name = readdir($names)) !== false) {
            if (substr($name, -3) === '.id') {
                $files[] = "$directory/$name";
            }
        }
        if ($names) {
            closedir($names);
        }
        return $files;
    }

    /** `busy` or `done`, and the answer; null and an empty one where there is nothing, or it is forgotten. */
    private function read(string $file, int $now): array
    {
        $text = is_file($file) ? (string) file_get_contents($file) : '';
        [$state, $since, $answer] = explode(' ', $text, 3) + ['', '0', ''];
        return $state !== '' && (int) $since > $now - $this->keptMs($state) ? [$state, $answer] : [null, ''];
    }

    private function keptMs(string $state): int
    {
        return $state === self::BUSY ? $this->claimMs : $this->ttlMs;
    }

    private function write(string $file, string $state, int $now, string $answer = ''): void
    {
        // Another file takes its place whole, so that a process that dies in the middle leaves no half one. Its time is that of its end.
        $new = "$file.new";
        $written = file_put_contents($new, "$state $now $answer") !== false && touch($new, intdiv($now + $this->keptMs($state), 1000));
        if (!$written || !rename($new, $file)) {
            throw new \RuntimeException("cannot write to {$this->directory}");
        }
    }
}
