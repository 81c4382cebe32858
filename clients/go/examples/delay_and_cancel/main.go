// Submits a call that is due in an hour, and cancels it.
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"time"

	"notifyd"
)

func main() {
	// docs: begin
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := notifyd.New(notifyd.Config{})
	if err != nil {
		log.Fatal(err)
	}
	accepted, err := client.Submit(ctx, notifyd.Notify{
		URL:     os.Getenv("ORDERS_URL"),
		Data:    map[string]int{"order": 17},
		DelayMs: time.Hour.Milliseconds(),
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Cancel(ctx, accepted.ID)
	if errors.Is(err, notifyd.ErrConflict) {
		log.Fatal("too late: it is settled")
	} else if err != nil {
		log.Fatal(err)
	}
	// docs: end
}
