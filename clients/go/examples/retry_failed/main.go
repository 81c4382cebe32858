// Lists what failed in a lane, and sends it again.
package main

import (
	"context"
	"fmt"
	"log"

	"notifyd"
)

func main() {
	// docs: begin
	ctx := context.Background()
	client, err := notifyd.New(notifyd.Config{})
	if err != nil {
		log.Fatal(err)
	}
	failed := client.List(notifyd.Filters{Filter: notifyd.Filter{
		State: []notifyd.State{notifyd.StateFailed},
		Lane:  "orders",
	}})
	for failed.Next(ctx) {
		fmt.Println(failed.Item().ID)
		if _, err := client.Retry(ctx, failed.Item().ID); err != nil {
			log.Fatal(err)
		}
	}
	if err := failed.Err(); err != nil {
		log.Fatal(err)
	}
	// docs: end
}
