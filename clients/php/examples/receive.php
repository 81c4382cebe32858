<?php

require __DIR__ . '/../autoload.php';

// docs: begin
// The script that a web server runs for https://shop.example/orders.
$body = file_get_contents('php://input');
try {
    $id = Notifyd\Webhook::verify(getallheaders(), $body, [getenv('WEBHOOK_KEY')])['id'];
} catch (Notifyd\NotVerified $error) {
    http_response_code(401);
    exit($error->getMessage() . "\n");  // the broker records it
}
$order = json_decode($body, true)['order'] ?? null;
if ($order === null) {
    http_response_code(400);  // signed, and no order all the same
    exit("no order\n");
}
$dedup = new Notifyd\DirectoryDedup(getenv('STATE_DIRECTORY') . '/orders');
switch ($dedup->claim($id)) {
    case Notifyd\Remembers::NEW:
        file_put_contents('php://stdout', "order $order\n");
        $dedup->finish($id);  // or release, where the work failed: then answer 500
        break;
    case Notifyd\Remembers::BUSY:
        http_response_code(503);
}
// docs: end
