// Submits a call, and prints its id: it is on the broker's disk by then.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"notifyd"
)

func main() {
	// docs: begin
	client, err := notifyd.New(notifyd.Config{}) // NOTIFYD_URL, NOTIFYD_TOKEN and NOTIFYD_NAMESPACE say where and as whom
	if err != nil {
		log.Fatal(err)
	}
	accepted, err := client.Submit(context.Background(), notifyd.Notify{
		URL:  os.Getenv("ORDERS_URL"),
		Data: map[string]int{"order": 17},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(accepted.ID)
	// docs: end
}
