<?php

namespace Notifyd;

/**
 * JSON in PHP's arrays, which do not tell an empty object from an empty list. Where the API knows which of the two it is (`labels`, `headers`, …)
 * it is an empty array in both directions; in JSON of the user's own (`data`) an empty object is a stdClass, so that what is read goes out again
 * as it came. @internal
 */
final class Json
{
    /**
     * @param mixed $value
     * @throws \InvalidArgumentException where it cannot be written
     */
    public static function encode($value, int $flags): string
    {
        $text = json_encode(is_array($value) ? self::withObjects($value) : $value, $flags);
        if ($text === false) {
            throw new \InvalidArgumentException('it cannot be written as JSON: ' . json_last_error_msg());
        }
        return $text;
    }

    /** A JSON text's object, as an array; null where it is none. Integers beyond 64 bits become strings, so that no digit is lost. */
    public static function object(string $text): ?array
    {
        $value = json_decode($text, true, 512, JSON_BIGINT_AS_STRING);
        if (!is_array($value) || strncmp(ltrim($text), '{', 1) !== 0) {
            return null;
        }
        // Where nothing is empty arrays tell all. An object of PHP holds no name that begins with NUL: then they have to do.
        $exact = preg_match('/\{\s*\}/', $text) ? json_decode($text, false, 512, JSON_BIGINT_AS_STRING) : null;
        return $exact instanceof \stdClass ? self::withArrays($exact, false) : $value;
    }

    /** Empty arrays where the API has objects become objects. */
    private static function withObjects(array $values): array
    {
        foreach ($values as $name => $value) {
            if ($value === [] && in_array($name, Types::OBJECTS, true)) {
                $values[$name] = new \stdClass();
            } elseif (is_array($value) && !in_array($name, Types::OF_THE_USER, true)) {
                $values[$name] = self::withObjects($value);
            }
        }
        return $values;
    }

    /**
     * Objects become arrays, but for empty ones in JSON of the user's own.
     *
     * @param mixed $value
     * @return mixed
     */
    private static function withArrays($value, bool $ofTheUser)
    {
        if ($ofTheUser && $value instanceof \stdClass && (array) $value === []) {
            return $value;
        }
        if (!is_array($value) && !$value instanceof \stdClass) {
            return $value;
        }
        $values = [];
        foreach ((array) $value as $name => $one) {
            $values[$name] = self::withArrays($one, $ofTheUser || in_array($name, Types::OF_THE_USER, true));
        }
        return $values;
    }
}
