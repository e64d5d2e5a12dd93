package request

import (
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/offline"
)

// Unserved are the hostnames of routes with a problem, and what it is.
func Unserved(problems []offline.Problem, objects []client.Object) map[string]string {
	hostnames := map[string]string{}
	for _, problem := range problems {
		for _, object := range objects {
			_, kind := offline.ParentRefs(object)
			if kind != problem.Object.Kind || client.ObjectKeyFromObject(object) != problem.Object.Key {
				continue
			}
			for _, hostname := range hostnamesOf(object) {
				hostnames[string(hostname)] = fmt.Sprintf("%s %s: %s", kind, problem.Object.Key, problem.Message)
			}
		}
	}
	return hostnames
}

func hostnamesOf(object client.Object) []gwv1.Hostname {
	switch route := object.(type) {
	case *gwv1.HTTPRoute:
		return route.Spec.Hostnames
	case *gwv1.GRPCRoute:
		return route.Spec.Hostnames
	}
	return nil
}
