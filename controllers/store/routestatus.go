package store

import (
	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// RouteStatus is the status of a route of any kind, which belongs to the object; nil: the object is no route.
func RouteStatus(object client.Object) *gwv1.RouteStatus {
	switch object := object.(type) {
	case *gwv1.HTTPRoute:
		return &object.Status.RouteStatus
	case *gwv1.GRPCRoute:
		return &object.Status.RouteStatus
	case *gwv1.TLSRoute:
		return &object.Status.RouteStatus
	case *gwv1.TCPRoute:
		return &object.Status.RouteStatus
	case *gwv1.UDPRoute:
		return &object.Status.RouteStatus
	}
	return nil
}

// RouteParents are the entries of the status of a route; nil for any other object.
func RouteParents(object client.Object) []gwv1.RouteParentStatus {
	if status := RouteStatus(object); status != nil {
		return status.Parents
	}
	return nil
}
