<?php

namespace Walle\Modules\Notify;

use LogicException;
use Notifyd\Answer;
use Notifyd\Client;
use Notifyd\Exception;
use Notifyd\LegacyNotify;
use Notifyd\Refusal\Conflict;
use Notifyd\Refusal\NotFound;
use Notifyd\Refusal\PreconditionFailed;
use Notifyd\Refusal\Unacceptable;

/**
 * NotifyAgent's class of this name, on notifyd: the same calls, without beanstalkd, MySQL and the daemon.
 *
 * Where the broker is: the constant NOTIFYD_URL, else what configure was given, else the variable NOTIFYD_URL, else http://127.0.0.1:7300; likewise
 * NOTIFYD_TOKEN and NOTIFYD_NAMESPACE. What is refused, and a broker that cannot be reached, throws Notifyd\Exception, a RuntimeException.
 */
class NotifyAgent
{
    const MAX_RETRY_TIMES = 9;

    /** What a second message with a held fKey throws: the code of MySQL's exception, which it was before. */
    const CODE_HELD = 23000;

    private static $instance;
    private static $options = [];
    private static $client;
    private static $otherwise;

    public static function getInstance()
    {
        if (static::$instance === null) {
            static::$instance = new static();
        }
        return static::$instance;
    }

    private function __construct()
    {
    }

    private function __clone()
    {
    }

    public function __wakeup()
    {
        throw new LogicException('there is one NotifyAgent a process: NotifyAgent::getInstance()');
    }

    /**
     * Says where the broker is and how it is asked.
     *
     * @param string|array $options the URL, or the options of Notifyd\Client
     */
    public static function configure($options)
    {
        self::$options = is_array($options) ? $options : ['url' => $options];
        self::$client = null;
    }

    /**
     * Says what triggerNotify asks where nothing was ever held under an fKey here: `function ($fKey, array $mergeData): bool`. For as long as rows of
     * NotifyAgent's table wait for their trigger, with its old class by another name.
     */
    public static function otherwise(?callable $trigger)
    {
        self::$otherwise = $trigger;
    }

    /**
     * Hands a message over: sends it at once, at its time, or once its fKey is triggered, whichever comes first. Once it returns, the broker has
     * it on disk.
     *
     * @return string the notify's id in decimal; the API and `notifyctl get` take it, too
     * @throws LogicException it says neither when, nor by which fKey it is to be sent
     * @throws Exception with the code 23000 where the fKey is held already
     */
    public function addNotify(NotifyMessage $notifyMessage)
    {
        if ((int) $notifyMessage->getNeedResponse() === NotifyMessage::NEED_RESPONSE_NO) {
            $notifyMessage->setRunOnce(NotifyMessage::RUN_ONCE_YES);
        }
        if (!empty($notifyMessage->getSendTime()) && strtotime($notifyMessage->getSendTime()) > time()) {
            $notifyMessage->setSendImmediate(false);
        }
        if (!$notifyMessage->getSendImmediate() && empty($notifyMessage->getSendTime()) && empty($notifyMessage->getFkey())) {
            throw new LogicException('a message that is not sent at once needs a send time or an fKey');
        }
        $row = $notifyMessage->getNotify();
        return $this->submit($notifyMessage->getSendImmediate() ? LegacyNotify::atOnce($row)
            : LegacyNotify::waiting($row, $notifyMessage->getData()));
    }

    /**
     * Sends what is held under the fKey, `$mergeData` merged over its data key by key.
     *
     * @return bool false where nothing is held under it (any more)
     * @throws Exception
     */
    public function triggerNotify($fKey, array $mergeData = [])
    {
        if ((string) $fKey === '') {
            return false;
        }
        try {
            $answer = self::client()->triggered((string) $fKey, $mergeData ? ['data' => (object) $mergeData] : []);
        } catch (NotFound $error) {
            return self::$otherwise !== null && (self::$otherwise)((string) $fKey, $mergeData);
        } catch (Unacceptable $error) {
            if (!$mergeData || $error->getField() !== '/data') {
                throw $error;
            }
            $answer = $this->triggeredMerged((string) $fKey, $mergeData, $error);
        } catch (\InvalidArgumentException $error) {
            throw new Exception('unacceptable', $error->getMessage(), 0, $error);
        }
        if ($answer === null) {
            return false;
        }
        // 200 to a repeat of our own, after an answer that was lost, is the 202 that did not come.
        return $answer->status === 202 || $answer->mayBeRepeat;
    }

