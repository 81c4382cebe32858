<?php

namespace Notifyd;

use Psr\Http\Message\ResponseFactoryInterface;
use Psr\Http\Message\ResponseInterface;
use Psr\Http\Message\ServerRequestInterface;
use Psr\Http\Server\MiddlewareInterface;
use Psr\Http\Server\RequestHandlerInterface;

/**
 * PSR-15: stands before a handler of the broker's calls. Answers 401 to what is not signed by the keys; to a repeat of what was done as that was
 * answered, its status and the first 4,096 bytes; 503 to a repeat of what is being done. What the handler answers with 2xx other than 202 counts as
 * done, unless `$done` says otherwise; what it answers otherwise, or throws at, comes again.
 */
final class Middleware implements MiddlewareInterface
{
    /** What is kept of the body of an answer, for repeats. */
    private const MOST_KEPT_BYTES = 4096;

    /** @var ResponseFactoryInterface */
    private $responses;
    /** @var string[]|null */
    private $keys;
    /** @var Remembers|null */
    private $dedup;
    /** @var int */
    private $toleranceS;
    /** @var callable(int, string): bool */
    private $done;
    /** @var string */
    private $scope;

    /**
     * @param string|string[]|null $keys as Webhook::verify takes them; null: calls are not checked
     * @param Remembers|null $dedup null: repeats are passed on
     * @param callable(int, string): bool|null $done whether a handler that answered with this status, and a body that begins so (4,096 bytes), has done
     *   the work; null: as isDone
     * @param string $scope stands before each id in `$dedup`, which receivers of several brokers share
     */
    public function __construct(
        ResponseFactoryInterface $responses,
        $keys,
        ?Remembers $dedup = null,
        int $toleranceS = Webhook::TOLERANCE_S,
        ?callable $done = null,
        string $scope = ''
    ) {
        $this->responses = $responses;
        $this->keys = $keys === null ? null : (array) $keys;
        $this->dedup = $dedup;
        $this->toleranceS = $toleranceS;
        $this->done = $done ?? [self::class, 'isDone'];
        $this->scope = $scope;
    }

    /** 2xx, but for 202, with which a receiver says that it is not ready (`retry.later_on`). */
    public static function isDone(int $status): bool
    {
        return $status >= 200 && $status < 300 && $status !== 202;
    }

    public function process(ServerRequestInterface $request, RequestHandlerInterface $handler): ResponseInterface
    {
        $id = $request->getHeaderLine('Notify-Id');
        if ($this->keys !== null) {
            try {
                $id = Webhook::verify($request->getHeaders(), $this->bodyOf($request), $this->keys, $this->toleranceS)['id'];
            } catch (NotVerified $error) {
                return $this->answer(401, $error->getMessage());
            }
        }
        return $this->dedup === null || $id === '' ? $handler->handle($request) : $this->once($this->scope . $id, $request, $handler);
    }

    private function once(string $id, ServerRequestInterface $request, RequestHandlerInterface $handler): ResponseInterface
    {
        $claim = $this->dedup->claim($id);
        if ($claim === Remembers::DONE) {
            return $this->repeated($this->dedup->answer($id));
        }
        if ($claim === Remembers::BUSY) {
            return $this->answer(503, 'it is being worked on')->withHeader('Retry-After', '1');
        }
        $done = false;
        try {
            $response = $handler->handle($request);
            $status = $response->getStatusCode();
            $body = $this->beginningOf($response);
            $done = ($this->done)($status, $body);
            return $response;
        } finally {
            $done ? $this->dedup->finish($id, "$status\n$body") : $this->dedup->release($id);
        }
    }

    /** As what was done was answered; 200 where that is not kept. */
    private function repeated(string $answer): ResponseInterface
    {
        if ($answer === '') {
            return $this->answer(200, 'it was done before');
        }
        [$status, $body] = explode("\n", $answer, 2);
        $response = $this->responses->createResponse((int) $status);
        $response->getBody()->write($body);
        return $response;
    }

    /** Of its body; whoever sends it finds it whole. What can be read only once is not looked at. */
    private function beginningOf(ResponseInterface $response): string
    {
        $body = $response->getBody();
        if (!$body->isSeekable() || !$body->isReadable()) {
            return '';
        }
        $body->rewind();
        for ($bytes = ''; strlen($bytes) < self::MOST_KEPT_BYTES && !$body->eof();) {
            $bytes .= $body->read(self::MOST_KEPT_BYTES - strlen($bytes));
        }
        $body->rewind();
        return $bytes;
    }

    /** Its bytes; whoever reads behind finds them again. */
    private function bodyOf(ServerRequestInterface $request): string
    {
        $body = $request->getBody();
        if (!$body->isSeekable()) {
            throw new \RuntimeException('the body of a request must be seekable: once it is checked, the handler reads it from its beginning');
        }
        $bytes = (string) $body;
        $body->rewind();
        return $bytes;
    }

    private function answer(int $status, string $text): ResponseInterface
    {
        $response = $this->responses->createResponse($status)->withHeader('Content-Type', 'text/plain; charset=utf-8');
        $response->getBody()->write($text . "\n");
        return $response;
    }
}
