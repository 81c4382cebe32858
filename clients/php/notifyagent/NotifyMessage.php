<?php

namespace Walle\Modules\Notify;

use InvalidArgumentException;
use UnexpectedValueException;

/**
 * NotifyAgent's message: what its class of this name takes, by the same names, and refuses, with the same exceptions. What becomes of each option
 * is said in the README of this package.
 */
class NotifyMessage
{
    const NEED_RESPONSE_YES = 1;
    const NEED_RESPONSE_NO = 2;

    const RUN_ONCE_YES = 1;
    const RUN_ONCE_NO = 2;

    const STATUS_SUCCESS = 1;
    const STATUS_FAILURE = 2;

    const CONTENT_TYPE_FORM = 'application/x-www-form-urlencoded';
    const CONTENT_TYPE_JSON = 'application/json';

    private $caller = 'unknown';
    private $url;
    private $method = 'POST';
    private $contentType = self::CONTENT_TYPE_JSON;
    private $data = [];
    private $sendImmediate = true;
    private $sendTime;
    private $needResponse = self::NEED_RESPONSE_YES;
    private $expectResponse = 'success';
    private $runOnce = self::RUN_ONCE_YES;
    private $queueName;
    private $group;
    private $fKey = '';

    private function __construct($url)
    {
        $this->url = $url;
    }

    /** @return static */
    public static function create($url)
    {
        return new static($url);
    }

    /** The message as NotifyAgent's JSON and its table have it. Names the queue, where nobody did, by the URL and the group. */
    public function getNotify()
    {
        if (empty($this->queueName)) {
            $of = empty($this->group) ? (string) $this->url : $this->url . '_' . $this->group;
            $this->queueName = 'Q_' . strtoupper(md5($of));
        }
        return [
            'caller' => $this->caller,
            'url' => $this->url,
            'method' => $this->method,
            'contentType' => $this->contentType,
            'data' => static::stringify($this->data, $this->contentType),
            'timeDelayedSend' => $this->sendTime,
            'needResponse' => $this->needResponse,
            'expectResponse' => $this->expectResponse,
            'runOnce' => $this->runOnce,
            'queueName' => $this->queueName,
            'fKey' => $this->fKey,
        ];
    }

    /** The data as it is sent. False where it cannot be written as JSON. */
    public static function stringify(array $data, $contentType)
    {
        return self::isJson($contentType) ? json_encode($data) : http_build_query($data);
    }

    /** The array that stringify made the text of. */
    public static function parse($str, $contentType)
    {
        if (self::isJson($contentType)) {
            return json_decode($str, true);
        }
        parse_str($str, $data);
        return $data;
    }

    private static function isJson($contentType)
    {
        if ($contentType != self::CONTENT_TYPE_JSON && $contentType != self::CONTENT_TYPE_FORM) {
            throw new InvalidArgumentException('the content type must be CONTENT_TYPE_JSON or CONTENT_TYPE_FORM');
        }
        return $contentType == self::CONTENT_TYPE_JSON;
    }

    public function setCaller($caller)
    {
        if (!is_int($caller) && (!is_string($caller) || empty($caller))) {
            throw new InvalidArgumentException('the caller must be an integer or a string that is not empty');
        }
        $this->caller = (string) $caller;
        return $this;
    }

    public function getCaller()
    {
        return $this->caller;
    }

    public function setUrl($url)
    {
        $this->url = $url;
        return $this;
    }

    public function getUrl()
    {
        return $this->url;
    }

    public function setMethod($method)
    {
        $this->method = $method;
        return $this;
    }

    public function getMethod()
    {
        return $this->method;
    }

    public function setContentType($contentType)
    {
        self::isJson($contentType);
        $this->contentType = $contentType;
        return $this;
    }

    public function getContentType()
    {
        return $this->contentType;
    }

    public function setData(array $data)
    {
        $this->data = $data;
        return $this;
    }

    public function getData()
    {
        return $this->data;
    }

    public function setSendImmediate($sendImmediate)
    {
        if (!is_bool($sendImmediate)) {
            throw new InvalidArgumentException('sendImmediate must be true or false');
        }
        $this->sendImmediate = $sendImmediate;
        return $this;
    }

    public function getSendImmediate()
    {
        return $this->sendImmediate;
    }

    public function setSendTime($sendTime)
    {
        $this->sendTime = $sendTime;
        return $this;
    }

    public function getSendTime()
    {
        return $this->sendTime;
    }

    public function setNeedResponse($needResponse)
    {
        $this->needResponse = self::oneOrTwo('needResponse', $needResponse);
        return $this;
    }

    public function getNeedResponse()
    {
        return $this->needResponse;
    }

    public function setExpectResponse($expectResponse)
    {
        if (!is_string($expectResponse)) {
            throw new InvalidArgumentException('expectResponse must be a string');
        }
        $this->expectResponse = $expectResponse;
        return $this;
    }

    public function getExpectResponse()
    {
        return $this->expectResponse;
    }

    public function setRunOnce($runOnce)
    {
        $this->runOnce = self::oneOrTwo('runOnce', $runOnce);
        return $this;
    }

    public function getRunOnce()
    {
        return $this->runOnce;
    }

    /** Compared by value, as ever: '2' is taken, and stays a string. */
    private static function oneOrTwo($option, $value)
    {
        if (!in_array($value, [1, 2])) {
            throw new UnexpectedValueException("$option must be 1 or 2");
        }
        return $value;
    }

    public function setQueueName($queueName)
    {
        $this->queueName = $queueName;
        return $this;
    }

    public function getQueueName()
    {
        return $this->queueName;
    }

    public function setGroup($group)
    {
        $this->group = empty($group) ? '' : strval($group);
        return $this;
    }

    public function getGroup()
    {
        return $this->group;
    }

    public function setFKey($fKey)
    {
        $this->fKey = $fKey;
        return $this;
    }

    public function getFkey()
    {
        return $this->fKey;
    }
}