    /**
     * Cancels what is held under the fKey: it is not sent any more.
     *
     * @return bool false where nothing is held under it (any more)
     * @throws Exception
     */
    public function cancelNotify($fKey)
    {
        if ((string) $fKey === '') {
            return false;
        }
        try {
            return isset(self::client()->cancelFkey((string) $fKey)['id']);
        } catch (NotFound $error) {
            return false;
        } catch (Conflict $error) {
            return false;
        } catch (\InvalidArgumentException $error) {
            throw new Exception('unacceptable', $error->getMessage(), 0, $error);
        }
    }

    /**
     * Takes a call from NotifyAgent's own daemon, while one is still running: hands over what it took from its queue, attempts that failed included.
     *
     * @return bool true
     * @throws Exception
     */
    public function send(array $notify)
    {
        $this->submit(LegacyNotify::atOnce($notify));
        return true;
    }

    private function submit(array $notify)
    {
        try {
            return LegacyNotify::decimalId(self::client()->submit($notify)['id']);
        } catch (Conflict $error) {
            throw isset($notify['fkey']) ? new Exception($error->getKind(), $error->getMessage(), self::CODE_HELD, $error) : $error;
        } catch (\InvalidArgumentException $error) {
            throw new Exception('unacceptable', $error->getMessage(), 0, $error);
        }
    }

    /**
     * Triggers what the broker cannot merge into, merged here: see there. Null: nothing is held any more.
     *
     * @throws Unacceptable `$refused`, where its data is not shown to this token
     */
    private function triggeredMerged(string $fKey, array $mergeData, Unacceptable $refused): ?Answer
    {
        $merged = $this->mergeHere($fKey, $mergeData);
        if ($merged === null) {
            throw $refused;
        }
        try {
            return $merged ? self::client()->triggered($fKey) : null;
        } catch (NotFound $error) {
            // Somebody cancelled it since.
            return null;
        }
    }

    /**
     * Merges into what the broker cannot: an empty array, a list, what was moved here from NotifyAgent's table. False: nothing is held any more;
     * null: its data is not shown to this token.
     */
    private function mergeHere($fKey, array $mergeData)
    {
        for ($tries = 1;; ++$tries) {
            try {
                $held = self::client()->getFkey($fKey, $etag);
            } catch (NotFound $error) {
                return false;
            }
            if (($held['state'] ?? '') !== 'held') {
                return false;
            }
            if (!array_key_exists('data', $held)) {
                return null;
            }
            try {
                self::client()->change($held['id'], LegacyNotify::merged($held, $mergeData), $etag);
                return true;
            } catch (NotFound $error) {
                // It was cancelled, and purged.
                return false;
            } catch (PreconditionFailed | Conflict $error) {
                // Somebody changed, triggered or cancelled it meanwhile.
                if ($tries === 5) {
                    throw $error;
                }
            }
        }
    }

    private static function client()
    {
        if (self::$client === null) {
            $options = self::$options;
            foreach (['url' => 'NOTIFYD_URL', 'token' => 'NOTIFYD_TOKEN', 'namespace' => 'NOTIFYD_NAMESPACE'] as $name => $constant) {
                if (defined($constant)) {
                    $options[$name] = constant($constant);
                }
            }
            // Flags as NotifyAgent's json_encode: what is sent later is written as what is sent at once.
            self::$client = new Client($options + ['json_flags' => 0, 'timeout_ms' => 10000]);
        }
        return self::$client;
    }
}
