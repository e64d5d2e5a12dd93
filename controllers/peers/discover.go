package peers

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"

	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Slices finds replicas in the EndpointSlices of their own Service.
//
// Readiness does not matter: a replica is ready once its model is complete, and serves
// Envoys and peers before that and, while it terminates, after it. EndpointSlices list Pods
// that are not ready without publishNotReadyAddresses, which would let DNS and the cluster IP
// lead Envoys to them. So replicas that start together find each other before either is ready.
//
// A slice without the port is no replicas': the Pods of the command "wiring" stand in for the
// controllers at KEDA's port alone.
type Slices struct {
	// Reader is a cache of EndpointSlices.
	Reader client.Reader
	// Namespace and Service are those of the installation, Port is where replicas listen.
	Namespace, Service string
	Port               int
	// Self is the IP of this Pod; "" when unknown: then a replica recognises its own name.
	Self string
}

// Addresses returns one address for each other Pod of the Service, sorted.
func (s Slices) Addresses(ctx context.Context) ([]string, error) {
	slicesOfService := discoveryv1.EndpointSliceList{}
	err := s.Reader.List(ctx, &slicesOfService, client.InNamespace(s.Namespace),
		client.MatchingLabels{discoveryv1.LabelServiceName: s.Service})
	if err != nil {
		return nil, fmt.Errorf("list the endpoints of %s/%s: %w", s.Namespace, s.Service, err)
	}
	pods := map[string]string{} // a Pod has a slice for each family of addresses
	self := ""
	for _, slice := range slicesOfService.Items {
		if !s.opens(slice.Ports) {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			for _, ip := range endpoint.Addresses {
				pod := ip
				if endpoint.TargetRef != nil {
					pod = endpoint.TargetRef.Name
				}
				if ip == s.Self {
					self = pod
				}
				if known, ok := pods[pod]; !ok || ip < known {
					pods[pod] = ip
				}
			}
		}
	}
	delete(pods, self)
	addresses := make([]string, 0, len(pods))
	for _, ip := range pods {
		addresses = append(addresses, net.JoinHostPort(ip, strconv.Itoa(s.Port)))
	}
	slices.Sort(addresses)
	return addresses, nil
}

// opens reports whether ports have the one where replicas listen.
func (s Slices) opens(ports []discoveryv1.EndpointPort) bool {
	return slices.ContainsFunc(ports, func(port discoveryv1.EndpointPort) bool { return port.Port != nil && int(*port.Port) == s.Port })
}
