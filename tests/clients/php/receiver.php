<?php

/**
 * A receiver, for `php -S`: appends each call to the file in CALLS as a line of JSON (host, method, target, Content-Type, body), and answers as
 * the test sites of NotifyAgent's README do, with `success` in it; a path /bad answers 500 without.
 */

$body = file_get_contents('php://input');
$call = ['http://' . $_SERVER['HTTP_HOST'], $_SERVER['REQUEST_METHOD'], $_SERVER['REQUEST_URI'], $_SERVER['CONTENT_TYPE'] ?? '', $body];
file_put_contents(getenv('CALLS'), json_encode($call) . "\n", FILE_APPEND | LOCK_EX);
if (strpos($_SERVER['REQUEST_URI'], '/bad') === 0) {
    http_response_code(500);
    echo 'the database is down';
} else {
    echo 'a, Success, id = 1';
}
