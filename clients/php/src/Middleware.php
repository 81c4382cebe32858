<?php

namespace Notifyd;

use Psr\Http\Message\ResponseFactoryInterface;
use Psr\Http\Message\ResponseInterface;
use Psr\Http\Message\ServerRequestInterface;
use Psr\Http\Server\MiddlewareInterface;
use Psr\Http\Server\RequestHandlerInterface;

/**
 * PSR-15: stands before a handler of the broker's calls. Answers 401 to what is not signed by the keys, 200 to a repeat of what was done, 503 to a
 * repeat of what is being done. What the handler answers with 2xx counts as done; what it answers otherwise, or throws at, comes again.
 */
final class Middleware implements MiddlewareInterface
{
    /** @var ResponseFactoryInterface */
    private $responses;
    /** @var string[]|null */
    private $keys;
    /** @var Remembers|null */
    private $dedup;
    /** @var int */
    private $toleranceS;

    /**
     * @param string|string[]|null $keys as Webhook::verify takes them; null: calls are not checked
     * @param Remembers|null $dedup null: repeats are passed on
     */
    public function __construct(ResponseFactoryInterface $responses, $keys, ?Remembers $dedup = null, int $toleranceS = Webhook::TOLERANCE_S)
    {
        $this->responses = $responses;
        $this->keys = $keys === null ? null : (array) $keys;
        $this->dedup = $dedup;
        $this->toleranceS = $toleranceS;
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
        return $this->dedup === null || $id === '' ? $handler->handle($request) : $this->once($id, $request, $handler);
    }

    private function once(string $id, ServerRequestInterface $request, RequestHandlerInterface $handler): ResponseInterface
    {
        $claim = $this->dedup->claim($id);
        if ($claim === Remembers::DONE) {
            return $this->answer(200, 'it was done before');
        }
        if ($claim === Remembers::BUSY) {
            return $this->answer(503, 'it is being worked on')->withHeader('Retry-After', '1');
        }
        $done = false;
        try {
            $response = $handler->handle($request);
            $done = $response->getStatusCode() >= 200 && $response->getStatusCode() < 300;
            return $response;
        } finally {
            $done ? $this->dedup->finish($id) : $this->dedup->release($id);
        }
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
