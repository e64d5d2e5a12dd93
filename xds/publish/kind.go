package publish

import "github.com/kedify/inference-gateway/xds/resource"

// kind is a resource.Type as a small number, for arrays instead of maps.
type kind uint8

const (
	cluster kind = iota
	endpoint
	secret
	listener
	scope
	route
	kinds // how many there are
)

// kindTypes are the type URLs of the kinds.
var kindTypes = [kinds]resource.Type{
	cluster:  resource.Cluster,
	endpoint: resource.Endpoint,
	secret:   resource.Secret,
	listener: resource.Listener,
	scope:    resource.Scope,
	route:    resource.Route,
}

// kindNames are the values of the metric label "type".
var kindNames = [kinds]string{
	cluster:  "cluster",
	endpoint: "endpoint",
	secret:   "secret",
	listener: "listener",
	scope:    "scope",
	route:    "route",
}

var kindsByType = func() map[resource.Type]kind {
	byType := make(map[resource.Type]kind, kinds)
	for k, t := range kindTypes {
		byType[t] = kind(k)
	}
	return byType
}()

// wildcard reports whether proxies ask for all resources of the kind instead of for names
// (xDS protocol, "wildcard subscriptions").
func (k kind) wildcard() bool { return k == cluster || k == listener || k == scope }

// follows reports whether resources of the kind are pushed right behind the resource that
// names them: endpoints behind a cluster, a route configuration behind a scope.
func (k kind) follows() bool { return k == endpoint || k == route }
