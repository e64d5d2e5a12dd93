// Package envoy makes tables of what the admin interface of an Envoy answers.
//
// Job: rows for people. Inputs: JSON of Envoy's admin interface, without secrets. Outputs: rows of text.
// PURE: no clients, context, clock, goroutines or logging. Ownership: values.
package envoy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// clusters is the answer of /clusters?format=json (envoy.admin.v3.Clusters).
type clusters struct {
	Statuses []cluster `json:"cluster_statuses"`
}

type cluster struct {
	Name  string `json:"name"`
	Hosts []host `json:"host_statuses"`
}

type host struct {
	Address struct {
		Socket struct {
			Address string `json:"address"`
			Port    int    `json:"port_value"`
		} `json:"socket_address"`
	} `json:"address"`
	Stats []struct {
		Name  string      `json:"name"`
		Value json.Number `json:"value"`
	} `json:"stats"`
	Health map[string]any `json:"health_status"`
}

func readClusters(body []byte) (clusters, error) {
	var read clusters
	if err := json.Unmarshal(body, &read); err != nil {
		return clusters{}, fmt.Errorf("clusters of Envoy: %w", err)
	}
	slices.SortFunc(read.Statuses, func(a, b cluster) int { return cmp.Compare(a.Name, b.Name) })
	return read, nil
}

func (h host) stat(name string) int64 {
	for _, stat := range h.Stats {
		if stat.Name == name {
			value, _ := stat.Value.Int64() // Envoy writes whole numbers
			return value
		}
	}
	return 0
}

// unhealthy names why a host takes no requests; empty: it does.
func (h host) unhealthy() string {
	var reasons []string
	for name, value := range h.Health {
		switch value := value.(type) {
		case bool:
			if value {
				reasons = append(reasons, name)
			}
		case string:
			if name == "eds_health_status" && value != "HEALTHY" && value != "UNKNOWN" {
				reasons = append(reasons, value)
			}
		}
	}
	slices.Sort(reasons)
	return strings.Join(reasons, ",")
}

// Clusters are rows of cluster, endpoints, healthy ones, requests so far and requests in flight.
func Clusters(body []byte) (rows [][]string, err error) {
	read, err := readClusters(body)
	for _, cluster := range read.Statuses {
		healthy, requests, active := 0, int64(0), int64(0)
		for _, host := range cluster.Hosts {
			if host.unhealthy() == "" {
				healthy++
			}
			requests += host.stat("rq_total")
			active += host.stat("rq_active")
		}
		rows = append(rows, []string{cluster.Name, fmt.Sprint(len(cluster.Hosts)), fmt.Sprint(healthy), fmt.Sprint(requests), fmt.Sprint(active)})
	}
	return rows, err
}

// Endpoints are rows of cluster, address, health, requests so far and requests in flight.
func Endpoints(body []byte) (rows [][]string, err error) {
	read, err := readClusters(body)
	for _, cluster := range read.Statuses {
		for _, host := range cluster.Hosts {
			rows = append(rows, []string{
				cluster.Name, fmt.Sprintf("%s:%d", host.Address.Socket.Address, host.Address.Socket.Port), cmp.Or(host.unhealthy(), "healthy"),
				fmt.Sprint(host.stat("rq_total")), fmt.Sprint(host.stat("rq_active")),
			})
		}
	}
	return rows, err
}

// Routes are rows of table, domains, number of rules and version.
func Routes(body []byte) (rows [][]string, err error) {
	var dump struct {
		Configs []struct {
			Version string `json:"version_info"`
			Table   struct {
				Name  string `json:"name"`
				Hosts []struct {
					Domains []string `json:"domains"`
					Routes  []any    `json:"routes"`
					Matcher any      `json:"matcher"`
				} `json:"virtual_hosts"`
			} `json:"route_config"`
		} `json:"configs"`
	}
	if err := json.Unmarshal(body, &dump); err != nil {
		return nil, fmt.Errorf("routes of Envoy: %w", err)
	}
	for _, config := range dump.Configs {
		for _, host := range config.Table.Hosts {
			rules := fmt.Sprint(len(host.Routes))
			if host.Matcher != nil {
				rules = "a tree"
			}
			rows = append(rows, []string{config.Table.Name, strings.Join(host.Domains, ","), rules, config.Version})
		}
	}
	slices.SortFunc(rows, slices.Compare[[]string])
	return rows, nil
}
