// Takes the broker's calls: only those that it signed, and each once.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"

	"notifyd"
)

func main() {
	// docs: begin
	verifier, err := notifyd.NewVerifier(os.Getenv("WEBHOOK_KEY")) // whsec_...; while keys are rotated, both
	if err != nil {
		log.Fatal(err)
	}
	receiver := notifyd.Receiver{Verifier: verifier, Dedup: notifyd.NewDedup(0, 0)}
	http.Handle("/orders", receiver.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var order struct{ Order int }
		if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Println("order", order.Order) // answered 200, it counts as done; otherwise it comes again
	})))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
	// docs: end
}
