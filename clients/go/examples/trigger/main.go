// Holds a call under a key, and makes it due once the order is paid.
package main

import (
	"context"
	"log"
	"os"
	"time"

	"notifyd"
)

func main() {
	// docs: begin
	ctx := context.Background()
	client, err := notifyd.New(notifyd.Config{})
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Submit(ctx, notifyd.Notify{
		URL:   os.Getenv("ORDERS_URL"),
		Fkey:  "order-17",
		TTLMs: (24 * time.Hour).Milliseconds(), // given up where nobody pays
		Data:  map[string]int{"order": 17},
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Trigger(ctx, "order-17", &notifyd.Trigger{Data: map[string]interface{}{"paid": true}})
	if err != nil {
		log.Fatal(err)
	}
	// docs: end
}
