<?php

namespace Notifyd;

/** Checks that a call is the broker's: signatures as Standard Webhooks 1.0.0 has them. */
final class Webhook
{
    public const TOLERANCE_S = 300;

    /**
     * Says whether a call is signed by one of the keys and of about now: returns its `id` and `timestamp_s`, or throws NotVerified.
     *
     * @param array $headers name => value or list of values, in any case: getallheaders(), or getHeaders() of a PSR-7 request
     * @param string $body byte for byte, as file_get_contents('php://input') has it
     * @param string|string[] $keys as the broker shows them: `whsec_…` (HMAC-SHA256), `whpk_…` (Ed25519); during a rotation the old and the new one.
     *     InvalidArgumentException where one is none.
     * @param int $toleranceS how far its time may lie from `$nowS`, in either direction
     * @param int|null $nowS seconds since the epoch; null: the clock's
     * @return array{id: string, timestamp_s: int}
     */
    public static function verify(array $headers, string $body, $keys, int $toleranceS = self::TOLERANCE_S, ?int $nowS = null): array
    {
        $keys = self::keys((array) $keys);
        $headers = array_change_key_case($headers, CASE_LOWER);
        $values = [];
        foreach (['webhook-id', 'webhook-timestamp', 'webhook-signature'] as $name) {
            $value = implode(' ', (array) ($headers[$name] ?? ''));
            if ($value === '') {
                throw new NotVerified('missing_header', "there is no header $name");
            }
            $values[] = $value;
        }
        [$id, $timestamp, $signatures] = $values;
        if (!preg_match('/^\d{1,18}$/D', $timestamp)) {
            throw new NotVerified('bad_timestamp', 'webhook-timestamp is no number of seconds');
        }
        $now = $nowS ?? time();
        if ((int) $timestamp < $now - $toleranceS) {
            throw new NotVerified('too_old', 'it was signed too long ago');
        }
        if ((int) $timestamp > $now + $toleranceS) {
            throw new NotVerified('too_new', 'it was signed at a time that is still to come');
        }
        // What is signed is id.time.body: with a dot in the id it could be read in two ways. Notifyd's have none.
        if (strpos($id, '.') !== false) {
            throw new NotVerified('no_match', 'an id has no dot');
        }
        $content = "$id.$timestamp.$body";
        // Once a key: whoever is not the broker may send thousands of signatures.
        foreach ($keys as $i => [$of, $key]) {
            $wanted[$i] = $of === 'v1' ? base64_encode(hash_hmac('sha256', $content, $key, true)) : '';
        }
        foreach (explode(' ', $signatures) as $signature) {
            [$version, $text] = explode(',', $signature, 2) + [1 => ''];
            foreach ($keys as $i => [$of, $key]) {
                if ($of === $version && ($of === 'v1' ? hash_equals($wanted[$i], $text) : self::matches($key, $content, $text))) {
                    return ['id' => $id, 'timestamp_s' => (int) $timestamp];
                }
            }
        }
        throw new NotVerified('no_match', 'none of its signatures is of one of the keys');
    }

    /** The keys, each with the version of its signatures. @return array<int, array{string, string}> */
    private static function keys(array $texts): array
    {
        $keys = [];
        foreach ($texts as $text) {
            $secret = strncmp($text, 'whsec_', 6) === 0;
            $key = base64_decode($secret ? substr($text, 6) : (strncmp($text, 'whpk_', 5) === 0 ? substr($text, 5) : ''), true);
            if ($key === false || $key === '' || (!$secret && strlen($key) !== 32)) {
                throw new \InvalidArgumentException('a key is whsec_ and base64, or whpk_ and base64 of 32 bytes');
            }
            if (!$secret && !function_exists('sodium_crypto_sign_verify_detached')) {
                throw new \InvalidArgumentException('a key whpk_ needs the extension sodium');
            }
            $keys[] = [$secret ? 'v1' : 'v1a', $key];
        }
        if (!$keys) {
            throw new \InvalidArgumentException('there is no key');
        }
        return $keys;
    }

    private static function matches(string $key, string $content, string $text): bool
    {
        $signature = base64_decode($text, true);
        return $signature !== false && strlen($signature) === 64 && base64_encode($signature) === $text
            && sodium_crypto_sign_verify_detached($signature, $content, $key);
    }
}
