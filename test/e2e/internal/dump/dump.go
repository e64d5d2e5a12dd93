// Package dump reads what a controller says about itself on its port for metrics.
//
// Job: let tests see what the product believes about demand, replica by replica.
// Inputs: the address of one controller.
// Outputs: what it knows of each trigger.
// Ownership: a request per question; nothing is kept.
package dump

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"
)

// port of metrics and dumps.
const port = "8080"

// Demand is what one controller knows of one trigger.
type Demand struct {
	// Key is the namespace and name of the HTTPScaler.
	Key string
	// Unknown says why the numbers are not known; empty: they are.
	Unknown  string
	Rate     float64
	InFlight uint64
	Active   bool
	// Held by all controllers together, and by each: "" is the one that was asked.
	Held   int
	HeldBy map[string]int
	// Proxies as they reported last.
	Proxies []Proxy
}

// Proxy is what one Envoy said.
type Proxy struct {
	Node, Replica, Age          string
	Heard                       bool
	Requests, Retries, InFlight uint64
}

// Demands asks the controller with the address of a pod.
func Demands(ctx context.Context, ip string) (map[string]Demand, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(ip, port)+"/demand", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s of %s", response.Status, request.URL)
	}
	var list []Demand
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		return nil, fmt.Errorf("%s: %w", request.URL, err)
	}
	byKey := map[string]Demand{}
	for _, demand := range list {
		byKey[demand.Key] = demand
	}
	return byKey, nil
}
