package main

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"

	routev1 "github.com/openshift/api/route/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// head has the port for requests, and one that answers the kubelet. Sockets are handed from old
// workers to new ones, so that no connection is refused while they change.
const head = `global
  stats socket /run/haproxy/stats.sock mode 600 level admin expose-fd listeners
  hard-stop-after 60s
defaults
  mode http
  timeout connect 5s
  timeout client 5m
  timeout server 5m
  timeout http-request 30s
frontend health
  bind :8404
  monitor-uri /ready
frontend routes
  bind :8080
`

// render is the configuration for the Routes. The longest path of a host comes first.
func render(routes []routev1.Route, endpoints []discoveryv1.EndpointSlice) []byte {
	routes = slices.DeleteFunc(slices.Clone(routes), func(r routev1.Route) bool { return r.Spec.Host == "" || r.Spec.TLS != nil })
	slices.SortFunc(routes, func(a, b routev1.Route) int {
		return cmp.Or(cmp.Compare(a.Spec.Host, b.Spec.Host), -cmp.Compare(len(a.Spec.Path), len(b.Spec.Path)),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	text := bytes.NewBufferString(head)
	for _, r := range routes {
		condition := fmt.Sprintf("{ req.hdr(host),field(1,:),lower -m str %q }", r.Spec.Host)
		if r.Spec.Path != "" {
			condition += fmt.Sprintf(" { path_beg %q }", r.Spec.Path)
		}
		fmt.Fprintf(text, "  use_backend %s:%s if %s\n", r.Namespace, r.Name, condition)
	}
	for _, r := range routes {
		fmt.Fprintf(text, "backend %s:%s\n", r.Namespace, r.Name)
		for _, s := range servers(r, endpoints) {
			fmt.Fprintf(text, "  server %s %s weight %d\n", unbracketed.Replace(s.address), s.address, s.weight)
		}
	}
	return text.Bytes()
}

// unbracketed makes a name for haproxy of an address.
var unbracketed = strings.NewReplacer("[", "", "]", "")

// server is one endpoint and its share.
type server struct {
	address string
	weight  int
}

// servers are the ready endpoints of all Services of a Route. Those of one Service share its
// weight, so that the number of Pods does not shift requests between Services.
func servers(route routev1.Route, endpoints []discoveryv1.EndpointSlice) []server {
	const most = 256 // what haproxy takes
	shares, greatest := map[string]float64{}, 0.0
	for _, to := range append([]routev1.RouteTargetReference{route.Spec.To}, route.Spec.AlternateBackends...) {
		weight := 100.0
		if to.Weight != nil {
			weight = float64(*to.Weight)
		}
		addresses := ready(route, to.Name, endpoints)
		for _, address := range addresses {
			shares[address] += weight / float64(len(addresses))
			greatest = max(greatest, shares[address])
		}
	}
	var all []server
	for _, address := range slices.Sorted(maps.Keys(shares)) {
		s := server{address: address}
		if shares[address] > 0 {
			s.weight = max(1, int(math.Round(shares[address]/greatest*most)))
		}
		all = append(all, s)
	}
	return all
}

// ready are the addresses of a Service's ready endpoints at the port of a Route, sorted. Without a
// port every port of the Service is one, as in OpenShift.
func ready(route routev1.Route, service string, endpoints []discoveryv1.EndpointSlice) []string {
	var addresses []string
	for _, slice := range endpoints {
		if slice.Namespace != route.Namespace || slice.Labels[discoveryv1.LabelServiceName] != service {
			continue
		}
		for _, port := range slice.Ports {
			if port.Port == nil || !wanted(route, port) {
				continue
			}
			for _, endpoint := range slice.Endpoints {
				if endpoint.Conditions.Ready != nil && !*endpoint.Conditions.Ready {
					continue
				}
				addresses = append(addresses, net.JoinHostPort(endpoint.Addresses[0], strconv.Itoa(int(*port.Port))))
			}
		}
	}
	slices.Sort(addresses)
	return slices.Compact(addresses)
}

// wanted says whether a Route leads to a port: targetPort is the name or the number of an
// endpoint's port.
func wanted(route routev1.Route, port discoveryv1.EndpointPort) bool {
	if route.Spec.Port == nil {
		return true
	}
	target := route.Spec.Port.TargetPort.String()
	return port.Name != nil && *port.Name == target || strconv.Itoa(int(*port.Port)) == target
}
