package translate

import (
	"strconv"
	"strings"

	"github.com/kedify/inference-gateway/xds/bootstrap"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/check"
)

// Names of what we put into the proxy. They are part of the wire: a changed name recreates
// the resource in every running proxy.
const (
	// ChainHeader and HostHeader are the two fragments of the scope key.
	ChainHeader = check.KeyHeaders + "chain"
	HostHeader  = check.KeyHeaders + "host"

	// stepHeader is the number of the next filter of a listener.
	stepHeader = check.KeyHeaders + "step"

	// reasonHeader is why the proxy answers a request itself. It is for the access log, and requests with it are not forwarded.
	reasonHeader = check.KeyHeaders + "reason"

	// WildcardHost is the second fragment of the scope key of a chain's wildcard table.
	WildcardHost = "*"

	// InvalidCluster is a cluster that never exists: the share of invalid targets is sent
	// there and answered 500.
	InvalidCluster = "invalid"
	// noPickerCluster never exists either: the picker filter calls no picker unless the target
	// names its picker.
	noPickerCluster = "no-picker"
	// noHoldCluster likewise, for the hold filter.
	noHoldCluster = "no-hold"

	// Route names that belong to no object.
	NoMatchRoute = "no-match"
	noHostRoute  = "no-host"

	// Filter names, the keys of per-route configuration.
	clientFilter   = "client"
	bodyFilter     = "body-limit"
	fallbackFilter = "fallback"
	redirectFilter = "redirect"
	corsFilter     = "envoy.filters.http.cors"
	authFilter     = "authorization"
	holdFilter     = "hold"
	pickerFilter   = "picker"
	routingFilter  = "routing-headers"
	upgradeFilter  = "upgrade"
	trailersFilter = "request-trailers"
	rewriteFilter  = "rewrite"
	routerFilter   = "router"
	listenerFilter = "listener"
	rematchFilter  = "rematch"
)

// ListenerName names a bound port.
func ListenerName(transport ir.Transport, port uint32) string {
	return string(transport) + "/" + strconv.FormatUint(uint64(port), 10)
}

// trustedChain names the filter chain for connections of trusted proxies, where a chain has two.
func trustedChain(chain string) string { return chain + " trusted" }

// ListenerPort returns the port of a listener by its name.
func ListenerPort(name string) (port uint32, ok bool) {
	_, number, found := strings.Cut(name, "/")
	value, err := strconv.ParseUint(number, 10, 16)
	return uint32(value), found && err == nil
}

// ScopeName names the scope of one host of a chain; WildcardHost for the wildcard table. A
// hostname has no slash, so the last one separates it from the chain.
func ScopeName(chain, host string) string { return chain + "/" + host }

// RouteName names the table of one host of a chain; WildcardHost for the wildcard table.
func RouteName(chain, host string) string { return chain + "/" + host }

// ClusterName names a backend.
func ClusterName(key ir.ClusterKey) string { return key.String() }

// EndpointsName names the endpoints of a backend: clusters that differ in scope share them.
func EndpointsName(key ir.ClusterKey) string { return key.Endpoints().String() }

// DemandPrefix is the first part of the name under which clusters with a demand key count:
// "demand/<namespace>/<HTTPScaler>". Clusters of one key share their statistics.
const DemandPrefix = "demand/"

// demandKey is the HTTPScaler that the requests of a cluster count for; zero: none.
func demandKey(key ir.ClusterKey) ir.Key {
	if key.Demand == "" {
		return ir.Key{}
	}
	return ir.Key{Namespace: key.Namespace, Name: key.Demand}
}

// demandName is the name that a cluster counts under; empty: its own.
func demandName(c ir.Cluster) string {
	switch {
	case c.Key.Demand == "":
		return ""
	case c.CountsWork():
		return DemandPrefix + demandKey(c.Key).String() + bootstrap.WorkSuffix
	}
	return DemandPrefix + demandKey(c.Key).String()
}

// SecretName names key material. The IR's names already are identities.
func SecretName(name string) string { return name }
