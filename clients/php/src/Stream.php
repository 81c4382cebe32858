<?php

namespace Notifyd;

/** Lines of NDJSON, a request for so many, until each has its answer. @internal */
final class Stream
{
    /** @var Transport */
    private $transport;
    /** @var int how many were answered in earlier requests */
    private $answered = 0;

    public function __construct(Transport $transport)
    {
        $this->transport = $transport;
    }

    /**
     * Yields an answer for each of the lines. Where they end too early the rest is sent again; attempts are counted anew from the last line that
     * was answered.
     *
     * @param string[] $lines
     * @return \Generator<int, array>
     */
    public function submit(array $lines, bool $safe): \Generator
    {
        for ($attempt = 1; $lines; ++$attempt) {
            [$answers, $error] = $this->once($lines, $safe);
            foreach ($answers as $answer) {
                $answer['index'] = $this->answered++;
                yield $answer['index'] => $answer;
            }
            $lines = array_slice($lines, count($answers));
            if ($error instanceof BadAnswer) {
                throw $error;
            }
            if ($lines) {
                $attempt = $answers ? 1 : $attempt;
                $error = $error ?? new NoAnswer('connection', 'the answer ended before each line had one', true);
                $this->transport->waitAfter($error->countAttempts($attempt), $attempt, $safe);
            }
        }
    }

    /** One request: the answers of whole lines, and what ended it early. */
    private function once(array $lines, bool $safe): array
    {
        $more = ['body' => implode("\n", $lines) . "\n", 'type' => 'application/x-ndjson', 'safe' => $safe];
        $error = null;
        try {
            $this->transport->attempt('POST', '/v1/notifies', $more, $text);
        } catch (NoAnswer | BadAnswer $broken) {
            $error = $broken;
        } catch (Refused $refused) {
            return [[], $refused];
        }
        $answers = [];
        foreach (array_slice(explode("\n", $text), 0, -1) as $line) {
            if ($line === '') {
                continue;
            }
            $answer = Json::object($line);
            if ($answer === null) {
                $error = new BadAnswer('a line of the answer is no object of JSON', 200);
                break;
            }
            if (!isset($answer['index']) && is_string($answer['type'] ?? null)) {
                // A problem, the last line: none of the lines behind was taken, or that is not known.
                $error = Refused::of((int) ($answer['status'] ?? (isset($answer['next_index']) ? 503 : 504)), $answer, null);
                break;
            }
            $told = is_string($answer['id'] ?? null) || is_array($answer['error'] ?? null);
            if (!$told || ($answer['index'] ?? null) !== count($answers) || count($answers) === count($lines)) {
                $error = new BadAnswer('a line of the answer is not the next one', 200);
                break;
            }
            $answers[] = $answer;
        }
        return [$answers, $error];
    }
}
